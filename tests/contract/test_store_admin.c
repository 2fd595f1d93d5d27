/* The store contract: administrators. */
#include <stdio.h>
#include <string.h>

#include "world.h"

static struct admin put(struct world *w, const char *name, const char *hash, bool replace, enum err_code fate)
{
	struct admin admin = {.id = 0};
	struct store_change change = {.what = CHANGE_ADMIN_PUT, .admin = &admin, .replace = replace};
	snprintf(admin.name, sizeof admin.name, "%s", name);
	snprintf(admin.hash, sizeof admin.hash, "%s", hash);
	assert_int_equal(store_change(w->store, &change), fate == ERR_NONE ? 0 : -1);
	assert_int_equal(change.cmd.fate, fate);
	if (fate == ERR_NONE)
		assert_int_equal(change.result_id, admin.id);
	else
		assert_non_null(strstr(change.err.detail, "there is an administrator"));
	store_change_clear(&change);
	return admin;
}

static int disable(struct world *w, const char *name)
{
	struct admin admin = {.id = 0};
	struct store_change change = {.what = CHANGE_ADMIN_DISABLE, .admin = &admin};
	snprintf(admin.name, sizeof admin.name, "%s", name);
	int result = store_change(w->store, &change);
	assert_true(result == 0 || change.err.code == ERR_NOT_FOUND);
	store_change_clear(&change);
	return result;
}

static struct admin get(struct world *w, const char *name)
{
	struct admin admin;
	struct err err = {.code = ERR_NONE};
	assert_int_equal(reader_admin(w->reader, slice_of(name), &admin, &err), 0);
	return admin;
}

static void an_admin_is_found_by_name_after_a_restart(void **state)
{
	struct world *w = *state;
	struct admin made = put(w, "ada", "hash one", false, ERR_NONE);
	assert_true(made.id > 0);
	world_close(w);
	world_open(w);
	struct admin admin = get(w, "ada");
	assert_int_equal(admin.id, made.id);
	assert_string_equal(admin.hash, "hash one");
	assert_int_equal(admin.created_ms, w->wall_ms);
	assert_false(admin.disabled);
	struct err err = {.code = ERR_NONE};
	assert_int_equal(reader_admin(w->reader, slice_of("Ada"), &admin, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	/* Its id is never given to anything else, even when the clock went back. */
	w->wall_ms -= 3600000;
	world_close(w);
	world_open(w);
	assert_true(put(w, "bob", "h", false, ERR_NONE).id > made.id);
}

static void a_name_is_taken_unless_it_is_replaced(void **state)
{
	struct world *w = *state;
	struct admin made = put(w, "ada", "hash one", false, ERR_NONE);
	put(w, "ada", "hash two", false, ERR_UID_TAKEN);
	assert_string_equal(get(w, "ada").hash, "hash one");
	assert_int_equal(disable(w, "ada"), 0);
	assert_true(get(w, "ada").disabled);
	put(w, "ada", "hash two", false, ERR_UID_TAKEN);
	w->wall_ms += 1000;
	struct admin again = put(w, "ada", "hash two", true, ERR_NONE);
	assert_int_equal(again.id, made.id);
	assert_int_equal(again.created_ms, made.created_ms);
	assert_string_equal(get(w, "ada").hash, "hash two");
	assert_false(get(w, "ada").disabled);
}

struct names {
	char text[64];
};

static int add_name(void *context, const struct admin *admin)
{
	struct names *names = context;
	size_t len = strlen(names->text);
	snprintf(names->text + len, sizeof names->text - len, "%s%s ", admin->name, admin->disabled ? "-" : "+");
	return 0;
}

static void admins_are_listed_by_name(void **state)
{
	struct world *w = *state;
	struct names names = {.text = ""};
	struct err err = {.code = ERR_NONE};
	put(w, "cy", "h", false, ERR_NONE);
	put(w, "ada", "h", false, ERR_NONE);
	put(w, "bob", "h", false, ERR_NONE);
	assert_int_equal(disable(w, "bob"), 0);
	assert_int_equal(disable(w, "nobody"), -1);
	assert_int_equal(reader_admins(w->reader, add_name, &names, &err), 0);
	assert_string_equal(names.text, "ada+ bob- cy+ ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(an_admin_is_found_by_name_after_a_restart),
	    WORLD_TEST(a_name_is_taken_unless_it_is_replaced),
	    WORLD_TEST(admins_are_listed_by_name),
	};
	return world_main("store_admin", tests, sizeof tests / sizeof *tests);
}
