/* Query and path parameters, cursors and pages. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "base/codec.h"

enum { VALUE_MAX = 2048 };

struct known {
	struct call *call;
	const char *names;
};

static void refuse_unknown(void *context, struct slice name)
{
	struct known *known = context;
	char pointer[ERR_POINTER_MAX];
	for (const char *at = known->names; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");
		if (slice_equal(name, (struct slice){at, word}))
			return;
		at += word;
	}
	snprintf(pointer, sizeof pointer, "?%.*s", name.len < 80 ? (int)name.len : 80, name.len ? name.at : "");
	err_field(&known->call->err, ERR_INVALID, pointer, "%s%s",
	          *known->names ? "is not a parameter here; these are: " : "no parameters are taken here", known->names);
}

int call_query(struct call *call)
{
	struct known known = {call, call->route->query};
	if (call->request->query.at)
		http_query_each(call->request, refuse_unknown, &known);
	return call->err.code == ERR_NONE ? 0 : -1;
}

static int bad_param(struct call *call, const char *name, const char *what)
{
	char pointer[ERR_POINTER_MAX];
	snprintf(pointer, sizeof pointer, "?%s", name);
	return err_field(&call->err, ERR_INVALID, pointer, "%s", what);
}

int call_param(struct call *call, const char *name, struct slice *value)
{
	*value = (struct slice){NULL, 0};
	if (!call->request->query.at)
		return 0;
	struct strbuf *text = call_text(call, VALUE_MAX);
	int found = http_query(call->request, name, text);
	if (found < 0)
		return bad_param(call, name, "must be given once, percent-encoded, without NUL, with at most 2048 bytes");
	if (found > 0)
		*value = (struct slice){strbuf_text(text), text->len};
	return found;
}

int call_path(struct call *call, unsigned place, struct slice *value)
{
	struct strbuf *text = call_text(call, VALUE_MAX);
	if (http_decode(call->params[place], text) < 0)
		return err_set(&call->err, ERR_BAD_REQUEST, "The path is malformed: a percent-encoding in it is not valid");
	*value = (struct slice){strbuf_text(text), text->len};
	return 0;
}

/* "-90s", "-30m", "-1h", "-7d": at most nine digits. */
static int span_parse(struct slice text, int64_t *span_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	int64_t number = 0;
	if (text.len < 3 || text.len > 11 || text.at[0] != '-')
		return -1;
	for (size_t i = 1; i < text.len - 1; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		number = number * 10 + (text.at[i] - '0');
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (text.at[text.len - 1] == units[i].unit) {
			*span_ms = number * units[i].ms;
			return 0;
		}
	}
	return -1;
}

/* 0 stands for "not given", so the result is at least 1. */
int moment_parse(struct slice text, int64_t now_ms, int64_t *wall_ms)
{
	int64_t span_ms;
	if (span_parse(text, &span_ms) == 0)
		*wall_ms = now_ms - span_ms;
	else if (clock_parse_rfc3339(text, wall_ms) < 0)
		return -1;
	if (*wall_ms < 1)
		*wall_ms = 1;
	return 0;
}

int call_param_time(struct call *call, const char *name, int64_t *wall_ms)
{
	struct slice text;
	int found = call_param(call, name, &text);
	if (found <= 0)
		return found;
	if (moment_parse(text, call_now_ms(call), wall_ms) < 0)
		return bad_param(
		    call, name,
		    "must be an RFC 3339 time such as 2030-01-31T08:00:00Z (a + is written %2B), or a span back from now: -30m, -1h, -7d");
	return 0;
}

/* A cursor: list, order, sort key and id of the last row, big-endian, and a print of the list's filters, in base64url. 24 bytes are 32
 * digits without padding. */
enum { CURSOR_BYTES = 24, CURSOR_DIGITS = 32, PRINT_AT = 18, PRINT_BYTES = 6 };

static void print_add(struct strbuf *text, struct slice value)
{
	strbuf_printf(text, "%c%zu:", value.at ? '+' : '-', value.len);
	strbuf_slice(text, value);
}

/* What makes this list another one than that of other filters: its path, each parameter but those of the page, and whose things the caller
 * may see. */
static void filters_print(struct call *call, uint8_t out[PRINT_BYTES])
{
	struct strbuf text = STRBUF_INIT(32 * VALUE_MAX), value = STRBUF_INIT(VALUE_MAX);
	uint8_t hash[32];
	print_add(&text, call->request->path);
	strbuf_printf(&text, "%" PRId64, call->who.subscriber);
	for (const char *at = call->route->query; *at; at += strspn(at, " ")) {
		struct slice name = {at, strcspn(at, " ")};
		char word[64] = "";
		at += name.len;
		if (slice_is(name, "limit") || slice_is(name, "cursor") || slice_is(name, "order") || name.len >= sizeof word)
			continue;
		memcpy(word, name.at, name.len);
		strbuf_clear(&value);
		int found = call->request->query.at ? http_query(call->request, word, &value) : 0;
		print_add(&text, name);
		print_add(&text, found > 0 ? (struct slice){strbuf_text(&value), value.len} : (struct slice){NULL, 0});
	}
	codec_sha256(text.data, text.len, hash);
	memcpy(out, hash, PRINT_BYTES);
	strbuf_free(&value);
	strbuf_free(&text);
}

static void cursor_number(uint8_t *at, int64_t number)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

static int64_t cursor_number_of(const uint8_t *at)
{
	uint64_t number = 0;
	for (int i = 0; i < 8; i++)
		number = number << 8 | at[i];
	return (int64_t)number;
}

static void swap_digits(char *text, size_t len, const char *from, const char *to)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == from[0] || text[i] == from[1])
			text[i] = text[i] == from[0] ? to[0] : to[1];
}

static void cursor_format(struct call *call, enum list list, const struct page *page, char out[CODEC_BASE64_SIZE(CURSOR_BYTES)])
{
	uint8_t bytes[CURSOR_BYTES] = {(uint8_t)list, page->ascending};
	cursor_number(bytes + 2, page->last_key);
	cursor_number(bytes + 10, page->last_id);
	filters_print(call, bytes + PRINT_AT);
	swap_digits(out, codec_base64(bytes, sizeof bytes, out), "+/", "-_");
}

static int cursor_parse(struct call *call, struct slice text, enum list list, struct page *page)
{
	uint8_t bytes[CURSOR_BYTES], print[PRINT_BYTES];
	char digits[CURSOR_DIGITS];
	if (text.len != sizeof digits)
		return -1;
	memcpy(digits, text.at, sizeof digits);
	swap_digits(digits, sizeof digits, "-_", "+/");
	if (codec_base64_decode((struct slice){digits, sizeof digits}, bytes, sizeof bytes) != CURSOR_BYTES)
		return -1;
	if (bytes[0] != (uint8_t)list || bytes[1] != (uint8_t)page->ascending)
		return -1;
	filters_print(call, print);
	if (memcmp(bytes + PRINT_AT, print, sizeof print) != 0)
		return -1;
	page->after_key = cursor_number_of(bytes + 2);
	page->after_id = cursor_number_of(bytes + 10);
	return page->after_key < 0 || page->after_id <= 0 ? -1 : 0;
}

static int parse_limit(struct slice text, int *limit)
{
	int number = 0;
	if (text.len == 0 || text.len > 3)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		number = number * 10 + (text.at[i] - '0');
	}
	*limit = number;
	return number < 1 || number > LIST_LIMIT_MAX ? -1 : 0;
}

int call_page(struct call *call, enum list list, struct page *page)
{
	struct slice limit, order, cursor;
	*page = (struct page){.limit = LIST_LIMIT};
	int limited = call_param(call, "limit", &limit), ordered = call_param(call, "order", &order),
	    begun = call_param(call, "cursor", &cursor);
	if (limited < 0 || ordered < 0 || begun < 0)
		return -1;
	if (limited && parse_limit(limit, &page->limit) < 0)
		return bad_param(call, "limit", "must be a number from 1 to 500");
	if (ordered && !slice_is(order, "asc") && !slice_is(order, "desc"))
		return bad_param(call, "order", "must be asc or desc");
	page->ascending = ordered && slice_is(order, "asc");
	if (begun && cursor_parse(call, cursor, list, page) < 0)
		return bad_param(call, "cursor",
		                 "must be a next_cursor of this very list, with the same order and filters; leave it out to begin anew");
	return 0;
}

void list_begin(struct call *call)
{
	call->listed = 0;
	strbuf_puts(call_out(call, 200), "{\"data\":[");
}

struct strbuf *list_item(struct call *call)
{
	if (call->listed++ > 0)
		strbuf_putc(&call->response->body, ',');
	return &call->response->body;
}

int list_end(struct call *call, enum list list, const struct page *page)
{
	struct strbuf *out = &call->response->body;
	char cursor[CODEC_BASE64_SIZE(CURSOR_BYTES)];
	strbuf_puts(out, "],\"next_cursor\":");
	if (page->more) {
		cursor_format(call, list, page, cursor);
		strbuf_printf(out, "\"%s\"", cursor);
	} else {
		strbuf_puts(out, "null");
	}
	if (page->searched_to_ms)
		put_time(out, ",\"searched_to\":", page->searched_to_ms);
	if (page->being_made)
		put_number(out, ",\"being_made\":", page->being_made);
	strbuf_putc(out, '}');
	return 0;
}
