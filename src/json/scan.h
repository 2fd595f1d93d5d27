/* An RFC 8259 scanner that finds slices of the original bytes and changes none of them. It checks everything the grammar
 * says, UTF-8 included, in one pass, with a stack of one bit per level; lone surrogate escapes, any number size and duplicate
 * keys are grammar-conform and pass. It allocates nothing. Owned by one thread; slices live as long as the text. */
#ifndef GRAPNEL_JSON_SCAN_H
#define GRAPNEL_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "base/strbuf.h"

enum { JSON_DEPTH_MAX = 4096 };

struct json_scan {
	const char *begin;
	const char *at;
	const char *end;
	unsigned depth_max; /* values nested deeper are an error; at most JSON_DEPTH_MAX */
	unsigned depth;     /* containers opened by json_open_object / json_open_array and not yet ended */
	const char *why;    /* after a -1: what is wrong, a static phrase; `at` stands where */
	uint8_t fresh[JSON_DEPTH_MAX / 8 + 1]; /* one bit per open container: no member read yet */
};

/* What `why` points to when values nest deeper than `depth_max`. */
extern const char json_too_deep[];
void json_scan_init(struct json_scan *scan, struct slice text, unsigned depth_max);

enum json_kind { JSON_KIND_NONE, JSON_KIND_OBJECT, JSON_KIND_ARRAY, JSON_KIND_STRING, JSON_KIND_NUMBER, JSON_KIND_TRUE, JSON_KIND_FALSE,
	JSON_KIND_NULL };

/* What the next byte after white space begins (by its first byte only); NONE at the end or for a byte that begins nothing. */
enum json_kind json_peek(struct json_scan *scan);
enum json_kind json_kind_of(struct slice value);

/* Reads one whole value, checked; `value` gets its bytes without the white space around. */
int json_value(struct json_scan *scan, struct slice *value) ATTR_MUST_USE;

/* Opens the object or array that must come next; then read members or elements until 0. */
int json_open_object(struct json_scan *scan) ATTR_MUST_USE;
int json_open_array(struct json_scan *scan) ATTR_MUST_USE;
/* 1: a member was read (key with its quotes), 0: the container ended and is closed, -1: error. */
int json_member(struct json_scan *scan, struct slice *key, struct slice *value) ATTR_MUST_USE;
int json_element(struct json_scan *scan, struct slice *value) ATTR_MUST_USE;
/* Like json_member, but stops before the value, so that the caller can open it. */
int json_member_key(struct json_scan *scan, struct slice *key) ATTR_MUST_USE;
/* Nothing but white space is left. */
int json_end(struct json_scan *scan) ATTR_MUST_USE;

/* Of a checked string slice (quotes included): its UTF-8 text. A lone surrogate escape becomes U+FFFD. Returns 0; -1 when `out`
 * failed. */
int json_decode(struct slice string, struct strbuf *out) ATTR_MUST_USE;
/* Whether a checked string slice spells exactly this ASCII text, escapes decoded. */
int json_string_is(struct slice string, const char *text);
/* A checked number slice that is an integer in int64 range (1, -7, 1e3, 2.0 are; 1.5 and 1e40 are not, nor is a value
 * of another kind). */
int json_int64(struct slice number, int64_t *out) ATTR_MUST_USE;

/* Writes text as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD. */
void json_put_string(struct strbuf *out, struct slice text);

#endif
