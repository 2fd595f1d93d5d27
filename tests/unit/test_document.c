/* Merge patches (RFC 7396), and the documents of subscribers. */
#include "endpoint_fixture.h"

#include <stdlib.h>

#include "base/id.h"
#include "model/subscriber.h"

/* RFC 7396, appendix A: original, patch, result. */
static const char *const appendix[][3] = {
    {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
    {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
    {"{'a':'b'}", "{'a':null}", "{}"},
    {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
    {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
    {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
    {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
    {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
    {"['a','b']", "['c','d']", "['c','d']"},
    {"{'a':'b'}", "['c']", "['c']"},
    {"{'a':'foo'}", "null", "null"},
    {"{'a':'foo'}", "'bar'", "'bar'"},
    {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
    {"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
    {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
};

static void the_cases_of_rfc_7396_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof appendix / sizeof appendix[0]; i++) {
		json_t *target = fixture_json(appendix[i][0]), *patch = fixture_json(appendix[i][1]),
		       *expected = fixture_json(appendix[i][2]);
		/* One level down, where originals and patches need not be objects; a null there takes the member out. */
		json_t *outer = json_pack("{s:O}", "x", target), *outer_patch = json_pack("{s:O}", "x", patch);
		assert_int_equal(json_merge_patch(outer, outer_patch), 0);
		json_t *result = json_object_get(outer, "x");
		if (json_is_null(expected) ? result != NULL : !json_equal(result, expected))
			fail_msg("case %zu", i);
		json_decref(outer);
		json_decref(outer_patch);
		json_decref(target);
		target = fixture_json(appendix[i][0]);
		if (json_is_object(target) && json_is_object(patch)) {
			assert_int_equal(json_merge_patch(target, patch), 0);
			assert_true(json_equal(target, expected));
		} else {
			assert_int_equal(json_merge_patch(target, patch), -1);
		}
		json_decref(target);
		json_decref(patch);
		json_decref(expected);
	}
}

static void a_patch_is_copied(void **state)
{
	(void)state;
	json_t *target = fixture_json("{}"), *patch = fixture_json("{'a': [1], 'b': {'c': 2}}"), *before = json_deep_copy(patch);
	assert_int_equal(json_merge_patch(target, patch), 0);
	json_array_append_new(json_object_get(target, "a"), json_integer(2));
	json_object_set_new(json_object_get(target, "b"), "c", json_null());
	assert_true(json_equal(patch, before));
	json_decref(target);
	json_decref(patch);
	json_decref(before);
}

static void a_deep_patch_is_merged(void **state)
{
	(void)state;
	enum { DEPTH = 1000 };
	json_t *target = json_object(), *patch = json_object();
	for (int i = 0; i < DEPTH; i++) {
		target = json_pack("{s:o}", "a", target);
		patch = json_pack("{s:o, s:n}", "a", patch, "b");
	}
	assert_int_equal(json_merge_patch(target, patch), 0);
	json_decref(target);
	json_decref(patch);
}

static const char *first_error(json_t *doc, struct err *err)
{
	*err = (struct err){0};
	return subscriber_check(doc, err) ? err->fields[0].pointer : NULL;
}

static void subscribers_need_a_name(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pointer;
	} cases[] = {
	    {"{'name': 'Acme'}", NULL},
	    {"{'name': 'Acme', 'uid': 'acme', 'metadata': {'plan': 'gold'}}", NULL},
	    {"{'name': 'Acme', 'uid': null, 'id': 'sub_x', 'created_at': 'x', 'updated_at': 1}", NULL},
	    {"{}", "/name"},
	    {"{'name': ''}", "/name"},
	    {"{'name': null}", "/name"},
	    {"{'name': 7}", "/name"},
	    {"{'name': 'a\\u0000'}", "/name"},
	    {"{'name': 'a', 'uid': 'a/b'}", "/uid"},
	    {"{'name': 'a', 'uid': []}", "/uid"},
	    {"{'name': 'a', 'metadata': []}", "/metadata"},
	    {"{'name': 'a', 'metadata': {'x~/': {}}}", "/metadata/x~0~1"},
	    {"{'name': 'a', 'metadata': {'x': 'a\\u0000'}}", "/metadata/x"},
	    {"{'name': 'a', 'colour': 'red'}", "/colour"},
	    {"'Acme'", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;
		json_t *doc = fixture_json(cases[i].text);
		const char *pointer = first_error(doc, &err);
		if ((pointer == NULL) != (cases[i].pointer == NULL) || (pointer && strcmp(pointer, cases[i].pointer) != 0))
			fail_msg("%s: %s", cases[i].text, pointer ? pointer : "accepted");
		assert_null(json_object_get(doc, "id"));
		json_decref(doc);
	}
}

static void names_and_metadata_are_limited(void **state)
{
	(void)state;
	char text[16385];
	struct err err;
	memset(text, 'n', sizeof text);
	json_t *doc = json_pack("{s:s%}", "name", text, (size_t)255);
	assert_null(first_error(doc, &err));
	json_object_set_new(doc, "name", json_stringn(text, 256));
	assert_string_equal(first_error(doc, &err), "/name");
	json_object_set_new(doc, "name", json_string("a"));
	/* {"k":"…"} is 8 bytes around the text. */
	json_object_set_new(doc, "metadata", json_pack("{s:s%}", "k", text, (size_t)(16384 - 8)));
	assert_null(first_error(doc, &err));
	json_object_set_new(doc, "metadata", json_pack("{s:s%}", "k", text, (size_t)(16384 - 7)));
	assert_string_equal(first_error(doc, &err), "/metadata");
	json_decref(doc);
}

static void subscribers_are_shown_with_id_and_times(void **state)
{
	(void)state;
	char id[ID_TEXT_SIZE];
	id_format(ID_SUBSCRIBER, 42, id);
	json_t *doc = fixture_json("{'name': 'Acme'}"), *json = subscriber_json(doc, 42, 1700000000000, 1700000000001);
	json_t *expected = fixture_json("{'uid': null, 'name': 'Acme', 'metadata': {}, 'created_at': '2023-11-14T22:13:20.000Z',"
	                                "'updated_at': '2023-11-14T22:13:20.001Z'}");
	json_object_set_new(expected, "id", json_string(id));
	assert_true(json_equal(json, expected));
	assert_int_equal(subscriber_check(json, NULL), 0); /* what was shown can be put back */
	json_decref(json);
	json_decref(expected);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_cases_of_rfc_7396_hold),     cmocka_unit_test(a_patch_is_copied),
	    cmocka_unit_test(a_deep_patch_is_merged),         cmocka_unit_test(subscribers_need_a_name),
	    cmocka_unit_test(names_and_metadata_are_limited), cmocka_unit_test(subscribers_are_shown_with_id_and_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
