/* /v1/endpoints: URLs with event types, secret and delivery policy. */
#include <string.h>

#include <openssl/crypto.h>

#include "api/call.h"
#include "model/endpoint.h"
#include "sign/outgoing.h"

enum { OVERLAP_DAYS_MAX = 30 };

/* ---- Answers -------------------------------------------------------------------------------------------------------------- */

void call_breaker(struct call *call, int64_t endpoint, struct breaker_view *view)
{
	*view = (struct breaker_view){.state = BREAKER_CLOSED};
	if (call->api->config.breakers)
		breakers_get(call->api->config.breakers, endpoint, view);
}

/* Its state now, beside its policy. */
static int add_breaker(struct call *call, int64_t endpoint, json_t *shown)
{
	struct breaker_view view;
	call_breaker(call, endpoint, &view);
	json_t *state = breaker_view_json(&view, call->who.subscriber != 0);
	int result = json_object_update(shown, state);
	json_decref(state);
	return result;
}

static json_t *to_json(struct call *call, const struct document_row *row)
{
	char text[SUBSCRIBER_TEXT_SIZE];
	json_t *json = endpoint_json(row->endpoint, row->doc, subscriber_text(call, row->endpoint->meta.subscriber, text));
	if (json && !endpoint_breaker(row->endpoint)->off && add_breaker(call, row->endpoint->meta.id, json_object_get(json, "breaker"))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static int endpoint_item(void *context, const struct document_row *row)
{
	struct call *call = context;
	put_json(list_item(call), to_json(call, row));
	return 0;
}

static int endpoint_whole(void *context, const struct document_row *row)
{
	struct whole *whole = context;
	return call_whole(whole, row, to_json(whole->call, row));
}

static int respond(struct call *call, int status, int64_t id, const char *secret)
{
	struct whole whole = {call, status, secret};
	if (reader_endpoint(call->worker->reader, id, call->who.subscriber, endpoint_whole, &whole, &call->err) < 0)
		return -1;
	if (status == 201)
		call_location(call, "endpoints", ID_ENDPOINT, id);
	return 0;
}

static int status_filter(struct call *call, struct endpoint_filter *filter)
{
	struct slice word;
	int given = filter_by_word(call, "status", "active paused disabled", &word);
	filter->by_status = given > 0;
	while (given > 0 && !slice_is(word, endpoint_status_text(filter->status)))
		filter->status++;
	return given < 0 ? -1 : 0;
}

int endpoints_list(struct call *call)
{
	struct endpoint_filter filter = {.status = ENDPOINT_ACTIVE};
	struct page page;
	if (status_filter(call, &filter) < 0 || resolve_owner_filter(call, &filter.subscriber) < 0 ||
	    filter_by_text(call, "q", FILTER_Q_MAX, &filter.q) < 0 || call_page(call, LIST_ENDPOINTS, &page) < 0)
		return -1;
	list_begin(call);
	if (reader_endpoints(call->worker->reader, &filter, &page, endpoint_item, call, &call->err) < 0)
		return -1;
	return list_end(call, LIST_ENDPOINTS, &page);
}

/* The path's endpoint: its id, and whether it is there. */
static int path_id(struct call *call, int64_t *id)
{
	struct endpoint *endpoint;
	if (resolve_endpoint_path(call, &endpoint) < 0)
		return -1;
	*id = endpoint->meta.id;
	endpoint_unref(endpoint);
	return 0;
}

int endpoints_get(struct call *call)
{
	int64_t id;
	return path_id(call, &id) < 0 ? -1 : respond(call, 200, id, NULL);
}

/* ---- Documents ------------------------------------------------------------------------------------------------------------ */

/* A document on its way to the store: what endpoint_doc_split() took out of it stands in `given`. */
struct draft {
	json_t *doc;
	struct endpoint_given given;
	struct store_change change;
};

static void draft_free(struct draft *draft)
{
	json_decref(draft->doc);
	json_decref(draft->given.credentials);
	json_decref(draft->given.taken);
	store_change_clear(&draft->change);
}

static int check_secret(struct call *call, const char *secret)
{
	uint8_t key[SECRET_BYTES_MAX];
	int len = secret ? secret_parse(slice_of(secret), "/secret", key, &call->err) : 0;
	OPENSSL_cleanse(key, sizeof key);
	return len < 0 ? -1 : 0;
}

/* Body, secret, subscriber. A bound key's endpoints are its subscriber's. */
static int draft_read(struct call *call, enum store_change_kind what, struct draft *draft)
{
	struct store_change *change = &draft->change;
	change->what = what;
	draft->doc = call_body(call);
	if (!draft->doc || endpoint_doc_split(draft->doc, &draft->given, &call->err) < 0 || check_secret(call, draft->given.secret) < 0)
		return -1;
	change->doc = draft->doc;
	change->secret = draft->given.secret;
	change->credentials = draft->given.credentials;
	change->may_trust = (call->who.scopes & SCOPE_ADMIN) && !call->who.subscriber;
	change->legacy_secret = draft->given.legacy_secret;
	change->legacy_given = draft->given.legacy_secret || draft->given.legacy_secret_null;
	change->subscriber = call->who.subscriber;
	change->subscriber_given = draft->given.subscriber || draft->given.subscriber_null;
	if (!draft->given.subscriber)
		return 0;
	return resolve_subscriber(call, slice_of(draft->given.subscriber), "/subscriber", &change->subscriber);
}

static const char *token_url_of(const struct endpoint *endpoint)
{
	return endpoint && endpoint->auth && endpoint->auth->token_url ? endpoint->auth->token_url : "";
}

/* Only who runs the hub lets an endpoint go without what the hub's option asks of it; one that was there before goes on. */
static int check_verification(struct call *call, const json_t *doc, const struct endpoint *endpoint, const struct endpoint *present)
{
	bool before = present && !present->verification && strcmp(present->url, endpoint->url) == 0;
	bool waived = !endpoint->verification && json_object_get(doc, "verification") && endpoint_defaults_now()->verification != VERIFY_NONE;
	if (!waived || before || !call->who.subscriber)
		return 0;
	return err_field(&call->err, ERR_INVALID, "/verification/type", "must be cloudevents or challenge: this hub verifies endpoints");
}

/* The whole document as it will be: is it valid, and does its URL lead where this hub delivers to? `present`: what it was before, or
 * NULL. */
static int check_whole(struct call *call, const json_t *doc, const struct endpoint *present)
{
	struct endpoint_meta meta = {.id = present ? present->meta.id : 1, .version = 1};
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, &call->err);
	if (!endpoint)
		return -1;
	int result = present && strcmp(present->url, endpoint->url) == 0 ? 0 : destination_check(call, endpoint);
	if (result == 0 && *token_url_of(endpoint) && strcmp(token_url_of(endpoint), token_url_of(present)) != 0)
		result = destination_check_token(call, endpoint);
	if (result == 0)
		result = check_verification(call, doc, endpoint, present);
	endpoint_unref(endpoint);
	return result;
}

static int apply(struct call *call, struct draft *draft, int status)
{
	struct store_change *change = &draft->change;
	if (call_change(call, change) < 0)
		return -1;
	return respond(call, change->created ? 201 : status, change->result_id, change->result_secret);
}

int endpoints_create(struct call *call)
{
	struct draft draft = {.doc = NULL};
	int result = draft_read(call, CHANGE_ENDPOINT_CREATE, &draft);
	if (result == 0)
		result = check_whole(call, draft.doc, NULL);
	if (result == 0)
		result = apply(call, &draft, 201);
	draft_free(&draft);
	return result;
}

/* ---- PUT ------------------------------------------------------------------------------------------------------------------ */

/* In whose name space a uid of the path is looked up: ?subscriber=, else what the document says, else anywhere. */
static int put_owner(struct call *call, const struct draft *draft, int64_t *owner, bool *any)
{
	struct slice text;
	int given = call_param(call, "subscriber", &text);
	*any = !given && !call->who.subscriber && !draft->change.subscriber_given;
	*owner = draft->change.subscriber;
	if (given < 0)
		return -1;
	if (!given || (text.len == 0 && !call->who.subscriber)) {
		*owner = given ? 0 : *owner;
		return 0;
	}
	return resolve_subscriber(call, text, "?subscriber", owner);
}

/* By a uid that is not there yet: a new endpoint of that uid. */
static int put_by_uid(struct call *call, struct draft *draft, struct slice text, struct endpoint **present)
{
	bool any, several = false;
	int64_t owner;
	const char *uid = json_string_value(json_object_get(draft->doc, "uid"));
	if (uid_check(text, "/uid", &call->err) < 0)
		return -1;
	if (uid && !slice_is(text, uid))
		return err_field(&call->err, ERR_INVALID, "/uid", "must be the uid of the path, or absent");
	if (put_owner(call, draft, &owner, &any) < 0)
		return -1;
	*present = index_endpoint_by_uid(call->api->config.index, text, owner, any, &several);
	if (several)
		return err_set(&call->err, ERR_AMBIGUOUS,
		               "Several subscribers have an endpoint of this uid: add ?subscriber= (empty: the one without a subscriber), "
		               "or give its id");
	if (!*present && !draft->change.subscriber_given) {
		draft->change.subscriber = owner;
		draft->change.subscriber_given = owner != 0;
	}
	draft->change.uid = text.at;
	return json_object_set_new(draft->doc, "uid", json_string(text.at)) == 0
	           ? 0
	           : err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
}

static int put_draft(struct call *call, struct draft *draft, struct endpoint **present)
{
	struct slice text;
	if (draft_read(call, CHANGE_ENDPOINT_PUT, draft) < 0 || call_path(call, 0, &text) < 0)
		return -1;
	if ((id_shaped(text) ? resolve_endpoint_path(call, present) : put_by_uid(call, draft, text, present)) < 0)
		return -1;
	draft->change.id = *present ? (*present)->meta.id : 0;
	return check_whole(call, draft->doc, *present);
}

int endpoints_put(struct call *call)
{
	struct draft draft = {.doc = NULL};
	struct endpoint *present = NULL;
	int result = put_draft(call, &draft, &present);
	if (result == 0)
		result = apply(call, &draft, 200);
	endpoint_unref(present);
	draft_free(&draft);
	return result;
}

/* ---- PATCH ---------------------------------------------------------------------------------------------------------------- */

static int copy_doc(void *context, const struct document_row *row)
{
	json_t **copy = context;
	*copy = json_deep_copy(row->doc);
	return 0;
}

/* The merge is tried here for its errors and its URL; the writer merges again, into what is stored by then. */
static int check_patch(struct call *call, const json_t *patch, const struct endpoint *present)
{
	json_t *doc = NULL;
	if (reader_endpoint(call->worker->reader, present->meta.id, call->who.subscriber, copy_doc, &doc, &call->err) < 0)
		return -1;
	int result = doc && endpoint_merge_patch(doc, patch) == 0
	                 ? check_whole(call, doc, present)
	                 : err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	json_decref(doc);
	return result;
}

int endpoints_patch(struct call *call)
{
	struct draft draft = {.doc = NULL};
	struct endpoint *present = NULL;
	int result = resolve_endpoint_path(call, &present);
	if (result == 0)
		result = draft_read(call, CHANGE_ENDPOINT_PATCH, &draft);
	if (result == 0) {
		draft.change.id = present->meta.id;
		result = check_patch(call, draft.doc, present);
	}
	if (result == 0)
		result = apply(call, &draft, 200);
	endpoint_unref(present);
	draft_free(&draft);
	return result;
}

/* ---- Changes without a document -------------------------------------------------------------------------------------------- */

static int change_path(struct call *call, enum store_change_kind what, int64_t *id)
{
	struct store_change change = {.what = what};
	if (path_id(call, &change.id) < 0)
		return -1;
	int result = call_change(call, &change);
	*id = change.id;
	store_change_clear(&change);
	return result;
}

int endpoints_delete(struct call *call)
{
	int64_t id;
	return change_path(call, CHANGE_ENDPOINT_DELETE, &id) < 0 ? -1 : call_no_content(call);
}

static int change_status(struct call *call, enum store_change_kind what)
{
	int64_t id;
	return change_path(call, what, &id) < 0 ? -1 : respond(call, 200, id, NULL);
}

int endpoints_pause(struct call *call)
{
	return change_status(call, CHANGE_ENDPOINT_PAUSE);
}

int endpoints_resume(struct call *call)
{
	return change_status(call, CHANGE_ENDPOINT_RESUME);
}

/* The answer does not wait for the endpoint's: its verification is pending. */
int endpoints_verify(struct call *call)
{
	int64_t id;
	return change_path(call, CHANGE_ENDPOINT_VERIFY, &id) < 0 ? -1 : respond(call, 202, id, NULL);
}

int endpoints_disable(struct call *call)
{
	return change_status(call, CHANGE_ENDPOINT_DISABLE);
}

/* ---- Secrets -------------------------------------------------------------------------------------------------------------- */

static int open_secret(struct call *call, int64_t id, const struct endpoint_secret *secret, char text[SECRET_TEXT_SIZE])
{
	uint8_t key[SECRET_BYTES_MAX];
	char place[48];
	secret_place(id, place);
	int len = unseal(call->api->config.master, slice_of(place), secret->sealed, secret->sealed_len, key, sizeof key);
	if (len < 0)
		return err_set(&call->err, ERR_INTERNAL,
		               "The secret cannot be opened: the master key is another one, or the database is damaged");
	secret_text(key, (size_t)len, text);
	OPENSSL_cleanse(key, sizeof key);
	return 0;
}

static bool over(struct call *call, const struct endpoint_secret *secret)
{
	return secret->until_ms && secret->until_ms <= call_now_ms(call);
}

/* "secret": the present one, "previous": those that sign beside it, with the time they end */
static int put_secrets(struct call *call, struct strbuf *out, const struct endpoint *endpoint)
{
	char text[SECRET_TEXT_SIZE];
	unsigned previous = 0;
	for (unsigned i = 0; i < endpoint->secrets_len; i++) {
		const struct endpoint_secret *secret = &endpoint->secrets[i];
		if (i > 0 && over(call, secret))
			continue;
		if (open_secret(call, endpoint->meta.id, secret, text) < 0)
			return -1;
		if (i == 0) {
			put_text(out, "\"secret\":", slice_of(text));
			strbuf_puts(out, ",\"previous\":[");
			continue;
		}
		put_text(out, previous++ ? ",{\"secret\":" : "{\"secret\":", slice_of(text));
		put_time(out, ",\"until\":", secret->until_ms);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
	OPENSSL_cleanse(text, sizeof text);
	return 0;
}

/* The same of key pairs: their public halves, for an endpoint that signs v1a. */
static void put_public_keys(struct call *call, struct strbuf *out, const struct endpoint *endpoint)
{
	char text[ENDPOINT_PUBLIC_KEY_TEXT_SIZE];
	unsigned previous = 0, len = endpoint->sign_v1a ? endpoint->pairs_len : 0;
	if (len > 0)
		endpoint_public_key_text(&endpoint->pairs[0], text);
	put_text(out, ",\"public_key\":", len > 0 ? slice_of(text) : (struct slice){NULL, 0});
	strbuf_puts(out, ",\"previous_public_keys\":[");
	for (unsigned i = 1; i < len; i++) {
		if (over(call, &endpoint->pairs[i].seed))
			continue;
		endpoint_public_key_text(&endpoint->pairs[i], text);
		put_text(out, previous++ ? ",{\"public_key\":" : "{\"public_key\":", slice_of(text));
		put_time(out, ",\"until\":", endpoint->pairs[i].seed.until_ms);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

static int secret_answer(void *context, const struct document_row *row)
{
	struct call *call = context;
	struct strbuf *out = call_out(call, 200);
	strbuf_putc(out, '{');
	if (put_secrets(call, out, row->endpoint) < 0)
		return -1;
	put_public_keys(call, out, row->endpoint);
	strbuf_putc(out, '}');
	return 0;
}

static int respond_secret(struct call *call, int64_t id)
{
	if (reader_endpoint(call->worker->reader, id, call->who.subscriber, secret_answer, call, &call->err) < 0)
		return -1;
	return call->err.code == ERR_NONE ? 0 : -1;
}

int endpoints_secret(struct call *call)
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
		if (!json_is_string(secret))
			return err_field(&call->err, ERR_INVALID, "/secret", "must be a string: whsec_ and base64 of 24 to 64 bytes");
		change->secret = json_string_value(secret);
		if (check_secret(call, change->secret) < 0)
			return -1;
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

int endpoints_rotate(struct call *call)
{
	struct store_change change = {.what = CHANGE_SECRET_ROTATE};
	json_t *doc = path_id(call, &change.id) < 0 ? NULL : call_body(call);
	int result = doc ? read_rotation(call, doc, &change) : -1;
	if (result == 0)
		result = call_change(call, &change);
	if (result == 0)
		result = respond_secret(call, change.id);
	json_decref(doc);
	store_change_clear(&change);
	return result;
}
