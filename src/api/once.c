/* Idempotency-Key on every POST but publishing, which has its own (ingest/): draft-ietf-httpapi-idempotency-key-header. store/once.h
 * tells what is remembered when, and why a crash cannot make a second thing.
 *
 * A key belongs to a subscriber (that of a bound key, or none) and a route. While its request is carried out, a twin gets 409
 * in_progress. Afterwards the same request, by path and body byte for byte, gets the first answer again, with Idempotent-Replayed: true;
 * another request gets 422. Errors are not remembered: they changed nothing. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/codec.h"
#include "base/log.h"
#include "store/once.h"

enum { KEY_TEXT_MAX = 255, RETRY_AFTER_S = 1 };

/* Headers of an answer that are part of what is remembered. */
static const char *const kept_headers[] = {"Location", "ETag", "Cache-Control"};

enum { KEPT_HEADERS = sizeof kept_headers / sizeof *kept_headers };

/* ---- Which request it is -------------------------------------------------------------------------------------------------- */

static uint8_t *add_hash(uint8_t *at, struct slice text)
{
	codec_sha256(text.len ? text.at : "", text.len, at);
	return at + 32;
}

/* Parts go in by their hashes, which have a fixed length, so that no two different lists give the same bytes. */
static void once_of(const struct call *call, struct slice text, struct once *once)
{
	const struct http_request *request = call->request;
	uint8_t bytes[4 * 32], hash[32];
	uint8_t *at = add_hash(bytes, (struct slice){(const char *)&call->who.subscriber, sizeof call->who.subscriber});
	at = add_hash(at, slice_of(call->route->path));
	at = add_hash(at, text);
	codec_sha256(bytes, (size_t)(at - bytes), hash);
	memcpy(once->key, hash, sizeof once->key);
	/* Keyed: a body may hold a password that is easily guessed, and this is stored in clear. */
	at = add_hash(bytes, (struct slice){(const char *)call->api->config.master, sizeof *call->api->config.master});
	at = add_hash(at, request->path);
	at = add_hash(at, request->query);
	at = add_hash(at, request->body);
	codec_sha256(bytes, (size_t)(at - bytes), hash);
	memcpy(once->content, hash, sizeof once->content);
}

/* ---- Requests that are being carried out: a list in memory, as long as the pool has threads --------------------------------- */

static int enter(struct call *call)
{
	struct api *api = call->api;
	struct call *twin;
	pthread_mutex_lock(&api->once_mutex);
	for (twin = api->once_running; twin; twin = twin->once_next)
		if (memcmp(twin->once.key, call->once.key, sizeof call->once.key) == 0)
			break;
	bool same = twin && memcmp(twin->once.content, call->once.content, sizeof call->once.content) == 0;
	if (!twin) {
		call->once_next = api->once_running;
		api->once_running = call;
		call->once_state = ONCE_ENTERED;
	}
	pthread_mutex_unlock(&api->once_mutex);
	if (!twin)
		return 0;
	if (!same)
		return err_set(&call->err, ERR_KEY_REUSED, "This Idempotency-Key is in use for another request: another path or another body");
	err_set(&call->err, ERR_IN_PROGRESS, "A request with this Idempotency-Key is being carried out; ask again in a moment");
	call->err.retry_after_s = RETRY_AFTER_S;
	return -1;
}

static void leave(struct call *call)
{
	struct api *api = call->api;
	pthread_mutex_lock(&api->once_mutex);
	struct call **link = &api->once_running;
	while (*link != call)
		link = &(*link)->once_next;
	*link = call->once_next;
	pthread_mutex_unlock(&api->once_mutex);
}

/* ---- Answers as they are remembered: {"status", "headers", "body"} ------------------------------------------------------------ */

static int replay_doc(struct call *call, const json_t *doc)
{
	struct http_response *response = call->response;
	const json_t *headers = json_object_get(doc, "headers"), *body = json_object_get(doc, "body");
	int status = (int)json_integer_value(json_object_get(doc, "status"));
	if (status < 200 || status > 299)
		return -1;
	if (json_is_string(body))
		strbuf_append(call_out(call, status), json_string_value(body), json_string_length(body));
	response->status = status;
	for (unsigned i = 0; i < KEPT_HEADERS; i++) {
		const char *value = json_string_value(json_object_get(headers, kept_headers[i]));
		if (value)
			http_response_header(response, kept_headers[i], value);
	}
	http_response_header(response, "Idempotent-Replayed", "true");
	call->once_state = ONCE_REPLAYED;
	return 0;
}

/* 1: answered, 0: there is nothing to answer with. */
static int replay(struct call *call)
{
	char *text;
	size_t len = 0;
	if (reader_once(call->worker->reader, call->api->config.master, &call->once, call_now_ms(call), &text, &len, &call->err) < 0)
		return -1;
	if (!text)
		return 0;
	json_t *doc = json_loadb(text, len, 0, NULL);
	int result = replay_doc(call, doc);
	if (result < 0)
		log_error("api", "a remembered answer cannot be read; it is built anew");
	json_decref(doc);
	explicit_bzero(text, len);
	free(text);
	return result == 0;
}

/* malloc; NULL: it is none that can be kept. */
static char *answer_text(const struct http_response *response)
{
	json_t *doc = json_pack("{s:i, s:{}}", "status", response->status, "headers");
	json_t *headers = json_object_get(doc, "headers");
	int result = doc ? 0 : -1;
	for (unsigned i = 0; i < response->headers_len; i++)
		for (unsigned k = 0; k < KEPT_HEADERS; k++)
			if (strcmp(response->headers[i].name, kept_headers[k]) == 0)
				result |= json_object_set_new(headers, kept_headers[k], json_string(response->headers[i].value));
	if (response->content_type)
		result |= strcmp(response->content_type, "application/json") |
		          json_object_set_new(doc, "body", json_stringn(strbuf_text(&response->body), response->body.len));
	char *text = result ? NULL : json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

/* Without it a repetition gets an answer that is built anew, so a failure is no error of this request. */
void once_remember(struct api *api, const struct once *once, const struct http_response *response, const char *request_id)
{
	struct caller caller = {.actor = ACTOR_HUB, .once = once};
	struct store_change change = {.what = CHANGE_ONCE_ANSWER, .caller = &caller};
	char *text = response->body.len <= ONCE_ANSWER_MAX ? answer_text(response) : NULL;
	if (!text)
		return;
	change.answer = slice_of(text);
	if (store_change(api->config.store, &change) < 0)
		log_warn("api", "the answer to %s is not remembered: %s", request_id, change.err.detail);
	store_change_clear(&change);
	explicit_bzero(text, strlen(text));
	free(text);
}

/* ---- The call ------------------------------------------------------------------------------------------------------------- */

static bool applies(const struct call *call)
{
	return slice_is(call->request->method, "POST") && call->route->where == WHERE_POOL && call->route->scope != ROUTE_PUBLIC;
}

int call_once_begin(struct call *call)
{
	struct slice text = http_header(call->request, "Idempotency-Key");
	if (!text.at || !applies(call))
		return 0;
	if (text.len == 0 || text.len > KEY_TEXT_MAX)
		return err_set(&call->err, ERR_BAD_REQUEST, "The header Idempotency-Key must have 1 to %d bytes", KEY_TEXT_MAX);
	once_of(call, text, &call->once);
	return enter(call) < 0 ? -1 : replay(call);
}

const struct once *call_once_take(struct call *call)
{
	if (call->once_state != ONCE_ENTERED)
		return NULL;
	call->once_state = ONCE_TAKEN;
	return &call->once;
}

void call_once_end(struct call *call, int result)
{
	const struct http_response *response = call->response;
	if (call->once_state == ONCE_NONE)
		return;
	if (result == 0 && call->once_state != ONCE_REPLAYED && response->status >= 200 && response->status <= 299)
		once_remember(call->api, &call->once, response, call->request->id);
	leave(call);
}
