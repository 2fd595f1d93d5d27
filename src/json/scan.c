/* The RFC 8259 scanner. It keeps no recursion: json_value() has a bit for each level it is inside of (object or array), and the
 * containers that the caller walks have a bit each in the struct. */
#include "json/scan.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/utf8.h"
#include "json/run.h"

static int scan_fail(struct json_scan *scan, const char *at, const char *why)
{
	scan->at = at;
	scan->why = why;
	return -1;
}

/* The error where something else was wanted: the end of the text has its own reason. */
static int scan_want(struct json_scan *scan, const char *why)
{
	return scan_fail(scan, scan->at, scan->at < scan->end ? why : "the text ends too early");
}

static void scan_space(struct json_scan *scan)
{
	const char *at = scan->at;
	while (at < scan->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	scan->at = at;
}

static bool scan_next_is(const struct json_scan *scan, char byte)
{
	return scan->at < scan->end && *scan->at == byte;
}

static bool scan_take(struct json_scan *scan, char byte)
{
	if (!scan_next_is(scan, byte))
		return false;
	scan->at++;
	return true;
}

const char json_too_deep[] = "values are nested too deep";

void json_scan_init(struct json_scan *scan, struct slice text, unsigned depth_max)
{
	scan->begin = text.at;
	scan->at = text.at;
	scan->end = text.len ? text.at + text.len : text.at;
	scan->depth_max = depth_max < JSON_DEPTH_MAX ? depth_max : JSON_DEPTH_MAX;
	scan->depth = 0;
	scan->why = NULL;
}

static enum json_kind scan_kind(char first)
{
	switch (first) {
	case '{':
		return JSON_KIND_OBJECT;
	case '[':
		return JSON_KIND_ARRAY;
	case '"':
		return JSON_KIND_STRING;
	case 't':
		return JSON_KIND_TRUE;
	case 'f':
		return JSON_KIND_FALSE;
	case 'n':
		return JSON_KIND_NULL;
	default:
		return first == '-' || (first >= '0' && first <= '9') ? JSON_KIND_NUMBER : JSON_KIND_NONE;
	}
}

enum json_kind json_kind_of(struct slice value)
{
	return value.len ? scan_kind(value.at[0]) : JSON_KIND_NONE;
}

enum json_kind json_peek(struct json_scan *scan)
{
	scan_space(scan);
	return scan->at < scan->end ? scan_kind(*scan->at) : JSON_KIND_NONE;
}

static bool scan_is_hex(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* The length of the escape at `at` (a backslash), 0 when it is none. */
static size_t scan_escape(const char *at, const char *end)
{
	if (end - at < 2)
		return 0;
	if (at[1] && strchr("\"\\/bfnrt", at[1]))
		return 2;
	if (at[1] != 'u' || end - at < 6)
		return 0;
	for (int i = 2; i < 6; i++)
		if (!scan_is_hex(at[i]))
			return 0;
	return 6;
}

static int scan_string(struct json_scan *scan)
{
	const char *at = scan->at + 1, *end = scan->end;
	for (;;) {
		at = json_run_end(at, end);
		if (at == end)
			return scan_fail(scan, end, "a string is not closed");
		size_t len;
		if (*at == '"')
			break;
		if (*at == '\\') {
			len = scan_escape(at, end);
			if (len == 0)
				return scan_fail(scan, at, "a backslash begins no escape");
		} else if ((unsigned char)*at < 0x20) {
			return scan_fail(scan, at, "a control character stands in a string unescaped");
		} else {
			len = utf8_sequence(at, end);
			if (len == 0)
				return scan_fail(scan, at, "a string is not UTF-8");
		}
		at += len;
	}
	scan->at = at + 1;
	return 0;
}

/* At least one digit. */
static bool scan_digits(struct json_scan *scan)
{
	const char *at = scan->at;
	while (at < scan->end && *at >= '0' && *at <= '9')
		at++;
	bool some = at > scan->at;
	scan->at = at;
	return some;
}

static int scan_number(struct json_scan *scan)
{
	scan_take(scan, '-');
	if (!scan_take(scan, '0') && !scan_digits(scan))
		return scan_want(scan, "a minus needs digits behind it");
	if (scan_take(scan, '.') && !scan_digits(scan))
		return scan_want(scan, "a decimal point needs digits behind it");
	if (scan_take(scan, 'e') || scan_take(scan, 'E')) {
		if (!scan_take(scan, '+'))
			scan_take(scan, '-');
		if (!scan_digits(scan))
			return scan_want(scan, "an exponent needs digits");
	}
	return 0;
}

static int scan_word(struct json_scan *scan, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return scan_fail(scan, scan->at, "a value is none of true, false and null");
	scan->at += len;
	return 0;
}

static int scan_scalar(struct json_scan *scan, enum json_kind kind)
{
	switch (kind) {
	case JSON_KIND_STRING:
		return scan_string(scan);
	case JSON_KIND_NUMBER:
		return scan_number(scan);
	case JSON_KIND_TRUE:
		return scan_word(scan, "true");
	case JSON_KIND_FALSE:
		return scan_word(scan, "false");
	case JSON_KIND_NULL:
		return scan_word(scan, "null");
	default:
		return scan_want(scan, "a value is missing");
	}
}

/* A key and its colon; white space before the key is read already. */
static int scan_key(struct json_scan *scan, struct slice *key)
{
	const char *begin = scan->at;
	if (!scan_next_is(scan, '"'))
		return scan_want(scan, "a member needs a key in quotes");
	if (scan_string(scan) < 0)
		return -1;
	struct slice found = {begin, (size_t)(scan->at - begin)};
	scan_space(scan);
	if (!scan_take(scan, ':'))
		return scan_want(scan, "a colon is missing behind a key");
	*key = found;
	return 0;
}

/* The containers that one json_value() is inside of: bit set = object. Bits below `level` are valid. */
struct scan_stack {
	unsigned level;
	uint64_t objects[JSON_DEPTH_MAX / 64];
};

static bool scan_in_object(const struct scan_stack *stack)
{
	unsigned top = stack->level - 1;
	return stack->objects[top / 64] >> top % 64 & 1;
}

static int scan_open(struct json_scan *scan, struct scan_stack *stack, bool object)
{
	unsigned top = stack->level;
	if (scan->depth + top >= scan->depth_max)
		return scan_fail(scan, scan->at, json_too_deep);
	uint64_t bit = UINT64_C(1) << top % 64;
	if (top % 64 == 0)
		stack->objects[top / 64] = 0;
	stack->objects[top / 64] = object ? stack->objects[top / 64] | bit : stack->objects[top / 64] & ~bit;
	stack->level++;
	scan->at++;
	return 0;
}

/* Behind a value: ends the containers that end here. 1: another value comes next, 0: the outermost value is whole. */
static int scan_follow(struct json_scan *scan, struct scan_stack *stack)
{
	struct slice key;
	while (stack->level > 0) {
		bool object = scan_in_object(stack);
		scan_space(scan);
		if (scan_take(scan, ',')) {
			scan_space(scan);
			return object && scan_key(scan, &key) < 0 ? -1 : 1;
		}
		if (!scan_take(scan, object ? '}' : ']'))
			return scan_want(scan, object ? "a comma or } is missing" : "a comma or ] is missing");
		stack->level--;
	}
	return 0;
}

/* Opens containers down to the first value that is none, or is empty, and reads that. */
static int scan_descend(struct json_scan *scan, struct scan_stack *stack)
{
	for (;;) {
		enum json_kind kind = json_peek(scan);
		if (kind != JSON_KIND_OBJECT && kind != JSON_KIND_ARRAY)
			return scan_scalar(scan, kind);
		bool object = kind == JSON_KIND_OBJECT;
		if (scan_open(scan, stack, object) < 0)
			return -1;
		scan_space(scan);
		if (scan_take(scan, object ? '}' : ']')) {
			stack->level--;
			return 0;
		}
		struct slice key;
		if (object && scan_key(scan, &key) < 0)
			return -1;
	}
}

int json_value(struct json_scan *scan, struct slice *value)
{
	struct scan_stack stack;
	stack.level = 0;
	scan_space(scan);
	const char *begin = scan->at;
	int more;
	do {
		if (scan_descend(scan, &stack) < 0)
			return -1;
		more = scan_follow(scan, &stack);
		if (more < 0)
			return -1;
	} while (more);
	*value = (struct slice){begin, (size_t)(scan->at - begin)};
	return 0;
}

static int scan_enter(struct json_scan *scan, char bracket, const char *why)
{
	scan_space(scan);
	if (!scan_next_is(scan, bracket))
		return scan_want(scan, why);
	if (scan->depth >= scan->depth_max)
		return scan_fail(scan, scan->at, json_too_deep);
	scan->at++;
	scan->fresh[scan->depth / 8] |= (uint8_t)(1u << scan->depth % 8);
	scan->depth++;
	return 0;
}

int json_open_object(struct json_scan *scan)
{
	return scan_enter(scan, '{', "an object is wanted here");
}

int json_open_array(struct json_scan *scan)
{
	return scan_enter(scan, '[', "an array is wanted here");
}

/* Up to the next member or element of the container that is open: 1; 0: it ended. */
static int scan_advance(struct json_scan *scan, char bracket, const char *why)
{
	unsigned top = scan->depth - 1;
	uint8_t bit = (uint8_t)(1u << top % 8);
	scan_space(scan);
	if (scan_take(scan, bracket)) {
		scan->depth--;
		return 0;
	}
	if (scan->fresh[top / 8] & bit)
		scan->fresh[top / 8] &= (uint8_t)~bit;
	else if (!scan_take(scan, ','))
		return scan_want(scan, why);
	scan_space(scan);
	return 1;
}

int json_member_key(struct json_scan *scan, struct slice *key)
{
	int more = scan_advance(scan, '}', "a comma or } is missing");
	if (more <= 0)
		return more;
	return scan_key(scan, key) < 0 ? -1 : 1;
}

int json_member(struct json_scan *scan, struct slice *key, struct slice *value)
{
	int more = json_member_key(scan, key);
	if (more <= 0)
		return more;
	return json_value(scan, value) < 0 ? -1 : 1;
}

int json_element(struct json_scan *scan, struct slice *value)
{
	int more = scan_advance(scan, ']', "a comma or ] is missing");
	if (more <= 0)
		return more;
	return json_value(scan, value) < 0 ? -1 : 1;
}

int json_end(struct json_scan *scan)
{
	scan_space(scan);
	return scan->at == scan->end ? 0 : scan_fail(scan, scan->at, "something follows behind the end");
}
