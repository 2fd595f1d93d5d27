/* /in/{source}: see door.h. One request is a struct door, which goes from step to step; whoever it waits for calls the next one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/door.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/fetch.h"
#include "ingest/received.h"
#include "json/scan.h"
#include "metrics/sources.h"
#include "model/media.h"
#include "source/template.h"

/* Bodies up to INLINE_BYTES are verified on the HTTP thread. What no source asked for takes no more memory than that. */
enum { INLINE_BYTES = 64 * 1024, NAME_BYTES_MAX = 2048, ATTRIBUTE_BYTES_MAX = 1024, ATTRIBUTES_BYTES_MAX = 16384, KEY_BYTES_MAX = 1024 };

struct door {
	struct pool_job job;
	struct api *api;
	struct http_exchange *exchange; /* NULL: a thread waits */
	const struct http_request *request;
	struct source *source; /* NULL: there is none of this name */
	struct strbuf name;
	struct scheme_header headers[HTTP_HEADERS_MAX];
	struct scheme_request view;
	struct scheme_result result;
	struct strbuf certificate, url;
	struct fetch fetch;
	bool fetched, confirmed, kept;
	struct store_change keep;
	struct caller caller;
	struct source_rate rate;
	struct http_response response;
	struct door_again *again; /* it was refused before; NULL: it comes from outside */
	/* shared, under the mutex: when a thread waits */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

/* ---- The end -------------------------------------------------------------------------------------------------------------- */

static void door_free(struct door *door)
{
	scheme_result_free(&door->result);
	store_change_clear(&door->keep);
	strbuf_free(&door->certificate);
	strbuf_free(&door->name);
	strbuf_free(&door->url);
	source_unref(door->source);
	pthread_cond_destroy(&door->cond);
	pthread_mutex_destroy(&door->mutex);
	free(door);
}

/* The response is there. */
static void door_end(struct door *door)
{
	if (door->exchange) {
		http_answer(door->exchange, &door->response);
		door_free(door);
		return;
	}
	pthread_mutex_lock(&door->mutex);
	door->done = true;
	pthread_cond_signal(&door->cond);
	pthread_mutex_unlock(&door->mutex);
}

static void fail(struct door *door, const struct err *err)
{
	if (door->again)
		door->again->err = *err;
	else if (door->source)
		metrics_ingested(door->source->meta.id, INGEST_FAILED, 1);
	problem_respond(&door->response, err, door->request->id);
	door_end(door);
}

static void put_rate(struct door *door)
{
	char text[96];
	const struct source_rate *rate = &door->rate;
	if (rate->limit == 0)
		return;
	snprintf(text, sizeof text, "\"source\";q=%" PRId64 ";w=%" PRId64, rate->limit, rate->per_s);
	http_response_header(&door->response, "RateLimit-Policy", text);
	snprintf(text, sizeof text, "\"source\";r=%" PRId64 ";t=%" PRId64, rate->remaining, rate->retry_after_s);
	http_response_header(&door->response, "RateLimit", text);
}

/* What whoever sent it is told: not which byte was wrong, nor whether it was the signature or its age. */
static void refusal(struct door *door, enum rejection_reason reason, struct err *err)
{
	switch (reason) {
	case REJECTION_UNKNOWN_SOURCE:
	case REJECTION_DISABLED:
		err_set(err, ERR_NOT_FOUND, "There is no such source");
		break;
	case REJECTION_TOO_LARGE:
		err_set(err, ERR_TOO_LARGE, "The body is larger than this source takes");
		break;
	case REJECTION_MALFORMED:
		err_set(err, ERR_BAD_REQUEST, "The request is not what this source takes");
		break;
	case REJECTION_RATE_LIMITED:
		err_set(err, ERR_RATE_LIMITED, "This source gets more requests than it is set to take: try again later");
		err->retry_after_s = (int)door->rate.retry_after_s;
		break;
	default:
		err_set(err, ERR_UNVERIFIED, "Nothing in it shows that it comes from whom this source expects");
		break;
	}
}

static void refuse(struct door *door, enum rejection_reason reason, const char *why)
{
	struct err err = {.code = ERR_NONE};
	int64_t source = door->source ? door->source->meta.id : 0;
	if (door->again) {
		door->again->reason = reason;
		snprintf(door->again->why, sizeof door->again->why, "%s", why);
		door_end(door);
		return;
	}
	refusal(door, reason, &err);
	problem_respond(&door->response, &err, door->request->id);
	/* Where a header of that name is what counts; a signature cannot be asked for by it. */
	if (err.code == ERR_UNVERIFIED && door->source->scheme->challenge)
		http_response_header(&door->response, "WWW-Authenticate", door->source->scheme->challenge);
	if (reason == REJECTION_RATE_LIMITED)
		put_rate(door);
	struct slice name = {strbuf_text(&door->name), door->name.len};
	reject_keep(door->api, door->request, source, name, reason, false, why);
	door_end(door);
}

/* The body that the scheme wants, or the source's own. */
static void put_reply(struct door *door, struct scheme_reply *reply)
{
	struct http_response *response = &door->response;
	response->status = reply->status ? reply->status : 200;
	response->content_type = reply->content_type;
	if (reply->content_type) {
		response->body = reply->body;
		reply->body = STRBUF_INIT(0);
	}
	for (unsigned i = 0; i < reply->headers_len; i++)
		http_response_header(response, reply->headers[i].name, reply->headers[i].value);
}

static void put_own_response(struct door *door)
{
	struct http_response *response = &door->response;
	const struct source *source = door->source;
	response->status = source->response.status;
	if (source->response.body_len == 0)
		return;
	/* The source outlives the answer on the network; in this process only status and body are looked at. */
	response->content_type = door->exchange ? source->response.content_type : "text/plain";
	response->body = STRBUF_INIT(source->response.body_len + 1);
	strbuf_append(&response->body, source->response.body, source->response.body_len);
}

static void welcome(struct door *door)
{
	if (door->source->response.given && door->result.verdict == SCHEME_ACCEPTED)
		put_own_response(door);
	else
		put_reply(door, &door->result.reply);
	put_rate(door);
	door_end(door);
}

/* ---- Publishing ----------------------------------------------------------------------------------------------------------- */

static void published(struct ingest *ingest)
{
	struct door *door = ingest->context;
	const struct publish_item *item = &ingest->publish.items[0];
	enum err_code fate = ingest->publish.cmd.fate == ERR_NONE ? item->fate : ingest->publish.cmd.fate;
	struct err err = {.code = ERR_NONE};
	if (door->again && fate == ERR_NONE) {
		door->again->accepted = true;
		door->again->event = item->event_id;
		door->again->duplicate = item->duplicate;
	}
	if (fate == ERR_NONE)
		metrics_ingested(door->source->meta.id, item->duplicate ? INGEST_DUPLICATE : INGEST_ACCEPTED, 1);
	ingest_free(ingest);
	if (fate == ERR_NONE) {
		welcome(door);
		return;
	}
	err_set(&err, fate == ERR_UNAVAILABLE || fate == ERR_STORAGE ? fate : ERR_UNAVAILABLE,
	        "The event could not be stored, so nothing was accepted: try again");
	fail(door, &err);
}

/* Of the scheme's list, and never more. */
static void put_attributes(const struct door *door, struct strbuf *out)
{
	const char *const *keep = door->source->scheme->keep;
	const char *before = "{";
	for (; keep && *keep; keep++) {
		struct slice value = http_header(door->request, *keep);
		if (!value.at || value.len > ATTRIBUTE_BYTES_MAX)
			continue;
		put_text(out, before, slice_of(*keep));
		put_text(out, ":", value);
		before = ",";
	}
	strbuf_puts(out, before[0] == '{' ? "{}" : "}");
}

static struct slice text_of(const struct strbuf *text)
{
	return (struct slice){strbuf_text(text), text->len};
}

/* The headers of a CloudEvent in binary mode. */
static size_t cloudevent_headers(const struct door *door, struct ingest_header out[HTTP_HEADERS_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < door->view.headers_len; i++) {
		const struct scheme_header *header = &door->headers[i];
		if (header->name.len > 3 && strncasecmp(header->name.at, "ce-", 3) == 0)
			out[len++] = (struct ingest_header){header->name, header->value};
	}
	return len;
}

static int post_it(struct door *door, struct received *received, struct err *err)
{
	static const enum ingest_form forms[] = {
	    [SCHEME_PLAIN] = INGEST_JSON, [SCHEME_STRUCTURED] = INGEST_CLOUDEVENT, [SCHEME_BINARY] = INGEST_CLOUDEVENT_BINARY};
	const struct ingest_config *ingest = &door->api->config.ingest;
	struct ingest_header headers[HTTP_HEADERS_MAX];
	received->form = forms[door->result.form];
	if (received->form == INGEST_CLOUDEVENT_BINARY) {
		/* As it came: one that is malformed is refused, with the reason. */
		received->content_type = http_header(door->request, "Content-Type");
		received->headers = headers;
		received->headers_len = cloudevent_headers(door, headers);
	}
	if (door->again && door->again->dry_run)
		return ingest_received_check(ingest, received, err);
	return ingest_received(ingest, received, published, door, err);
}

static int publish_now(struct door *door, struct strbuf texts[3], struct err *err)
{
	const struct source *source = door->source;
	char id[ID_TEXT_SIZE];
	struct strbuf *type = &texts[0], *key = &texts[1], *attributes = &texts[2];
	id_format(ID_SOURCE, source->meta.id, id);
	struct template_input input = {
	    .type = text_of(&door->result.type),
	    .id = text_of(&door->result.dedupe),
	    .subject = text_of(&door->result.subject),
	    .scheme = slice_of(source->scheme->name),
	    .source = slice_of(source->uid ? source->uid : id),
	    .request = &door->view,
	};
	int whole = template_render(slice_of(source->dedupe), &input, (struct slice){NULL, 0}, key);
	put_attributes(door, attributes);
	/* A key too long to be one is no key. */
	if (whole <= 0 || key->failed)
		strbuf_clear(key);
	/* One that was refused becomes one event, however often it is accepted. */
	if (key->len == 0 && door->again)
		strbuf_printf(key, "rejection:%" PRId64, door->again->rejection);
	if (template_type(slice_of(source->event_type), &input, type) < 0 || attributes->failed)
		return err_set(err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	struct slice content_type = http_header(door->request, "Content-Type");
	struct received received = {
	    .source = source->meta.id,
	    .request = door->request->number,
	    .subscriber = source->meta.subscriber,
	    .type = text_of(type),
	    .subject = door->result.subject.len ? text_of(&door->result.subject) : (struct slice){NULL, 0},
	    .dedupe = text_of(key),
	    .content_type = content_type.at && media_type_good(content_type) ? content_type : (struct slice){NULL, 0},
	    .attributes = text_of(attributes),
	    .traceparent = http_header(door->request, "traceparent"),
	    .tracestate = http_header(door->request, "tracestate"),
	    .data = door->request->body,
	};
	return post_it(door, &received, err);
}

static void publish(struct door *door)
{
	struct err err = {.code = ERR_NONE};
	bool dry_run = door->again && door->again->dry_run;
	struct strbuf texts[3] = {STRBUF_INIT(EVENT_TYPE_MAX + 64), STRBUF_INIT(KEY_BYTES_MAX), STRBUF_INIT(ATTRIBUTES_BYTES_MAX)};
	int result = publish_now(door, texts, &err);
	/* From here on the door may be gone. */
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		strbuf_free(&texts[i]);
	if (result < 0 && (err.code == ERR_INVALID || err.code == ERR_UNPARSABLE)) {
		refuse(door, REJECTION_MALFORMED, err.detail);
	} else if (result < 0) {
		fail(door, &err);
	} else if (dry_run) {
		door->again->accepted = true;
		door_end(door);
	}
}

/* ---- What comes before it is answered --------------------------------------------------------------------------------------- */

static void go_on(struct door *door);
static void verify(struct door *door);

static void unavailable(struct door *door, const char *why)
{
	struct err err = {.code = ERR_NONE};
	err_set(&err, ERR_UNAVAILABLE, "What is needed to verify this request could not be had now: try again");
	log_warn("in", "source %s: %s", door->source->uid ? door->source->uid : "without uid", why);
	fail(door, &err);
}

static void fetch(struct door *door, const struct strbuf *url, bool keep, void (*done)(struct fetch *fetch))
{
	door->fetch = (struct fetch){.url = text_of(url), .keep = keep, .done = done, .context = door};
	if (!door->api->config.fetcher || fetcher_get(door->api->config.fetcher, &door->fetch) < 0)
		unavailable(door, "too much is being fetched already");
}

static void certificate_came(struct fetch *fetch)
{
	struct door *door = fetch->context;
	char why[sizeof fetch->why + 48];
	door->fetched = true;
	door->certificate = fetch->body;
	if (fetch->ok) {
		door->view.certificate = text_of(&door->certificate);
		verify(door);
		return;
	}
	snprintf(why, sizeof why, "the certificate cannot be fetched: %s", fetch->why);
	unavailable(door, why);
}

static void confirmed(struct fetch *fetch)
{
	struct door *door = fetch->context;
	char why[sizeof fetch->why + 48];
	strbuf_free(&fetch->body);
	door->confirmed = true;
	if (fetch->ok) {
		go_on(door);
		return;
	}
	snprintf(why, sizeof why, "the subscription cannot be confirmed: %s", fetch->why);
	unavailable(door, why);
}

static void secret_kept(struct store_cmd *cmd)
{
	struct door *door = CONTAINER_OF(cmd, struct door, keep.cmd);
	if (cmd->fate == ERR_NONE) {
		go_on(door);
		return;
	}
	struct err err = door->keep.err;
	fail(door, &err);
}

/* It becomes the source's secret while there is none. */
static void keep_secret(struct door *door)
{
	door->kept = true;
	door->caller = (struct caller){.actor = ACTOR_HUB, .address = door->request->peer, .request_id = door->request->id, .request = door->request->number};
	door->keep = (struct store_change){
	    .what = CHANGE_SOURCE_KEEP_SECRET,
	    .id = door->source->meta.id,
	    .secret = strbuf_text(&door->result.keep_secret),
	    .caller = &door->caller,
	};
	door->keep.cmd.kind = STORE_CHANGE;
	door->keep.cmd.done = secret_kept;
	store_post(door->api->config.store, &door->keep.cmd);
}

/* It is verified: what is left to do, one after the other. */
static void go_on(struct door *door)
{
	struct scheme_result *result = &door->result;
	bool answered = result->verdict == SCHEME_ANSWERED;
	if (door->again && answered) {
		refuse(door, REJECTION_MALFORMED, "this is a handshake, no event");
		return;
	}
	if (result->keep_secret.len > 0 && !door->kept && !door->again && door->source->secrets_len == 0) {
		keep_secret(door);
		return;
	}
	if (result->confirm_url.len > 0 && !door->confirmed && !door->again) {
		fetch(door, &result->confirm_url, false, confirmed);
		return;
	}
	if (answered) {
		welcome(door);
		return;
	}
	if (!door->again)
		source_table_take(door->api->config.sources, door->source, clock_mono_us(door->api->config.clock), &door->rate);
	if (!door->again && !door->rate.taken)
		refuse(door, REJECTION_RATE_LIMITED, "the source's rate is used up");
	else
		publish(door);
}

static int judge(struct door *door, struct err *err)
{
	struct source_opened opened;
	if (source_open(door->source, door->api->config.master, door->view.now_ms, &opened, err) < 0)
		return -1;
	if (!door->source->public_url && door->api->config.public_url) {
		strbuf_clear(&door->url);
		door_url(door->api, NULL, door->source, &door->url);
		opened.view.public_url = text_of(&door->url);
	}
	scheme_result_free(&door->result);
	scheme_result_init(&door->result);
	scheme_verify(door->source->scheme, &opened.view, &door->view, &door->result);
	source_opened_clear(&opened);
	return 0;
}

static void verify(struct door *door)
{
	struct err err = {.code = ERR_NONE};
	if (judge(door, &err) < 0) {
		fail(door, &err);
		return;
	}
	switch (door->result.verdict) {
	case SCHEME_ACCEPTED:
	case SCHEME_ANSWERED:
		go_on(door);
		break;
	case SCHEME_REFUSED:
		refuse(door, door->result.reason, door->result.why);
		break;
	case SCHEME_CERTIFICATE:
		if (door->fetched)
			refuse(door, REJECTION_BAD_SIGNATURE, "the certificate that was fetched does not do");
		else
			fetch(door, &door->result.certificate_url, true, certificate_came);
		break;
	}
}

/* ---- The beginning -------------------------------------------------------------------------------------------------------- */

/* As much work as a source would have had with it, so that names cannot be told by the time of the answer. */
static void refuse_unknown(struct door *door)
{
	uint8_t hash[32];
	bool disabled = door->source != NULL;
	codec_sha256(door->request->body.at, door->request->body.len, hash);
	refuse(door, disabled ? REJECTION_DISABLED : REJECTION_UNKNOWN_SOURCE,
	       disabled ? "the source is disabled" : "there is no source of this name");
}

static bool takes_method(const struct scheme *scheme, struct slice method)
{
	return slice_is(method, "POST") || slice_is(method, "HEAD") || (slice_is(method, "GET") && (scheme->methods & SCHEME_GET)) ||
	       (slice_is(method, "OPTIONS") && (scheme->methods & SCHEME_OPTIONS));
}

/* A browser, most likely: no provider's request, so it is not kept. */
static void refuse_method(struct door *door)
{
	const struct scheme *scheme = door->source->scheme;
	struct err err = {.code = ERR_NONE};
	char allow[64];
	snprintf(allow, sizeof allow, "POST, HEAD%s%s", scheme->methods & SCHEME_GET ? ", GET" : "",
	         scheme->methods & SCHEME_OPTIONS ? ", OPTIONS" : "");
	err_set(&err, ERR_METHOD, "This source takes %s", allow);
	if (door->again) {
		refuse(door, REJECTION_MALFORMED, err.detail);
		return;
	}
	problem_respond(&door->response, &err, door->request->id);
	http_response_header(&door->response, "Allow", allow);
	door_end(door);
}

static const char encoded_detail[] = "Bodies are taken as they are, without a Content-Encoding";

static bool encoded(const struct http_request *request)
{
	struct slice encoding = http_header(request, "Content-Encoding");
	return encoding.at && strncasecmp(encoding.at, "identity", encoding.len) != 0;
}

static void run(struct pool_job *job, void *thread_context)
{
	(void)thread_context;
	struct door *door = CONTAINER_OF(job, struct door, job);
	if (!door->source || (!door->source->enabled && !door->again))
		refuse_unknown(door);
	else if (!takes_method(door->source->scheme, door->request->method))
		refuse_method(door);
	else if (encoded(door->request))
		refuse(door, REJECTION_MALFORMED, encoded_detail);
	else
		verify(door);
}

static struct door *door_new(struct api *api, struct http_exchange *exchange, const struct http_request *request)
{
	struct door *door = mem_new(struct door);
	door->api = api;
	door->exchange = exchange;
	door->request = request;
	door->job.run = run;
	door->name = STRBUF_INIT(NAME_BYTES_MAX);
	door->url = STRBUF_INIT(DOOR_URL_MAX);
	scheme_result_init(&door->result);
	pthread_mutex_init(&door->mutex, NULL);
	pthread_cond_init(&door->cond, NULL);
	for (unsigned i = 0; i < request->headers_len; i++)
		door->headers[i] = (struct scheme_header){request->headers[i].name, request->headers[i].value};
	door->view = (struct scheme_request){
	    .method = request->method,
	    .path = request->path,
	    .query = request->query,
	    .headers = door->headers,
	    .headers_len = request->headers_len,
	    .body = request->body,
	    .now_ms = clock_wall_ms(api->config.clock),
	};
	return door;
}

static void wait(struct door *door)
{
	pthread_mutex_lock(&door->mutex);
	while (!door->done)
		pthread_cond_wait(&door->cond, &door->mutex);
	pthread_mutex_unlock(&door->mutex);
}

/* The name in the path, decoded; -1: it is malformed, and so none. */
static struct source *find(struct api *api, struct slice path, struct strbuf *name)
{
	static const char prefix[] = "/in/";
	if (path.len < sizeof prefix - 1)
		return NULL;
	struct slice encoded = {path.at + sizeof prefix - 1, path.len - (sizeof prefix - 1)};
	if (http_decode(encoded, name) < 0 || name->len == 0)
		return NULL;
	return source_table_find(api->config.sources, text_of(name));
}

int in_receive(struct call *call)
{
	struct door *door = door_new(call->api, call->exchange, call->request);
	door->source = find(call->api, call->request->path, &door->name);
	if (call->exchange) {
		/* From here on the exchange may be answered at any moment: `call->request` must not be read any more. */
		call->later = true;
		if (call->request->body.len <= INLINE_BYTES) {
			run(&door->job, NULL);
		} else if (pool_post(call->api->pool, &door->job) < 0) {
			struct err err = {.code = ERR_NONE};
			err_set(&err, ERR_UNAVAILABLE, "Too many requests wait already: try again");
			fail(door, &err);
		}
		return 0;
	}
	run(&door->job, NULL);
	wait(door);
	*call->response = door->response;
	door_free(door);
	return 0;
}

void door_judge_again(struct api *api, struct source *source, const struct http_request *request, struct door_again *again)
{
	struct door *door = door_new(api, NULL, request);
	door->source = source_ref(source);
	door->again = again;
	door->view.ignore_age = true;
	run(&door->job, NULL);
	wait(door);
	http_response_free(&door->response);
	door_free(door);
}

/* ---- Admission ------------------------------------------------------------------------------------------------------------ */

/* With Content-Length: its number; chunked: as large as may be. */
static uint64_t announced(const struct http_request *request)
{
	struct slice length = http_header(request, "Content-Length");
	if (http_header(request, "Transfer-Encoding").at)
		return UINT64_MAX;
	return length.at ? strtoull(length.at, NULL, 10) : 0;
}

static int64_t turn_away(struct api *api, const struct http_request *request, struct http_response *response, const struct source *source,
                         struct slice name, enum rejection_reason reason, enum err_code code, const char *detail)
{
	reject_keep(api, request, source ? source->meta.id : 0, name, reason, announced(request) > 0, detail);
	problem_say(response, code, request->id, detail);
	return -1;
}

int64_t door_begin(struct api *api, const struct http_request *request, struct http_response *response)
{
	struct strbuf name = STRBUF_INIT(NAME_BYTES_MAX);
	struct source *source = find(api, request->path, &name);
	bool open = source && source->enabled;
	int64_t max_bytes = open ? source->max_body_bytes : INLINE_BYTES;
	if (!open && announced(request) > INLINE_BYTES)
		max_bytes = turn_away(api, request, response, source, text_of(&name),
		                      source ? REJECTION_DISABLED : REJECTION_UNKNOWN_SOURCE, ERR_NOT_FOUND, "There is no such source");
	else if (open && encoded(request))
		max_bytes = turn_away(api, request, response, source, text_of(&name), REJECTION_MALFORMED, ERR_MEDIA_TYPE, encoded_detail);
	strbuf_free(&name);
	source_unref(source);
	return max_bytes;
}

void door_too_large(struct api *api, const struct http_request *request)
{
	struct strbuf name = STRBUF_INIT(NAME_BYTES_MAX);
	struct source *source = find(api, request->path, &name);
	char why[128];
	snprintf(why, sizeof why, "the body is larger than %" PRId64 " bytes (max_body_bytes)", source ? source->max_body_bytes : 0);
	reject_keep(api, request, source ? source->meta.id : 0, text_of(&name), REJECTION_TOO_LARGE, true, why);
	strbuf_free(&name);
	source_unref(source);
}

/* ---- Where it is ----------------------------------------------------------------------------------------------------------- */

static void put_encoded(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') ||
		             strchr("-._~", *text);
		strbuf_printf(out, plain ? "%c" : "%%%02X", (unsigned char)*text);
	}
}

void door_url(const struct api *api, const struct http_request *request, const struct source *source, struct strbuf *out)
{
	char id[ID_TEXT_SIZE];
	struct slice host = request && !request->local ? http_header(request, "Host") : (struct slice){NULL, 0};
	id_format(ID_SOURCE, source->meta.id, id);
	if (source->public_url) {
		strbuf_puts(out, source->public_url);
		return;
	}
	if (api->config.public_url) {
		size_t len = strlen(api->config.public_url);
		strbuf_append(out, api->config.public_url, len > 0 && api->config.public_url[len - 1] == '/' ? len - 1 : len);
	} else if (host.len > 0 && request->role != HTTP_API) {
		strbuf_puts(out, request->secure ? "https://" : "http://");
		strbuf_slice(out, host);
	} else {
		strbuf_puts(out, api->places.doors);
	}
	strbuf_puts(out, "/in/");
	put_encoded(out, source->uid ? source->uid : id);
}
