/* The scanner against the JSONTestSuite corpus (tests/data/json-parsing), and what slices promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>

#include "json/scan.h"

enum { DEPTH = 512 };

/* A whole text: 0 when it is JSON. The bytes are copied to the heap exactly, so that a sanitizer sees any step outside. */
static int check_text(const char *bytes, size_t len, unsigned depth_max)
{
	static struct json_scan scan;
	struct slice value;
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	json_scan_init(&scan, (struct slice){copy, len}, depth_max);
	int result = json_value(&scan, &value) < 0 || json_end(&scan) < 0 ? -1 : 0;
	if (result < 0) {
		assert_non_null(scan.why);
		assert_in_range(scan.at - scan.begin, 0, len);
	}
	free(copy);
	return result;
}

static int check(const char *text)
{
	return check_text(text, strlen(text), DEPTH);
}

static char file_bytes[1 << 20];

static size_t read_file(const char *folder, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(file_bytes, 1, sizeof file_bytes, file);
	assert_true(feof(file));
	fclose(file);
	return len;
}

static void the_corpus_is_judged_as_its_file_names_say(void **state)
{
	(void)state;
	char folder[512];
	const char *srcdir = getenv("srcdir");
	snprintf(folder, sizeof folder, "%s/tests/data/json-parsing", srcdir ? srcdir : ".");
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	unsigned passed = 0, refused = 0, either = 0, wrong = 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		char kind = entry->d_name[0];
		if (entry->d_name[1] != '_' || !strchr("yni", kind))
			continue;
		size_t len = read_file(folder, entry->d_name);
		int result = check_text(file_bytes, len, DEPTH);
		passed += kind == 'y';
		refused += kind == 'n';
		either += kind == 'i';
		if ((kind == 'y' && result < 0) || (kind == 'n' && result == 0)) {
			print_error("%s was %s\n", entry->d_name, result < 0 ? "refused" : "passed");
			wrong++;
		}
	}
	closedir(dir);
	assert_int_equal(wrong, 0);
	/* All of it was there. */
	assert_int_equal(passed, 47);
	assert_int_equal(refused, 94);
	assert_int_equal(either, 18);
}

/* A reader that stops at each byte of a valid text must refuse, not read on. */
static void no_beginning_of_a_text_is_a_text(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"a\\u00e9\xc3\xa9\": [1.5e+3, true, null, {\"b\": \"\\ud83d\\ude00\"}, -0, \"\xf0\x9f\x98\x80\"], \"c\": {}}";
	assert_int_equal(check(text), 0);
	for (size_t len = 0; len < sizeof text - 1; len++)
		if (check_text(text, len, DEPTH) == 0)
			fail_msg("the first %zu bytes were taken for a text", len);
}

static void strings_of_every_length_and_place_are_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x1f", "\n", "\"\"", "\\x", "\\u12g4", "\x80", "\xc3", "\xed\xa0\x80", "\\"};
	char text[128];
	for (size_t before = 0; before < 20; before++) {
		for (size_t after = 0; after < 20; after++) {
			for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
				snprintf(text, sizeof text, "[\"%.*s%s%.*s\"]", (int)before, "~ !#abcdefghijklmnopq", bad[i], (int)after,
				         " ~0123456789abcdefghi");
				if (check(text) == 0)
					fail_msg("%s was taken for JSON", text);
			}
			snprintf(text, sizeof text, "[\"%.*s\xc3\xa9\\n%.*s\x7f\"]", (int)before, "~ !#abcdefghijklmnopq", (int)after,
			         " ~0123456789abcdefghi");
			assert_int_equal(check(text), 0);
		}
	}
	/* every single byte */
	for (unsigned byte = 0; byte < 256; byte++) {
		memcpy(text, "\"abcdefgh?ijklmnop\"", 20);
		text[9] = (char)byte;
		int valid = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
		assert_int_equal(check_text(text, 19, DEPTH), valid ? 0 : -1);
	}
}

static void assert_slice(struct slice slice, const char *expected)
{
	if (!slice_is(slice, expected))
		fail_msg("the slice is <%.*s>, not <%s>", (int)slice.len, slice.at, expected);
}

static void slices_are_the_original_bytes(void **state)
{
	(void)state;
	static const char text[] = " { \"data\" : {\"n\": 1.10, \"n\":12345678901234567890} ,\n\"list\":[ ],\"\":\t\"\\u0041\" } ";
	struct json_scan scan;
	struct slice key, value;
	json_scan_init(&scan, SLICE_LITERAL(text), DEPTH);
	assert_int_equal(json_peek(&scan), JSON_KIND_OBJECT);
	assert_int_equal(json_open_object(&scan), 0);
	assert_int_equal(json_member(&scan, &key, &value), 1);
	assert_slice(key, "\"data\"");
	assert_slice(value, "{\"n\": 1.10, \"n\":12345678901234567890}");
	assert_ptr_equal(value.at, strchr(text + 3, '{'));
	assert_int_equal(json_member(&scan, &key, &value), 1);
	assert_slice(key, "\"list\"");
	assert_slice(value, "[ ]");
	assert_int_equal(json_kind_of(value), JSON_KIND_ARRAY);
	assert_int_equal(json_member(&scan, &key, &value), 1);
	assert_slice(key, "\"\"");
	assert_slice(value, "\"\\u0041\"");
	assert_int_equal(json_member(&scan, &key, &value), 0);
	assert_int_equal(scan.depth, 0);
	assert_int_equal(json_end(&scan), 0);
}

static void containers_can_be_walked_level_by_level(void **state)
{
	(void)state;
	struct json_scan scan;
	struct slice key, value;
	json_scan_init(&scan, SLICE_LITERAL("{\"a\":[1,{\"b\":2},[ ]],\"c\":{ },\"d\":3}"), DEPTH);
	assert_int_equal(json_open_object(&scan), 0);
	assert_int_equal(json_member_key(&scan, &key), 1);
	assert_slice(key, "\"a\"");
	assert_int_equal(json_open_array(&scan), 0);
	assert_int_equal(json_element(&scan, &value), 1);
	assert_slice(value, "1");
	assert_int_equal(json_element(&scan, &value), 1);
	assert_slice(value, "{\"b\":2}");
	assert_int_equal(json_element(&scan, &value), 1);
	assert_slice(value, "[ ]");
	assert_int_equal(json_element(&scan, &value), 0);
	assert_int_equal(json_member_key(&scan, &key), 1);
	assert_slice(key, "\"c\"");
	assert_int_equal(json_open_object(&scan), 0);
	assert_int_equal(json_member(&scan, &key, &value), 0);
	assert_int_equal(json_member(&scan, &key, &value), 1);
	assert_slice(key, "\"d\"");
	assert_slice(value, "3");
	assert_int_equal(json_member(&scan, &key, &value), 0);
	assert_int_equal(json_end(&scan), 0);
}

/* Reads all members or elements of a container of any shape; 0 when it is whole and nothing follows. */
static int walk(const char *text)
{
	struct json_scan scan;
	struct slice key, value;
	int more;
	json_scan_init(&scan, slice_of(text), DEPTH);
	if (json_peek(&scan) == JSON_KIND_ARRAY) {
		if (json_open_array(&scan) < 0)
			return -1;
		while ((more = json_element(&scan, &value)) > 0)
			continue;
	} else {
		if (json_open_object(&scan) < 0)
			return -1;
		while ((more = json_member(&scan, &key, &value)) > 0)
			continue;
	}
	return more < 0 ? -1 : json_end(&scan);
}

static void walking_is_as_strict_as_reading_whole(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",      "1",         "[",     "[,]",      "[1,]",       "[,1]",      "[1 2]",       "[1",
	    "[1}",   "[1]]",      "{",     "{,}",      "{\"a\":1,}", "{\"a\"}",   "{\"a\" 1}",   "{\"a\":1 \"b\":2}",
	    "{a:1}", "{\"a\":1]", "{1:1}", "{\"a\":}", "{\"a\":1",   "{\"a\":1,", "{\"a\":1,,}", "[1],",
	    "[tru]", "[truee]",   "[nul",  "[01]",     "[-]",        "[1.]",      "[1e]",        "[+1]",
	    "[.5]",  "[0x1]",     "[\"a]", "[NaN]",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (walk(texts[i]) == 0)
			fail_msg("%s was taken for JSON", texts[i]);
	assert_int_equal(walk("[]"), 0);
	assert_int_equal(walk(" [ 1 , [2] ] "), 0);
	assert_int_equal(walk("{ }"), 0);
	assert_int_equal(walk("{\"a\" : 1 , \"a\" : {} }"), 0);
}

static void an_error_says_what_and_where(void **state)
{
	(void)state;
	struct json_scan scan;
	struct slice value;
	json_scan_init(&scan, SLICE_LITERAL("{\"a\": [1, 2}"), DEPTH);
	assert_int_equal(json_value(&scan, &value), -1);
	assert_string_equal(scan.why, "a comma or ] is missing");
	assert_int_equal(scan.at - scan.begin, 11);
	json_scan_init(&scan, SLICE_LITERAL("[1] x"), DEPTH);
	assert_int_equal(json_value(&scan, &value), 0);
	assert_int_equal(json_end(&scan), -1);
	assert_int_equal(scan.at - scan.begin, 4);
	json_scan_init(&scan, (struct slice){NULL, 0}, DEPTH);
	assert_int_equal(json_peek(&scan), JSON_KIND_NONE);
	assert_int_equal(json_value(&scan, &value), -1);
	assert_string_equal(scan.why, "the text ends too early");
}

/* Arrays and objects in turn, `levels` of them. */
static size_t nest(char *out, unsigned levels)
{
	char *at = out;
	for (unsigned i = 0; i < levels; i++) {
		memcpy(at, i % 2 ? "{\"a\":" : "[", i % 2 ? 5 : 1);
		at += i % 2 ? 5 : 1;
	}
	*at++ = '1';
	for (unsigned i = levels; i-- > 0;)
		*at++ = i % 2 ? '}' : ']';
	return (size_t)(at - out);
}

static char nested[6 * JSON_DEPTH_MAX + 64];

static void nesting_is_limited(void **state)
{
	(void)state;
	assert_int_equal(check_text(nested, nest(nested, DEPTH), DEPTH), 0);
	assert_int_equal(check_text(nested, nest(nested, DEPTH + 1), DEPTH), -1);
	assert_int_equal(check_text(nested, nest(nested, JSON_DEPTH_MAX), JSON_DEPTH_MAX), 0);
	assert_int_equal(check_text(nested, nest(nested, JSON_DEPTH_MAX + 1), JSON_DEPTH_MAX * 2), -1);
	assert_int_equal(check_text("[]", 2, 0), -1);
	assert_int_equal(check_text("1", 1, 0), 0);
}

static void open_containers_count_towards_the_limit(void **state)
{
	(void)state;
	struct json_scan scan;
	struct slice value;
	json_scan_init(&scan, SLICE_LITERAL("[[[1]],[[[1]]]]"), 3);
	assert_int_equal(json_open_array(&scan), 0);
	assert_int_equal(json_element(&scan, &value), 1);
	assert_int_equal(json_element(&scan, &value), -1);
	json_scan_init(&scan, SLICE_LITERAL("[[1]]"), 1);
	assert_int_equal(json_open_array(&scan), 0);
	assert_int_equal(json_open_array(&scan), -1);
}

static void *scan_deep_text(void *argument)
{
	enum { LEVELS = 100000 };
	struct json_scan scan;
	struct slice value;
	static char text[LEVELS];
	memset(text, '[', sizeof text);
	json_scan_init(&scan, (struct slice){text, sizeof text}, DEPTH);
	*(int *)argument = json_value(&scan, &value);
	return NULL;
}

static void deep_nesting_needs_no_stack(void **state)
{
	(void)state;
	pthread_attr_t attr;
	pthread_t thread;
	int result = 0;
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, 64 * 1024), 0);
	assert_int_equal(pthread_create(&thread, &attr, scan_deep_text, &result), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	assert_int_equal(result, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_corpus_is_judged_as_its_file_names_say),
	    cmocka_unit_test(no_beginning_of_a_text_is_a_text),
	    cmocka_unit_test(strings_of_every_length_and_place_are_checked),
	    cmocka_unit_test(slices_are_the_original_bytes),
	    cmocka_unit_test(containers_can_be_walked_level_by_level),
	    cmocka_unit_test(walking_is_as_strict_as_reading_whole),
	    cmocka_unit_test(an_error_says_what_and_where),
	    cmocka_unit_test(nesting_is_limited),
	    cmocka_unit_test(open_containers_count_towards_the_limit),
	    cmocka_unit_test(deep_nesting_needs_no_stack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
