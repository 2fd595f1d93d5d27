/* /v1/rejections: incoming requests that were refused, and their acceptance later on. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/door.h"
#include "base/codec.h"
#include "base/mem.h"

enum { ACCEPT_MAX = 500, ACCEPT_TIME_US = 10000000 };

#define REASON(name, code, status, text) " " code
static const char reasons[] =
#include "scheme/reasons.def"
    ;
#undef REASON

/* ---- Rows ----------------------------------------------------------------------------------------------------------------- */

static void put_rejection_open(struct strbuf *out, const struct rejection_row *row)
{
	enum rejection_reason reason;
	bool known = rejection_parse(row->reason, &reason) == 0;
	put_id(out, "{\"id\":", ID_REJECTION, row->id);
	put_id(out, ",\"source\":", ID_SOURCE, row->source);
	put_text(out, ",\"name\":", row->name);
	put_time(out, ",\"time\":", row->at_ms);
	put_text(out, ",\"remote\":", row->remote);
	put_text(out, ",\"method\":", row->method);
	put_text(out, ",\"reason\":", row->reason);
	put_text(out, ",\"meaning\":", slice_of(known ? rejection_text(reason) : NULL));
	put_text(out, ",\"detail\":", row->why.len ? row->why : (struct slice){NULL, 0});
	put_text(out, ",\"content_type\":", row->content_type);
	put_number(out, ",\"body_bytes\":", row->body_bytes);
	strbuf_printf(out, ",\"cut\":%s", row->cut ? "true" : "false");
	put_id(out, ",\"event\":", ID_EVENT, row->event);
}

static int rejection_item(void *context, const struct rejection_row *row)
{
	struct call *call = context;
	struct strbuf *out = list_item(call);
	put_rejection_open(out, row);
	strbuf_putc(out, '}');
	return 0;
}

/* ---- Filters: of a query or a document ------------------------------------------------------------------------------------ */

static int read_source(struct call *call, struct slice text, const char *pointer, struct rejection_filter *filter)
{
	filter->by_source = text.at != NULL;
	return text.len == 0 ? 0 : resolve_source_ever(call, text, pointer, "requests for what is no source", &filter->source);
}

/* As rejections show it: a numeric address, or "local" (the admin socket). */
static int read_remote(struct call *call, struct slice text, const char *pointer, struct rejection_filter *filter)
{
	char address[INET6_ADDRSTRLEN] = "";
	struct in6_addr binary;
	filter->remote = text;
	if (text.len < sizeof address && text.len > 0)
		memcpy(address, text.at, text.len);
	if (!text.at || slice_is(text, "local") || inet_pton(AF_INET, address, &binary) == 1 || inet_pton(AF_INET6, address, &binary) == 1)
		return 0;
	return err_field(&call->err, ERR_INVALID, pointer, "must be the IP address that sent it, such as 192.0.2.7 or 2001:db8::7, or local");
}

int rejections_list(struct call *call)
{
	struct rejection_filter filter = {.by_source = false};
	struct page page;
	struct slice source, remote, accepted;
	if (call_unbound(call, "see rejections") < 0 || call_param(call, "source", &source) < 0 ||
	    read_source(call, source, "?source", &filter) < 0 || filter_by_word(call, "reason", reasons, &filter.reason) < 0 ||
	    call_param(call, "remote", &remote) < 0 || read_remote(call, remote, "?remote", &filter) < 0 ||
	    filter_by_word(call, "accepted", "false", &accepted) < 0 ||
	    filter_by_time(call, &filter.since_ms, &filter.until_ms) < 0 || call_page(call, LIST_REJECTIONS, &page) < 0)
		return -1;
	filter.pending = accepted.at != NULL;
	list_begin(call);
	if (reader_rejections(call->worker->reader, &filter, &page, rejection_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_REJECTIONS, &page);
}

static int take_text(struct call *call, const json_t *doc, const char *name, struct slice *text)
{
	char pointer[ERR_POINTER_MAX];
	const json_t *value = json_object_get(doc, name);
	*text = (struct slice){NULL, 0};
	if (!value || json_is_null(value))
		return 0;
	snprintf(pointer, sizeof pointer, "/filter/%s", name);
	if (!json_is_string(value))
		return err_field(&call->err, ERR_INVALID, pointer, "must be a string");
	*text = (struct slice){json_string_value(value), json_string_length(value)};
	return 0;
}

static int take_time(struct call *call, const json_t *doc, const char *name, int64_t *wall_ms)
{
	char pointer[ERR_POINTER_MAX];
	struct slice text;
	if (take_text(call, doc, name, &text) < 0)
		return -1;
	snprintf(pointer, sizeof pointer, "/filter/%s", name);
	if (text.at && moment_parse(text, call_now_ms(call), wall_ms) < 0)
		return err_field(&call->err, ERR_INVALID, pointer,
		                 "must be an RFC 3339 time such as 2030-01-31T08:00:00Z, or a span back from now: -30m, -1h, -7d");
	return 0;
}

/* `after`: the acceptance goes on behind this one. */
static int read_filter_doc(struct call *call, const json_t *doc, struct rejection_filter *filter, int64_t *after)
{
	struct slice source, remote, behind;
	enum rejection_reason reason;
	if (!json_is_object(doc))
		return err_field(&call->err, ERR_INVALID, "/filter", "must be an object; an empty one means every rejection");
	if (call_members(call, doc, "/filter", "source reason remote since until after") < 0 ||
	    take_text(call, doc, "source", &source) < 0 || read_source(call, source, "/filter/source", filter) < 0 ||
	    take_text(call, doc, "reason", &filter->reason) < 0 || take_text(call, doc, "remote", &remote) < 0 ||
	    read_remote(call, remote, "/filter/remote", filter) < 0 ||
	    take_time(call, doc, "since", &filter->since_ms) < 0 || take_time(call, doc, "until", &filter->until_ms) < 0 ||
	    take_text(call, doc, "after", &behind) < 0)
		return -1;
	if (filter->reason.at && rejection_parse(filter->reason, &reason) < 0)
		return err_field(&call->err, ERR_INVALID, "/filter/reason", "must be one of:%s", reasons);
	if (behind.at && id_parse(ID_REJECTION, behind, after) < 0)
		return err_field(&call->err, ERR_INVALID, "/filter/after", "must be the id of a rejection: rej_…");
	return 0;
}

/* ---- One ------------------------------------------------------------------------------------------------------------------ */

static bool contains(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* Whether a header's value may be somebody's password. */
static bool is_secret(const struct source *source, const char *name)
{
	static const char *const words[] = {"auth", "token", "secret", "key", "password", "cookie"};
	const char *own = source ? json_string_value(json_object_get(source->settings, "header")) : NULL;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (contains(name, words[i]))
			return true;
	return own && strcasecmp(own, name) == 0;
}

static void put_headers(struct strbuf *out, const struct source *source, const json_t *headers)
{
	size_t i;
	json_t *pair;
	strbuf_puts(out, ",\"headers\":[");
	json_array_foreach((json_t *)headers, i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 0)), *value = json_string_value(json_array_get(pair, 1));
		if (!name || !value)
			continue;
		put_text(out, i ? ",{\"name\":" : "{\"name\":", slice_of(name));
		put_text(out, ",\"value\":", slice_of(is_secret(source, name) ? "(hidden)" : value));
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

static void put_base64(struct strbuf *out, struct slice data)
{
	enum { PIECE = 3 * 4096 }; /* a multiple of three: only the last one is padded */
	char digits[CODEC_BASE64_SIZE(PIECE)];
	for (size_t at = 0; at < data.len; at += PIECE) {
		size_t len = data.len - at < PIECE ? data.len - at : PIECE;
		strbuf_append(out, digits, codec_base64((const uint8_t *)data.at + at, len, digits));
	}
}

/* The query stays hidden: some providers put a password there. */
static int rejection_whole(void *context, const struct rejection_row *row)
{
	struct call *call = context;
	struct strbuf *out = call_out(call, 200);
	size_t len = 0;
	char *text = rejection_open(call->api->config.master, row->id, row->head, &len);
	json_t *head = text ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;
	struct source *source = row->source ? source_table_get(call->api->config.sources, row->source) : NULL;
	put_rejection_open(out, row);
	put_text(out, ",\"path\":", slice_of(json_string_value(json_object_get(head, "path"))));
	put_headers(out, source, json_object_get(head, "headers"));
	bool plain = filter_is_utf8(row->body);
	put_text(out, ",\"body\":", plain ? row->body.at ? row->body : SLICE_LITERAL("") : (struct slice){NULL, 0});
	strbuf_puts(out, plain ? ",\"body_base64\":null}" : ",\"body_base64\":\"");
	if (!plain) {
		put_base64(out, row->body);
		strbuf_puts(out, "\"}");
	}
	source_unref(source);
	json_decref(head);
	free(text);
	return 0;
}

int rejections_get(struct call *call)
{
	int64_t id;
	if (call_unbound(call, "see rejections") < 0 || resolve_id_path(call, ID_REJECTION, "rejection", &id) < 0)
		return -1;
	return reader_rejection(call->worker->reader, id, rejection_whole, call, &call->err);
}

/* ---- Acceptance ------------------------------------------------------------------------------------------------------------ */

/* What was kept of a request, as a request again. */
struct kept {
	int64_t id, source, event;
	bool cut;
	char *name;
	json_t *head;
	char *body;
	struct http_request request;
};

static void kept_clear(struct kept *kept)
{
	json_decref(kept->head);
	free(kept->name);
	free(kept->body);
	*kept = (struct kept){.id = 0};
}

static struct slice member(const json_t *head, const char *name)
{
	const json_t *value = json_object_get(head, name);
	return (struct slice){json_string_value(value), json_string_length(value)};
}

static void rebuild(struct kept *kept, size_t body_len)
{
	struct http_request *request = &kept->request;
	const json_t *headers = json_object_get(kept->head, "headers");
	size_t i;
	json_t *pair;
	request->method = member(kept->head, "method");
	request->path = member(kept->head, "path");
	request->query = member(kept->head, "query");
	request->body = (struct slice){kept->body, body_len};
	snprintf(request->id, sizeof request->id, "again");
	json_array_foreach((json_t *)headers, i, pair)
	{
		const json_t *name = json_array_get(pair, 0), *value = json_array_get(pair, 1);
		if (json_is_string(name) && json_is_string(value) && request->headers_len < HTTP_HEADERS_MAX)
			request->headers[request->headers_len++] = (struct http_header){
			    {json_string_value(name), json_string_length(name)}, {json_string_value(value), json_string_length(value)}};
	}
}

struct taking {
	struct call *call;
	struct kept *kept;
	int result;
};

static int take_row(void *context, const struct rejection_row *row)
{
	struct taking *taking = context;
	struct kept *kept = taking->kept;
	size_t len = 0;
	char *text = rejection_open(taking->call->api->config.master, row->id, row->head, &len);
	kept->source = row->source;
	kept->event = row->event;
	kept->cut = row->cut;
	kept->name = mem_text_of(row->name);
	kept->head = text ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;
	kept->body = malloc(row->body.len + 1);
	free(text);
	if (!kept->head || !kept->body) {
		taking->result = err_set(&taking->call->err, ERR_INTERNAL,
		                         "The rejection cannot be read: the master key is another one, or the database is damaged");
		return 0;
	}
	if (row->body.len > 0)
		memcpy(kept->body, row->body.at, row->body.len);
	rebuild(kept, row->body.len);
	kept->request.number = taking->call->request->number;
	return 0;
}

/* What became of one, into the answer. */
static void put_outcome(struct call *call, int64_t id, bool accepted, int64_t event, bool duplicate, const char *reason, const char *detail)
{
	struct strbuf *out = list_item(call);
	put_id(out, "{\"id\":", ID_REJECTION, id);
	strbuf_printf(out, ",\"accepted\":%s", accepted ? "true" : "false");
	put_id(out, ",\"event\":", ID_EVENT, event);
	strbuf_printf(out, ",\"duplicate\":%s", duplicate ? "true" : "false");
	put_text(out, ",\"reason\":", slice_of(reason));
	put_text(out, ",\"detail\":", slice_of(detail && *detail ? detail : NULL));
	strbuf_putc(out, '}');
}

static int note(struct call *call, int64_t id, int64_t event)
{
	struct store_change change = {.what = CHANGE_REJECTION_ACCEPT, .id = id, .event = event};
	int result = call_change(call, &change);
	store_change_clear(&change);
	/* What was dropped meanwhile need not be noted. */
	if (result < 0 && call->err.code == ERR_NOT_FOUND) {
		call->err = (struct err){.code = ERR_NONE};
		result = 0;
	}
	return result;
}

static int judge(struct call *call, struct kept *kept, bool dry_run, int64_t *accepted)
{
	struct source_table *table = call->api->config.sources;
	struct source *source = kept->source ? source_table_get(table, kept->source) : source_table_find(table, slice_of(kept->name));
	struct door_again again = {.dry_run = dry_run, .rejection = kept->id};
	int result = 0;
	if (kept->event) {
		put_outcome(call, kept->id, false, kept->event, false, "accepted_before", NULL);
	} else if (kept->cut) {
		put_outcome(call, kept->id, false, 0, false, "cut", "the body was not kept whole");
	} else if (!source) {
		put_outcome(call, kept->id, false, 0, false, rejection_code(REJECTION_UNKNOWN_SOURCE), "there is no source of this name");
	} else {
		door_judge_again(call->api, source, &kept->request, &again);
		if (again.accepted && !dry_run)
			result = note(call, kept->id, again.event);
		*accepted += again.accepted;
		if (again.accepted)
			put_outcome(call, kept->id, true, again.event, again.duplicate, NULL, NULL);
		else if (again.err.code != ERR_NONE)
			put_outcome(call, kept->id, false, 0, false, err_code_text(again.err.code), again.err.detail);
		else
			put_outcome(call, kept->id, false, 0, false, rejection_code(again.reason), again.why);
	}
	source_unref(source);
	return result;
}

static int accept_one(struct call *call, int64_t id, bool dry_run, int64_t *accepted)
{
	struct kept *kept = mem_new(struct kept);
	struct taking taking = {.call = call, .kept = kept};
	struct err err = {.code = ERR_NONE};
	kept->id = id;
	int result = reader_rejection(call->worker->reader, id, take_row, &taking, &err);
	if (result < 0 && err.code == ERR_NOT_FOUND) {
		put_outcome(call, id, false, 0, false, "not_found", "there is no such rejection (any more)");
		result = 0;
	} else if (result < 0) {
		call->err = err;
	} else {
		result = taking.result;
		if (result == 0)
			result = judge(call, kept, dry_run, accepted);
	}
	kept_clear(kept);
	free(kept);
	return result;
}

struct ids {
	size_t len;
	int64_t at[ACCEPT_MAX];
};

static int gather(void *context, const struct rejection_row *row)
{
	struct ids *ids = context;
	ids->at[ids->len++] = row->id;
	return 0;
}

static int read_ids(struct call *call, const json_t *list, struct ids *ids)
{
	if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > ACCEPT_MAX)
		return err_field(&call->err, ERR_INVALID, "/ids", "must be an array of 1 to %d ids of rejections", ACCEPT_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		char pointer[ERR_POINTER_MAX];
		const char *text = json_string_value(json_array_get(list, i));
		snprintf(pointer, sizeof pointer, "/ids/%zu", i);
		if (!text || id_parse(ID_REJECTION, slice_of(text), &ids->at[i]) < 0)
			return err_field(&call->err, ERR_INVALID, pointer, "must be the id of a rejection: rej_…");
	}
	ids->len = json_array_size(list);
	return 0;
}

/* Oldest first. `next`: others are looked for behind this one; 0: there are none. */
static int find_ids(struct call *call, const json_t *doc, struct ids *ids, int64_t *next)
{
	struct rejection_filter filter = {.pending = true};
	struct page page = {.limit = ACCEPT_MAX, .ascending = true};
	if (read_filter_doc(call, doc, &filter, &page.after_id) < 0 ||
	    reader_rejections(call->worker->reader, &filter, &page, gather, ids, &call->err) < 0)
		return -1;
	*next = page.more ? page.last_id : 0;
	return 0;
}

static int accept_all(struct call *call, const struct ids *ids, bool dry_run, int64_t next)
{
	const struct clock *clock = call->api->config.clock;
	int64_t deadline_us = clock_mono_us(clock) + ACCEPT_TIME_US, accepted = 0;
	size_t i = 0;
	/* Each is a change of its own: the request's key belongs to its answer. */
	(void)call_once_take(call);
	list_begin(call);
	while (i < ids->len && (i == 0 || clock_mono_us(clock) < deadline_us))
		if (accept_one(call, ids->at[i++], dry_run, &accepted) < 0)
			return -1;
	struct strbuf *out = &call->response->body;
	put_number(out, "],\"accepted\":", accepted);
	put_number(out, ",\"refused\":", (int64_t)i - accepted);
	put_id(out, ",\"next_after\":", ID_REJECTION, i < ids->len ? ids->at[i - 1] : next);
	strbuf_putc(out, '}');
	return 0;
}

static int accept_doc(struct call *call, const json_t *doc, struct ids *ids)
{
	const json_t *list = json_object_get(doc, "ids"), *chosen = json_object_get(doc, "filter"), *dry = json_object_get(doc, "dry_run");
	int64_t next = 0;
	if (call_members(call, doc, "", "ids filter dry_run") < 0)
		return -1;
	if (dry && !json_is_boolean(dry))
		return err_field(&call->err, ERR_INVALID, "/dry_run", "must be true or false");
	if (!list == !chosen)
		return err_field(&call->err, ERR_INVALID, "", "give either `ids` or `filter` ({} means every rejection)");
	if ((list ? read_ids(call, list, ids) : find_ids(call, chosen, ids, &next)) < 0)
		return -1;
	return accept_all(call, ids, json_is_true(dry), next);
}

int rejections_accept(struct call *call)
{
	json_t *doc = call_unbound(call, "accept rejections") < 0 ? NULL : call_body(call);
	struct ids *ids = mem_new(struct ids);
	int result = doc ? accept_doc(call, doc, ids) : -1;
	free(ids);
	json_decref(doc);
	return result;
}
