/* /v1/sources: doors for incoming webhooks; /v1/schemes: what they can verify. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "api/call.h"
#include "api/door.h"
#include "model/event.h"

enum { OVERLAP_DAYS_MAX = 30 };

/* ---- Answers -------------------------------------------------------------------------------------------------------------- */

static json_t *to_json(struct call *call, const struct document_row *row)
{
	char text[SUBSCRIBER_TEXT_SIZE];
	struct strbuf *url = call_text(call, DOOR_URL_MAX);
	door_url(call->api, call->request, row->source, url);
	json_t *json = source_json(row->source, row->doc, subscriber_text(call, row->source->meta.subscriber, text), strbuf_text(url));
	strbuf_free(url);
	call->texts_len--;
	return json;
}

static int source_item(void *context, const struct document_row *row)
{
	struct call *call = context;
	put_json(list_item(call), to_json(call, row));
	return 0;
}

static int source_whole(void *context, const struct document_row *row)
{
	struct whole *whole = context;
	return call_whole(whole, row, to_json(whole->call, row));
}

static int respond(struct call *call, int status, int64_t id, const char *secret)
{
	struct whole whole = {call, status, secret};
	if (reader_source(call->worker->reader, id, source_whole, &whole, &call->err) < 0)
		return -1;
	if (status == 201)
		call_location(call, "sources", ID_SOURCE, id);
	return 0;
}

static int read_scheme(struct call *call, struct slice *name)
{
	int given = call_param(call, "scheme", name);
	if (given <= 0 || scheme_find(*name))
		return given < 0 ? -1 : 0;
	return err_field(&call->err, ERR_INVALID, "?scheme", "there is no such scheme: GET /v1/schemes lists them");
}

int sources_list(struct call *call)
{
	struct source_filter filter = {.q = {NULL, 0}};
	struct page page;
	if (call_unbound(call, "see sources") < 0 || filter_by_text(call, "q", FILTER_Q_MAX, &filter.q) < 0 ||
	    read_scheme(call, &filter.scheme) < 0 || call_page(call, LIST_SOURCES, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_sources(call->worker->reader, &filter, &page, source_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_SOURCES, &page);
}

/* The path's source: its id. */
static int path_id(struct call *call, int64_t *id)
{
	struct source *source;
	if (resolve_source_path(call, &source) < 0)
		return -1;
	*id = source->meta.id;
	source_unref(source);
	return 0;
}

int sources_get(struct call *call)
{
	int64_t id;
	return path_id(call, &id) < 0 ? -1 : respond(call, 200, id, NULL);
}

int schemes_list(struct call *call)
{
	size_t len;
	const struct scheme *const *all = scheme_all(&len);
	list_begin(call);
	for (size_t i = 0; i < len; i++)
		put_json(list_item(call), source_scheme_json(all[i]));
	strbuf_puts(&call->response->body, "],\"next_cursor\":null}");
	return 0;
}

/* ---- Changes --------------------------------------------------------------------------------------------------------------- */

/* A document on its way to the store: what source_doc_split() took out of it stands in `given`. */
struct draft {
	json_t *doc;
	struct source_given given;
	struct store_change change;
};

static void draft_free(struct draft *draft)
{
	json_decref(draft->doc);
	json_decref(draft->given.taken);
	store_change_clear(&draft->change);
}

static int draft_read(struct call *call, enum store_change_kind what, struct draft *draft)
{
	struct store_change *change = &draft->change;
	change->what = what;
	draft->doc = call_body(call);
	if (!draft->doc || source_doc_split(draft->doc, &draft->given, &call->err) < 0)
		return -1;
	change->doc = draft->doc;
	change->secrets = draft->given.secrets;
	change->secrets_len = draft->given.secrets_len;
	change->subscriber_given = draft->given.subscriber || draft->given.subscriber_null;
	if (!draft->given.subscriber)
		return 0;
	return resolve_subscriber(call, slice_of(draft->given.subscriber), "/subscriber", &change->subscriber);
}

/* The scheme speaks of /secrets/0; whoever gave a `secret` looks for that. */
static void rename_pointers(struct call *call, const struct draft *draft)
{
	static const char several[] = "/secrets";
	struct err *err = &call->err;
	if (json_object_get(draft->given.taken, "secrets"))
		return;
	for (unsigned i = 0; i < err->fields_len; i++)
		if (strncmp(err->fields[i].pointer, several, sizeof several - 1) == 0)
			snprintf(err->fields[i].pointer, sizeof err->fields[i].pointer, "/secret");
	const char *rest = strchr(err->detail, ':');
	if (rest && strncmp(err->detail, several, sizeof several - 1) == 0)
		memmove(err->detail + strlen("/secret"), rest, strlen(rest) + 1);
}

static int apply(struct call *call, struct draft *draft, int status)
{
	struct store_change *change = &draft->change;
	if (call_change(call, change) < 0) {
		rename_pointers(call, draft);
		return -1;
	}
	return respond(call, change->created ? 201 : status, change->result_id, change->result_secret);
}

int sources_create(struct call *call)
{
	struct draft draft = {.doc = NULL};
	int result = call_unbound(call, "make sources");
	if (result == 0)
		result = draft_read(call, CHANGE_SOURCE_CREATE, &draft);
	if (result == 0)
		result = apply(call, &draft, 201);
	draft_free(&draft);
	return result;
}

/* PUT by a uid makes what does not exist; the document's uid must be the path's. */
static int put_target(struct call *call, struct draft *draft)
{
	struct slice text;
	const char *uid = json_string_value(json_object_get(draft->doc, "uid"));
	if (call_path(call, 0, &text) < 0)
		return -1;
	if (id_shaped(text))
		return path_id(call, &draft->change.id);
	if (uid_check(text, "/uid", &call->err) < 0)
		return -1;
	if (uid && !slice_is(text, uid))
		return err_field(&call->err, ERR_INVALID, "/uid", "must be the uid of the path, or absent");
	struct source *present = source_table_find(call->api->config.sources, text);
	draft->change.id = present ? present->meta.id : 0;
	draft->change.uid = text.at;
	source_unref(present);
	return json_object_set_new(draft->doc, "uid", json_string(text.at)) == 0
	           ? 0
	           : err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
}

int sources_put(struct call *call)
{
	struct draft draft = {.doc = NULL};
	int result = call_unbound(call, "change sources");
	if (result == 0)
		result = draft_read(call, CHANGE_SOURCE_PUT, &draft);
	if (result == 0)
		result = put_target(call, &draft);
	if (result == 0)
		result = apply(call, &draft, 200);
	draft_free(&draft);
	return result;
}

int sources_patch(struct call *call)
{
	struct draft draft = {.doc = NULL};
	int64_t id = 0;
	int result = path_id(call, &id);
	if (result == 0)
		result = draft_read(call, CHANGE_SOURCE_PATCH, &draft);
	draft.change.id = id;
	if (result == 0)
		result = apply(call, &draft, 200);
	draft_free(&draft);
	return result;
}

int sources_delete(struct call *call)
{
	struct store_change change = {.what = CHANGE_SOURCE_DELETE};
	int result = path_id(call, &change.id);
	if (result == 0)
		result = call_change(call, &change);
	store_change_clear(&change);
	return result < 0 ? -1 : call_no_content(call);
}

/* ---- Secrets -------------------------------------------------------------------------------------------------------------- */

/* "secret": the present one, null while there is none; "previous": those that fit beside it, with the time they end */
static int secret_answer(void *context, const struct document_row *row)
{
	struct call *call = context;
	struct source_opened opened;
	if (source_open(row->source, call->api->config.master, call_now_ms(call), &opened, &call->err) < 0)
		return -1;
	struct strbuf *out = call_out(call, 200);
	put_text(out, "{\"secret\":", opened.view.secrets_len ? opened.view.secrets[0] : (struct slice){NULL, 0});
	strbuf_puts(out, ",\"previous\":[");
	/* Those that have ended are not opened; the others keep their order. */
	size_t at = 0;
	for (unsigned i = 0; i < row->source->secrets_len && at < opened.view.secrets_len; i++) {
		int64_t until_ms = row->source->secrets[i].until_ms;
		if (until_ms && until_ms <= call_now_ms(call))
			continue;
		if (at > 0) {
			put_text(out, at > 1 ? ",{\"secret\":" : "{\"secret\":", opened.view.secrets[at]);
			put_time(out, ",\"until\":", until_ms);
			strbuf_putc(out, '}');
		}
		at++;
	}
	strbuf_puts(out, "]}");
	source_opened_clear(&opened);
	return 0;
}

static int respond_secret(struct call *call, int64_t id)
{
	if (reader_source(call->worker->reader, id, secret_answer, call, &call->err) < 0)
		return -1;
	return call->err.code == ERR_NONE ? 0 : -1;
}

int sources_secret(struct call *call)
{
	int64_t id;
	return path_id(call, &id) < 0 ? -1 : respond_secret(call, id);
}

static int read_rotation(struct call *call, const json_t *doc, struct store_change *change)
{
	const json_t *secret = json_object_get(doc, "secret"), *overlap = json_object_get(doc, "overlap_ms");
	const int64_t overlap_max_ms = (int64_t)OVERLAP_DAYS_MAX * 86400000;
	change->overlap_ms = call->api->config.secret_overlap_ms;
	if (call_members(call, doc, "", "secret overlap_ms") < 0)
		return -1;
	if (secret && !json_is_null(secret)) {
		struct slice text = {json_string_value(secret), json_string_length(secret)};
		if (source_secret_check(text, "/secret", &call->err) < 0)
			return -1;
		change->secret = text.at;
	}
	if (overlap && !json_is_null(overlap)) {
		change->overlap_ms = json_integer_value(overlap);
		if (!json_is_integer(overlap) || change->overlap_ms < 0 || change->overlap_ms > overlap_max_ms)
			return err_field(&call->err, ERR_INVALID, "/overlap_ms",
			                 "must be a whole number of milliseconds from 0 to %lld (%d days)", (long long)overlap_max_ms,
			                 OVERLAP_DAYS_MAX);
	}
	return 0;
}

int sources_rotate(struct call *call)
{
	struct store_change change = {.what = CHANGE_SOURCE_ROTATE};
	struct draft none = {.doc = NULL};
	json_t *doc = path_id(call, &change.id) < 0 ? NULL : call_body(call);
	int result = doc ? read_rotation(call, doc, &change) : -1;
	if (result == 0) {
		result = call_change(call, &change);
		if (result < 0)
			rename_pointers(call, &none);
	}
	if (result == 0)
		result = respond_secret(call, change.id);
	json_decref(doc);
	store_change_clear(&change);
	return result;
}
