/* Rows of fan-outs that are not made whole yet. */
#include "store/expand.h"
#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

enum { TARGET_BYTES = 8 };

static size_t put_targets(const int64_t *targets, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		for (int j = 0; j < TARGET_BYTES; j++)
			*out++ = (uint8_t)((uint64_t)targets[i] >> (8 * (TARGET_BYTES - 1 - j)));
	}
	return len * TARGET_BYTES;
}

void rows_expansion(const struct run *run, struct expansion *part)
{
	struct slice bytes = run_blob_at(run, 2);
	const uint8_t *at = (const uint8_t *)bytes.at;
	*part = (struct expansion){.event = run_int_at(run, 0), .last = run_int_at(run, 1), .len = bytes.len / TARGET_BYTES};
	if (part->len > EXPANSION_PART)
		part->len = EXPANSION_PART;
	for (size_t i = 0; i < part->len; i++) {
		uint64_t target = 0;
		for (int j = 0; j < TARGET_BYTES; j++)
			target = target << 8 | *at++;
		part->targets[i] = (int64_t)target;
	}
}

int rows_expansion_has(struct db *db, int64_t event, int64_t endpoint)
{
	struct expansion part;
	struct run run = db_run(db, QUERY_EXPANSION_AT);
	run_int(&run, 1, event);
	run_int(&run, 2, endpoint);
	int found = run_row(&run);
	if (found <= 0)
		return found;
	rows_expansion(&run, &part);
	run_end(&run);
	return expansion_take(&part, endpoint);
}

int sqlite_expansion_begin(struct sqlite *s, int64_t event, struct endpoint *const *targets, size_t len)
{
	for (size_t i = 0; i < len; i += EXPANSION_PART) {
		int64_t ids[EXPANSION_PART] = {0};
		uint8_t bytes[EXPANSION_PART * TARGET_BYTES];
		size_t part = len - i < EXPANSION_PART ? len - i : EXPANSION_PART;
		for (size_t j = 0; j < part; j++)
			ids[j] = targets[i + j]->meta.id;
		struct run run = db_run(&s->db, QUERY_EXPANSION_INSERT);
		run_int(&run, 1, event);
		run_int(&run, 2, targets[i + part - 1]->meta.id);
		run_blob(&run, 3, bytes, put_targets(ids, part, bytes));
		if (sqlite_done(s, &run))
			return -1;
	}
	s->base.expanding = s->base.expands = true;
	return 0;
}

static int part_of(struct sqlite *s, struct run *run, struct expansion *part)
{
	int found = sqlite_row(s, run);
	if (found > 0)
		rows_expansion(run, part);
	run_end(run);
	return found;
}

int sqlite_expansion_first(struct engine *engine, struct expansion *part)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EXPANSION_FIRST);
	return part_of(s, &run, part);
}

int sqlite_expansion_at(struct engine *engine, int64_t event, int64_t endpoint, struct expansion *part)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EXPANSION_AT);
	run_int(&run, 1, event);
	run_int(&run, 2, endpoint);
	return part_of(s, &run, part);
}

int sqlite_expansion_event_after(struct engine *engine, int64_t event, int64_t *next)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EXPANSION_EVENT_AFTER);
	run_int(&run, 1, event);
	return sqlite_value(s, &run, next);
}

int sqlite_expansion_put(struct engine *engine, const struct expansion *part)
{
	struct sqlite *s = sqlite_of(engine);
	uint8_t bytes[EXPANSION_PART * TARGET_BYTES];
	struct run run = db_run(&s->db, part->len ? QUERY_EXPANSION_PUT : QUERY_EXPANSION_DELETE);
	run_int(&run, 1, part->event);
	run_int(&run, 2, part->last);
	if (part->len)
		run_blob(&run, 3, bytes, put_targets(part->targets, part->len, bytes));
	return sqlite_done(s, &run);
}

int sqlite_expansion_event(struct engine *engine, int64_t id, size_t data_max, struct event **event)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_EXPANSION_EVENT);
	run_int(&run, 1, id);
	run_int(&run, 2, (int64_t)data_max);
	int found = sqlite_row(s, &run);
	if (found > 0) {
		struct event_fields fields;
		rows_event(&run, &fields);
		fields.data = run_blob_at(&run, 14);
		fields.context = run_text_at(&run, 15);
		*event = event_new(&fields, NULL);
		if (*event)
			(*event)->id = id;
	}
	run_end(&run);
	if (found > 0 && !*event) {
		db_failed(&s->db, SQLITE_NOMEM);
		return sqlite_failed(s);
	}
	return found;
}
