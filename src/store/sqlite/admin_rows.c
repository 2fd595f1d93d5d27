/* Rows of administrators, for the writer and the readers. */
#include <string.h>

#include "store/sqlite/reader.h"
#include "store/sqlite/sqlite.h"

/* What is longer than was ever stored is cut. */
static void copy_text(char *out, size_t size, struct slice text)
{
	if (text.len > 0)
		memcpy(out, text.at, text.len < size ? text.len : size - 1);
}

static void row_of(const struct run *run, struct admin *admin)
{
	*admin = (struct admin){.id = run_int_at(run, 0), .disabled = run_int_at(run, 3) != 0, .created_ms = run_int_at(run, 4)};
	copy_text(admin->name, sizeof admin->name, run_text_at(run, 1));
	copy_text(admin->hash, sizeof admin->hash, run_text_at(run, 2));
}

int sqlite_admin_of_name(struct engine *engine, const char *name, struct admin *admin)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ADMIN_OF_NAME);
	run_text(&run, 1, slice_of(name));
	int found = sqlite_row(s, &run);
	if (found > 0)
		row_of(&run, admin);
	run_end(&run);
	return found;
}

int sqlite_admin_put(struct engine *engine, const struct admin *admin)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ADMIN_PUT);
	run_int(&run, 1, admin->id);
	run_text(&run, 2, slice_of(admin->name));
	run_text(&run, 3, slice_of(admin->hash));
	run_int(&run, 4, admin->disabled);
	run_int(&run, 5, admin->created_ms);
	return sqlite_done(s, &run);
}

int sqlite_read_admins(struct store_reader *base, int (*row)(void *, const struct admin *), void *context, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_ADMINS_LIST);
	int found;
	while ((found = run_row(&run)) > 0) {
		struct admin admin;
		row_of(&run, &admin);
		if (row(context, &admin))
			break;
	}
	run_end(&run);
	return found < 0 ? reader_failed(r, err) : 0;
}

int sqlite_read_admin(struct store_reader *base, struct slice name, struct admin *admin, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	struct run run = db_run(&r->db, QUERY_ADMIN_OF_NAME);
	run_text(&run, 1, name);
	int found = run_row(&run);
	if (found > 0)
		row_of(&run, admin);
	run_end(&run);
	if (found < 0)
		return reader_failed(r, err);
	return found ? 0 : reader_not_found(err, "administrator");
}
