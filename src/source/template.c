/* Templates: checked when a source is configured, rendered for each request. */
#include "source/template.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "json/scan.h"
#include "model/event.h"

enum { POINTER_DEPTH_MAX = 512, VALUE_BYTES_MAX = 4096 };

/* One step through a template: literal text, or a piece without its braces. */
struct step {
	bool piece;
	struct slice text;
};

/* 1, 0: at the end, -1: braces do not fit. */
static int step_next(struct slice *rest, struct step *step)
{
	if (rest->len == 0)
		return 0;
	step->piece = rest->at[0] == '{';
	if (!step->piece) {
		size_t len = 0;
		while (len < rest->len && rest->at[len] != '{' && rest->at[len] != '}')
			len++;
		step->text = (struct slice){rest->at, len};
		*rest = (struct slice){rest->at + len, rest->len - len};
		return len == 0 ? -1 : 1;
	}
	const char *end = memchr(rest->at, '}', rest->len);
	if (!end)
		return -1;
	step->text = (struct slice){rest->at + 1, (size_t)(end - rest->at) - 1};
	*rest = (struct slice){end + 1, rest->len - step->text.len - 2};
	return 1;
}

/* What follows the prefix; false: it is not there. */
static bool cut(struct slice text, const char *prefix, struct slice *rest)
{
	size_t len = strlen(prefix);
	if (text.len < len || memcmp(text.at, prefix, len) != 0)
		return false;
	*rest = (struct slice){text.at + len, text.len - len};
	return true;
}

static bool piece_known(struct slice piece)
{
	static const char *const words[] = {"type", "id", "subject", "scheme", "source"};
	struct slice rest;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_is(piece, words[i]))
			return true;
	if (cut(piece, "header.", &rest) || cut(piece, "query.", &rest))
		return rest.len > 0;
	return cut(piece, "json:", &rest) && rest.len > 0 && rest.at[0] == '/';
}

int template_check(struct slice text, const char *pointer, struct err *err)
{
	struct slice rest = text;
	struct step step;
	int more;
	if (!text.at || text.len > TEMPLATE_MAX)
		return err_field(err, ERR_INVALID, pointer, "must be a string of at most %d bytes: text and pieces such as {type}",
		                 TEMPLATE_MAX);
	while ((more = step_next(&rest, &step)) > 0) {
		if (step.piece && !piece_known(step.text))
			return err_field(err, ERR_INVALID, pointer,
			                 "{%.*s} is no piece of a template; these are: {type}, {id}, {subject}, {scheme}, {source}, "
			                 "{header.NAME}, {query.NAME} and {json:/POINTER}",
			                 step.text.len < 60 ? (int)step.text.len : 60, step.text.at);
	}
	return more < 0 ? err_field(err, ERR_INVALID, pointer, "has a brace without its other one: a piece is {type}, for one") : 0;
}

/* ---- Pieces -------------------------------------------------------------------------------------------------------------- */

static struct slice header_value(const struct scheme_request *request, struct slice name)
{
	for (size_t i = 0; i < request->headers_len; i++) {
		const struct scheme_header *header = &request->headers[i];
		if (header->name.len == name.len && strncasecmp(header->name.at, name.at, name.len) == 0)
			return header->value;
	}
	return (struct slice){NULL, 0};
}

static struct slice query_value(struct slice query, struct slice name)
{
	while (query.len > 0) {
		const char *end = memchr(query.at, '&', query.len);
		size_t len = end ? (size_t)(end - query.at) : query.len;
		if (len > name.len && query.at[name.len] == '=' && memcmp(query.at, name.at, name.len) == 0)
			return (struct slice){query.at + name.len + 1, len - name.len - 1};
		size_t used = end ? len + 1 : len;
		query = (struct slice){query.at + used, query.len - used};
	}
	return (struct slice){NULL, 0};
}

/* A reference token of a pointer, unescaped: ~1 is '/', ~0 is '~'. */
static void token_decode(struct slice token, struct strbuf *out)
{
	strbuf_clear(out);
	for (size_t i = 0; i < token.len; i++) {
		bool escape = token.at[i] == '~' && i + 1 < token.len && (token.at[i + 1] == '0' || token.at[i + 1] == '1');
		strbuf_putc(out, !escape ? token.at[i] : token.at[i + 1] == '0' ? '~' : '/');
		i += escape;
	}
}

/* The member or element of a checked value; {NULL, 0}: there is none. */
static struct slice below(struct slice value, const char *token)
{
	struct json_scan scan;
	struct slice key, found = {NULL, 0}, each;
	json_scan_init(&scan, value, POINTER_DEPTH_MAX);
	if (json_kind_of(value) == JSON_KIND_OBJECT && json_open_object(&scan) == 0) {
		while (json_member(&scan, &key, &each) > 0)
			if (json_string_is(key, token))
				found = each; /* as most parsers do: the last one counts */
	} else if (json_kind_of(value) == JSON_KIND_ARRAY && json_open_array(&scan) == 0) {
		size_t wanted = strspn(token, "0123456789") == strlen(token) && *token ? strtoul(token, NULL, 10) : SIZE_MAX;
		for (size_t at = 0; !found.at && json_element(&scan, &each) > 0; at++)
			if (at == wanted)
				found = each;
	}
	return found;
}

/* Appends the scalar at the pointer; false: there is none. */
static bool put_json_at(struct slice body, struct slice pointer, struct strbuf *out)
{
	struct json_scan scan;
	struct slice value;
	struct strbuf token = STRBUF_INIT(TEMPLATE_MAX + 1);
	json_scan_init(&scan, body, POINTER_DEPTH_MAX);
	if (!body.at || json_value(&scan, &value) < 0 || json_end(&scan) < 0)
		return false;
	while (value.at && pointer.len > 0) {
		const char *end = memchr(pointer.at + 1, '/', pointer.len - 1);
		size_t len = end ? (size_t)(end - pointer.at) : pointer.len;
		token_decode((struct slice){pointer.at + 1, len - 1}, &token);
		value = below(value, strbuf_text(&token));
		pointer = (struct slice){pointer.at + len, pointer.len - len};
	}
	strbuf_free(&token);
	if (!value.at || value.len > VALUE_BYTES_MAX)
		return false;
	switch (json_kind_of(value)) {
	case JSON_KIND_STRING:
		return json_decode(value, out) == 0;
	case JSON_KIND_NUMBER:
	case JSON_KIND_TRUE:
	case JSON_KIND_FALSE:
		strbuf_slice(out, value);
		return true;
	default:
		return false;
	}
}

/* Appends what the piece stands for; false: it is not there. */
static bool put_piece(struct slice piece, const struct template_input *input, struct strbuf *out)
{
	const struct {
		const char *name;
		struct slice value;
	} words[] = {
	    {"type", input->type}, {"id", input->id}, {"subject", input->subject}, {"scheme", input->scheme}, {"source", input->source}};
	struct slice rest, value = {NULL, 0};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_is(piece, words[i].name))
			value = words[i].value;
	if (cut(piece, "json:", &rest)) {
		size_t before = out->len;
		return put_json_at(input->request->body, rest, out) && out->len > before;
	}
	if (cut(piece, "header.", &rest))
		value = header_value(input->request, rest);
	else if (cut(piece, "query.", &rest))
		value = query_value(input->request->query, rest);
	if (value.len == 0)
		return false;
	strbuf_slice(out, value);
	return true;
}

int template_render(struct slice text, const struct template_input *input, struct slice missing, struct strbuf *out)
{
	struct step step;
	bool whole = true;
	while (step_next(&text, &step) > 0) {
		if (!step.piece) {
			strbuf_slice(out, step.text);
		} else if (!put_piece(step.text, input, out)) {
			strbuf_slice(out, missing);
			whole = false;
		}
	}
	return out->failed ? -1 : whole;
}

/* ---- Types --------------------------------------------------------------------------------------------------------------- */

static bool type_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_:/-", c));
}

/* In place: what remains is a good type, or nothing. */
static size_t normalise(char *text, size_t len)
{
	size_t kept = 0;
	for (size_t i = 0; i < len && kept < EVENT_TYPE_MAX; i++) {
		if (text[i] != '.')
			text[kept++] = type_byte(text[i]) ? text[i] : '_';
		else if (kept > 0 && text[kept - 1] != '.')
			text[kept++] = '.';
	}
	while (kept > 0 && text[kept - 1] == '.')
		kept--;
	return kept;
}

int template_type(struct slice text, const struct template_input *input, struct strbuf *out)
{
	struct strbuf made = STRBUF_INIT(TEMPLATE_MAX + 8 * VALUE_BYTES_MAX);
	struct err err = {.code = ERR_NONE};
	int whole = template_render(text, input, SLICE_LITERAL("unknown"), &made);
	size_t len = whole < 0 || !made.data ? 0 : normalise(made.data, made.len);
	struct slice type = {strbuf_text(&made), len};
	if (len > 0 && event_type_check(type, "/event_type", &err) == 0) {
		strbuf_slice(out, type);
	} else {
		strbuf_slice(out, input->scheme);
		strbuf_puts(out, ".event");
	}
	strbuf_free(&made);
	return out->failed ? -1 : 0;
}
