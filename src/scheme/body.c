/* JSON lookups on the original bytes, and what requests are called by. */
#include "scheme/body.h"

#include <stdlib.h>

#include "base/codec.h"
#include "json/scan.h"
#include "model/event.h"
#include "scheme/request.h"

enum { NAME_MAX_BYTES = 128 };

/* ---- Lookups ---- */

static int find_member(struct slice object, const char *name, struct slice *found)
{
	struct json_scan scan;
	struct slice key, value;
	int more, count = 0;

	json_scan_init(&scan, object, BODY_DEPTH_MAX);
	if (json_peek(&scan) != JSON_KIND_OBJECT)
		return 0;
	if (json_open_object(&scan))
		return -1;
	while ((more = json_member(&scan, &key, &value)) == 1) {
		if (!json_string_is(key, name))
			continue;
		if (count++)
			return -1;
		*found = value;
	}
	return more < 0 || json_end(&scan) ? -1 : count;
}

static int find_element(struct slice array, const char *name, struct slice *found)
{
	struct json_scan scan;
	struct slice value;
	char *end;
	unsigned long index = strtoul(name, &end, 10);
	int more, count = 0;

	json_scan_init(&scan, array, BODY_DEPTH_MAX);
	if (*end || json_open_array(&scan))
		return *end ? 0 : -1;
	for (unsigned long i = 0; (more = json_element(&scan, &value)) == 1; i++) {
		if (i == index) {
			*found = value;
			count = 1;
		}
	}
	return more < 0 || json_end(&scan) ? -1 : count;
}

static int find_step(struct slice *at, const char *name)
{
	struct json_scan scan;
	json_scan_init(&scan, *at, BODY_DEPTH_MAX);
	enum json_kind kind = json_peek(&scan);
	if (kind == JSON_KIND_OBJECT)
		return find_member(*at, name, at);
	return kind == JSON_KIND_ARRAY ? find_element(*at, name, at) : 0;
}

int body_at(struct slice document, const char *path, struct slice *value)
{
	char name[NAME_MAX_BYTES];
	int found = 1;

	*value = document;
	while (*path && found == 1) {
		size_t len = strcspn(path, ".");
		if (len >= sizeof name)
			return 0;
		memcpy(name, path, len);
		name[len] = '\0';
		path += path[len] ? len + 1 : len;
		found = find_step(value, name);
	}
	return found;
}

bool body_text(struct slice document, const char *path, struct strbuf *out)
{
	struct slice value;
	size_t before = out->len;

	if (body_at(document, path, &value) != 1)
		return false;
	enum json_kind kind = json_kind_of(value);
	if (kind == JSON_KIND_STRING) {
		if (json_decode(value, out))
			return false;
	} else if (kind == JSON_KIND_NUMBER || kind == JSON_KIND_TRUE || kind == JSON_KIND_FALSE) {
		strbuf_slice(out, value);
	}
	return !out->failed && out->len > before;
}

bool body_is(struct slice document, const char *path, const char *text)
{
	struct slice value;
	return body_at(document, path, &value) == 1 && json_kind_of(value) == JSON_KIND_STRING && json_string_is(value, text);
}

int body_each(struct slice array, int (*visit)(void *context, struct slice element), void *context)
{
	struct json_scan scan;
	struct slice value;
	int more, stopped = 0;

	json_scan_init(&scan, array, BODY_DEPTH_MAX);
	if (json_peek(&scan) != JSON_KIND_ARRAY || json_open_array(&scan))
		return -1;
	while (!stopped && (more = json_element(&scan, &value)) != 0) {
		if (more < 0)
			return -1;
		stopped = visit(context, value);
	}
	return stopped;
}

bool body_begins(struct slice document, char with)
{
	struct json_scan scan;
	struct slice value;
	json_scan_init(&scan, document, BODY_DEPTH_MAX);
	return json_value(&scan, &value) == 0 && json_end(&scan) == 0 && value.at[0] == with;
}

/* ---- Picking ---- */

static bool pick_one(const struct scheme_request *request, struct slice rule, struct strbuf *out)
{
	char name[NAME_MAX_BYTES];
	const char *colon = memchr(rule.at, ':', rule.len);
	size_t before = out->len;

	if (!colon)
		return false;
	size_t kind_len = (size_t)(colon - rule.at), name_len = rule.len - kind_len - 1;
	if (name_len >= sizeof name)
		return false;
	memcpy(name, colon + 1, name_len);
	name[name_len] = '\0';
	struct slice kind = {rule.at, kind_len};
	if (slice_is(kind, "header"))
		strbuf_slice(out, header_value(request, name));
	else if (slice_is(kind, "json"))
		return body_text(request->body, name, out);
	else if (slice_is(kind, "form"))
		return body_is_form(request) && form_value(request->body, name, out) && out->len > before;
	else if (slice_is(kind, "query"))
		return form_value(request->query, name, out) && out->len > before;
	return out->len > before;
}

bool pick(const struct scheme_request *request, const char *rule, struct strbuf *out)
{
	while (rule && *rule) {
		size_t len = strcspn(rule, "|");
		if (pick_one(request, (struct slice){rule, len}, out))
			return true;
		rule += rule[len] ? len + 1 : len;
	}
	return false;
}

/* ---- Type, dedupe key, subject ---- */

static char type_byte(unsigned char byte, bool whole)
{
	if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-')
		return (char)byte;
	if (byte == '/' || byte == ':')
		return whole ? (char)byte : '.';
	return byte == '.' ? '.' : '_';
}

static void append_type(struct strbuf *type, struct slice event, bool whole)
{
	for (size_t i = 0; i < event.len && type->len < EVENT_TYPE_MAX; i++) {
		unsigned char byte = (unsigned char)event.at[i];
		if ((byte & 0xc0) == 0x80)
			continue; /* of a character that its first byte stands for */
		char c = type_byte(byte, whole);
		bool at_start = type->len == 0 || type->data[type->len - 1] == '.';
		strbuf_putc(type, c == '.' && at_start ? '_' : c);
	}
	if (type->len > 0 && type->data[type->len - 1] == '.')
		type->data[type->len - 1] = '_';
}

void put_type(struct scheme_result *result, const char *scheme, struct slice event)
{
	strbuf_clear(&result->type);
	strbuf_puts(&result->type, scheme);
	strbuf_putc(&result->type, '.');
	append_type(&result->type, event.len ? event : SLICE_LITERAL("event"), false);
}

void put_whole_type(struct scheme_result *result, struct slice type)
{
	strbuf_clear(&result->type);
	append_type(&result->type, type, true);
}

void put_dedupe_digest(struct scheme_result *result, struct slice bytes)
{
	uint8_t digest[32];
	char hex[65];

	codec_sha256(bytes.at ? bytes.at : "", bytes.len, digest);
	codec_hex(digest, sizeof digest, hex);
	strbuf_clear(&result->dedupe);
	strbuf_puts(&result->dedupe, "sha256:");
	strbuf_puts(&result->dedupe, hex);
}

void put_dedupe(struct scheme_result *result, struct slice key)
{
	bool good = key.len <= SCHEME_DEDUPE_MAX;

	for (size_t i = 0; good && i < key.len; i++)
		good = key.at[i] > ' ' && key.at[i] <= '~';
	if (!good) {
		put_dedupe_digest(result, key);
		return;
	}
	strbuf_clear(&result->dedupe);
	strbuf_slice(&result->dedupe, key);
}

void put_subject(struct scheme_result *result, struct slice subject)
{
	strbuf_clear(&result->subject);
	strbuf_slice(&result->subject, subject);
	/* One that is too long is none. */
	if (result->subject.failed)
		strbuf_clear(&result->subject);
}

/* ---- Batches ---- */

struct batch {
	const struct batch_rule *rule;
	size_t len;
	bool mixed, keyless;
	struct strbuf type; /* of the first element */
	struct strbuf keys; /* one a line */
};

static void batch_key(struct batch *batch, struct slice element)
{
	const char *path = batch->rule->key;
	bool first = true;

	while (path && *path) {
		char one[NAME_MAX_BYTES];
		size_t len = strcspn(path, "+");
		if (len >= sizeof one)
			len = sizeof one - 1;
		memcpy(one, path, len);
		one[len] = '\0';
		if (!first)
			strbuf_putc(&batch->keys, ':');
		if (!body_text(element, one, &batch->keys) && first)
			batch->keyless = true;
		first = false;
		path += path[len] ? len + 1 : len;
	}
}

static int batch_element(void *context, struct slice element)
{
	struct batch *batch = context;
	struct strbuf type = STRBUF_INIT(EVENT_TYPE_MAX);

	bool typed = body_text(element, batch->rule->type, &type);
	if (typed && batch->len == 0)
		strbuf_append(&batch->type, type.data, type.len);
	if (!typed || strcmp(strbuf_text(&type), strbuf_text(&batch->type)) != 0)
		batch->mixed = true;
	strbuf_free(&type);
	if (batch->len++)
		strbuf_putc(&batch->keys, '\n');
	batch_key(batch, element);
	return 0;
}

void put_batch(struct scheme_result *result, struct slice body, const struct batch_rule *rule)
{
	struct batch batch = {.rule = rule, .type = STRBUF_INIT(EVENT_TYPE_MAX), .keys = STRBUF_INIT(SIZE_MAX / 2)};
	struct slice array;

	if (body_at(body, rule->array, &array) != 1 || body_each(array, batch_element, &batch) || batch.len == 0)
		batch.mixed = batch.keyless = true;
	bool same = !batch.mixed && !batch.type.failed && batch.type.len > 0;
	put_type(result, rule->scheme, same ? (struct slice){batch.type.data, batch.type.len} : slice_of(rule->mixed));
	struct slice keys = {strbuf_text(&batch.keys), batch.keys.len};
	if (rule->key && !batch.keyless && !batch.keys.failed && keys.len > 0) {
		if (batch.len == 1)
			put_dedupe(result, keys);
		else
			put_dedupe_digest(result, keys);
	}
	strbuf_free(&batch.type);
	strbuf_free(&batch.keys);
}
