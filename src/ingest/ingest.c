/* Publishing: from a request's bytes to a command for the store. The whole request is parsed and matched before anything is
 * posted; see ingest.h. */
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "ingest/cloudevents.h"
#include "ingest/envelope.h"
#include "json/scan.h"
#include "store/dedupe.h"

enum { KEY_MAX = 255, TRACESTATE_MAX = 512 };

/* One request on its way through the parser. */
struct parse {
	const struct ingest_config *config;
	const struct ingest_request *request;
	struct ingest *ingest;
	struct err *err;
	size_t items_cap;
	int64_t now_ms;
	struct slice traceparent, tracestate; /* absent unless they are well-formed */
	struct envelope envelope;
	struct cloudevent *ce; /* what the envelope is made from; NULL: it comes as such */
};

/* Whom an item is for, as far as its envelope says. */
struct recipient {
	enum audience audience;
	int64_t subscriber;
	bool unowned;          /* it says that no subscriber is meant */
	struct endpoint *only; /* a reference, or NULL */
};

static int broken(struct parse *parse, const struct json_scan *scan)
{
	const char *begin = parse->request->body.at;
	size_t line = 1;
	for (const char *at = begin; at < scan->at; at++)
		line += *at == '\n';
	if (scan->why == json_too_deep)
		return err_set(parse->err, ERR_UNPARSABLE,
		               "The JSON at byte offset %zu (line %zu) is nested too deep: data may nest %u levels (option limits.depth)",
		               (size_t)(scan->at - begin), line, parse->config->depth_max);
	return err_set(parse->err, ERR_UNPARSABLE, "The JSON is broken at byte offset %zu (line %zu): %s", (size_t)(scan->at - begin), line,
	               scan->why ? scan->why : "more follows after the value");
}

/* The limit is about what a payload may nest; `around` levels come from the request itself. */
static void scan_start(const struct parse *parse, struct json_scan *scan, struct slice text, unsigned around)
{
	unsigned depth = parse->config->depth_max + around;
	json_scan_init(scan, text, depth < JSON_DEPTH_MAX ? depth : JSON_DEPTH_MAX);
}

static int64_t find_subscriber(struct parse *parse, struct slice text)
{
	struct index *index = parse->config->index;
	int64_t id;
	if (id_parse(ID_SUBSCRIBER, text, &id) < 0)
		id = index_subscriber_by_uid(index, text);
	return id != 0 && index_subscriber_exists(index, id) ? id : 0;
}

/* Without a subscriber only endpoints without one are meant: a forgotten field must never send one customer's data to another. */
static int find_audience(struct parse *parse, struct recipient *to)
{
	int64_t bound = parse->request->only_subscriber;
	struct slice text = parse->envelope.text[FIELD_SUBSCRIBER];
	const char *pointer = envelope_pointer(&parse->envelope, FIELD_SUBSCRIBER);
	to->subscriber = bound;
	to->audience = bound ? AUDIENCE_SUBSCRIBER : AUDIENCE_UNOWNED;
	to->unowned = !bound && text.at && text.len == 0;
	if (!text.at || to->unowned)
		return 0;
	if (!bound && slice_is(text, "*")) {
		to->audience = AUDIENCE_EVERYONE;
		return 0;
	}
	int64_t found = find_subscriber(parse, text);
	if (found == 0 || (bound && found != bound))
		return err_field(parse->err, ERR_NOT_FOUND, pointer, "there is no such subscriber; give its id or uid%s",
		                 bound ? "" : ", \"*\" for the endpoints of all, or \"\" for those without a subscriber");
	to->subscriber = found;
	to->audience = AUDIENCE_SUBSCRIBER;
	return 0;
}

/* An addressed endpoint's subscriber becomes the event's, so that its owner sees the event too. */
static int find_endpoint(struct parse *parse, struct recipient *to)
{
	struct index *index = parse->config->index;
	struct slice text = parse->envelope.text[FIELD_ENDPOINT];
	if (!text.at)
		return 0;
	const char *pointer = envelope_pointer(&parse->envelope, FIELD_ENDPOINT);
	bool ambiguous = false;
	int64_t id;
	struct endpoint *found = id_parse(ID_ENDPOINT, text, &id) == 0
	                             ? index_endpoint(index, id)
	                             : index_endpoint_by_uid(index, text, to->subscriber,
	                                                     to->subscriber == 0 && !to->unowned, &ambiguous);
	if (ambiguous) {
		endpoint_unref(found);
		return err_field(parse->err, ERR_AMBIGUOUS, pointer,
		                 "several subscribers have an endpoint of this uid; give `subscriber`, or its id");
	}
	if (!found || ((to->subscriber || to->unowned) && found->meta.subscriber != to->subscriber)) {
		endpoint_unref(found);
		return err_field(parse->err, ERR_NOT_FOUND, pointer, "there is no such endpoint%s; give its id or uid",
		                 to->subscriber ? " of this subscriber" : to->unowned ? " without a subscriber" : "");
	}
	to->subscriber = found->meta.subscriber;
	to->only = found;
	return 0;
}

/* Long fields go in by their own hash, so that the buffer stays small. */
static void content_add(struct strbuf *content, struct slice field)
{
	uint8_t hash[32];
	strbuf_printf(content, "%c%zu:", field.at ? '+' : '-', field.len);
	if (field.len > sizeof hash) {
		codec_sha256(field.at, field.len, hash);
		strbuf_append(content, hash, sizeof hash);
	} else if (field.len > 0) {
		strbuf_slice(content, field);
	}
}

/* What was asked, so that the same key with other content is told from a repetition. `context`: of a CloudEvent, else absent. */
static int content_hash(struct publish_item *item, const struct event_fields *f, struct slice context)
{
	struct strbuf content = STRBUF_INIT(1024);
	const struct slice texts[] = {f->type, f->uid, f->subject, f->ordering_key, f->attributes, f->content_type, f->data};
	uint8_t hash[32] = {0};
	strbuf_printf(&content, "%d %lld %lld %lld %lld ", (int)item->audience, (long long)f->subscriber,
	              item->only ? (long long)item->only->meta.id : 0LL, (long long)f->deliver_at_ms, (long long)f->expires_at_ms);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		content_add(&content, texts[i]);
	if (context.at)
		content_add(&content, context);
	int result = content.failed ? -1 : 0;
	if (result == 0)
		codec_sha256(content.data, content.len, hash);
	memcpy(item->content, hash, sizeof item->content);
	strbuf_free(&content);
	return result;
}

/* (source, id): the lengths keep two pairs from giving one text. */
static int cloudevent_key(const struct parse *parse, struct publish_item *item, const struct event_fields *f)
{
	struct slice source = parse->ce->source, id = parse->ce->id;
	struct strbuf text = STRBUF_INIT(2 * CONTEXT_BYTES_MAX);
	strbuf_printf(&text, "%zu:", source.len);
	strbuf_slice(&text, source);
	strbuf_slice(&text, id);
	int result = text.failed ? -1 : 0;
	if (result == 0)
		item->keys[item->keys_len++] =
		    dedupe_key_of(f->source, f->subscriber, DEDUPE_CLOUDEVENT, (struct slice){text.data, text.len}, 0);
	strbuf_free(&text);
	return result;
}

/* A uid, and a CloudEvent's (source, id), is unique among its subscriber's events; an Idempotency-Key among its caller's requests. */
static int set_keys(struct parse *parse, struct publish_item *item, const struct event_fields *f, size_t place)
{
	const struct ingest_request *request = parse->request;
	struct slice context = parse->ce ? cloudevent_content(parse->ce) : (struct slice){NULL, 0};
	if (parse->ce && cloudevent_key(parse, item, f) < 0)
		return -1;
	if (!parse->ce && f->uid.at)
		item->keys[item->keys_len++] = dedupe_key_of(f->source, f->subscriber, DEDUPE_UID, f->uid, 0);
	if (request->idempotency_key.at)
		item->keys[item->keys_len++] =
		    dedupe_key_of(f->source, request->only_subscriber, DEDUPE_IDEMPOTENCY_KEY, request->idempotency_key, place);
	return item->keys_len == 0 ? 0 : content_hash(item, f, context);
}

static int no_memory(struct parse *parse)
{
	return err_set(parse->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
}

static struct publish_item *add_item(struct parse *parse)
{
	struct store_publish *publish = &parse->ingest->publish;
	if (publish->items_len == parse->items_cap) {
		size_t cap = parse->items_cap ? parse->items_cap * 2 : parse->ingest->batch ? 16 : 1;
		struct publish_item *items = realloc(publish->items, cap * sizeof *items);
		if (!items)
			return NULL;
		publish->items = items;
		parse->items_cap = cap;
	}
	struct publish_item *item = &publish->items[publish->items_len++];
	memset(item, 0, sizeof *item);
	return item;
}

/* What an item says of itself; a CloudEvent is turned into an envelope first. */
static int read_fields(struct parse *parse, struct event_fields *f)
{
	int bad = parse->ce ? cloudevent_settle(parse->ce, &parse->envelope, parse->err) : 0;
	if (bad && parse->ce->no_memory)
		return no_memory(parse);
	bad |= envelope_fields(&parse->envelope, parse->now_ms, f, parse->err);
	if (parse->ce && !bad)
		cloudevent_fields(parse->ce, f);
	return bad;
}

/* The item that was read. Once any field of the request is bad, the others are only checked. */
static int take_item(struct parse *parse, size_t place)
{
	struct event_fields f = {.time_ms = parse->now_ms, .traceparent = parse->traceparent, .tracestate = parse->tracestate, .request = parse->request->request};
	struct recipient to = {.only = NULL};
	int bad = read_fields(parse, &f);
	bad |= find_audience(parse, &to);
	if (!bad)
		bad = find_endpoint(parse, &to);
	if (bad || parse->err->code != ERR_NONE) {
		endpoint_unref(to.only);
		return -1;
	}
	f.subscriber = to.subscriber;
	struct publish_item *item = add_item(parse);
	if (!item) {
		endpoint_unref(to.only);
		return no_memory(parse);
	}
	item->only = to.only;
	item->audience = to.audience;
	item->event = event_new(&f, parse->config->budget);
	if (!item->event || set_keys(parse, item, &f, place) < 0)
		return no_memory(parse);
	if (!to.only && index_match(parse->config->index, f.type, to.audience, to.subscriber, &item->targets) < 0)
		return no_memory(parse);
	return 0;
}

static int too_large(struct parse *parse, size_t bytes)
{
	const char *at = parse->envelope.at;
	*parse->err = (struct err){.code = ERR_NONE}; /* goes before what was found so far */
	return err_field(parse->err, ERR_TOO_LARGE, at, "the event%s%s has %zu bytes; at most %zu are taken (option limits.item)",
	                 *at ? " at index " : "", *at ? at + 1 : "", bytes, parse->config->item_bytes_max);
}

static int read_item(struct parse *parse, struct json_scan *scan)
{
	if (parse->ce)
		return cloudevent_read(parse->ce, parse->envelope.at, scan, parse->err);
	return envelope_read(&parse->envelope, scan, parse->err);
}

/* One element of a batch, whose grammar the outer scan may have checked already. -1: stop; errors of fields are collected. */
static int take_element(struct parse *parse, struct slice text, size_t place)
{
	struct envelope *envelope = &parse->envelope;
	snprintf(envelope->at, sizeof envelope->at, "/%zu", place);
	if (place >= parse->config->batch_items_max)
		return err_set(parse->err, ERR_TOO_LARGE, "A batch has at most %u events (option limits.batch)",
		               parse->config->batch_items_max);
	if (text.len > parse->config->item_bytes_max)
		return too_large(parse, text.len);
	struct json_scan scan;
	scan_start(parse, &scan, text, 1);
	if (json_peek(&scan) != JSON_KIND_OBJECT) {
		struct slice value;
		if (json_value(&scan, &value) < 0)
			return broken(parse, &scan);
		err_field(parse->err, ERR_INVALID, envelope->at, "must be an object: an event");
		return 0;
	}
	if (read_item(parse, &scan) < 0 || json_end(&scan) < 0)
		return broken(parse, &scan);
	int taken = take_item(parse, place);
	return taken < 0 && parse->err->code == ERR_UNAVAILABLE ? -1 : 0;
}

static int parse_lines(struct parse *parse)
{
	struct slice body = parse->request->body;
	const char *at = body.at, *end = body.at + body.len;
	size_t place = 0;
	for (const char *stop; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		const char *last = stop;
		while (at < last && (*at == ' ' || *at == '\t' || *at == '\r'))
			at++;
		while (at < last && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r'))
			last--;
		if (at < last && take_element(parse, (struct slice){at, (size_t)(last - at)}, place++) < 0)
			return -1;
	}
	return 0;
}

static int parse_array(struct parse *parse, struct json_scan *scan)
{
	struct slice text;
	int found;
	if (json_open_array(scan) < 0)
		return broken(parse, scan);
	for (size_t place = 0; (found = json_element(scan, &text)) > 0; place++)
		if (take_element(parse, text, place) < 0)
			return -1;
	return found < 0 || json_end(scan) < 0 ? broken(parse, scan) : 0;
}

static int parse_object(struct parse *parse, struct json_scan *scan)
{
	const char *begin = scan->at;
	int read = read_item(parse, scan);
	size_t bytes = (size_t)(scan->at - begin);
	if (read < 0 || json_end(scan) < 0)
		return broken(parse, scan);
	if (bytes > parse->config->item_bytes_max)
		return too_large(parse, bytes);
	return take_item(parse, 0);
}

/* The other kind than the media type says. */
static const char *form_wanted(enum ingest_form form)
{
	if (form == INGEST_CLOUDEVENT)
		return "the body must be an object (a CloudEvent); an array of them is application/cloudevents-batch+json";
	if (form == INGEST_CLOUDEVENT_BATCH)
		return "the body must be an array of CloudEvents; a single one is application/cloudevents+json";
	return "the body must be an object (an event) or an array of them (a batch)";
}

static int parse_json(struct parse *parse)
{
	struct json_scan scan;
	struct slice value;
	enum ingest_form form = parse->request->form;
	scan_start(parse, &scan, parse->request->body, 1);
	enum json_kind kind = json_peek(&scan);
	if (kind == JSON_KIND_OBJECT && form != INGEST_CLOUDEVENT_BATCH)
		return parse_object(parse, &scan);
	if (kind == JSON_KIND_ARRAY && form != INGEST_CLOUDEVENT) {
		parse->ingest->batch = true;
		scan_start(parse, &scan, parse->request->body, 2);
		return parse_array(parse, &scan);
	}
	if (json_value(&scan, &value) < 0 || json_end(&scan) < 0)
		return broken(parse, &scan);
	return err_field(parse->err, ERR_INVALID, "", "%s", form_wanted(form));
}

static int parse_binary(struct parse *parse)
{
	if (parse->request->body.len > parse->config->item_bytes_max)
		return too_large(parse, parse->request->body.len);
	cloudevent_take(parse->ce, parse->request, parse->err);
	return take_item(parse, 0);
}

static int parse_request(struct parse *parse)
{
	switch (parse->request->form) {
	case INGEST_NDJSON:
		return parse_lines(parse);
	case INGEST_CLOUDEVENT_BINARY:
		return parse_binary(parse);
	case INGEST_JSON:
	case INGEST_CLOUDEVENT:
	case INGEST_CLOUDEVENT_BATCH:
		break;
	}
	return parse_json(parse);
}

/* Before the first item. */
static void parse_begin(struct parse *parse)
{
	enum ingest_form form = parse->request->form;
	envelope_init(&parse->envelope);
	parse->ingest->batch = form == INGEST_NDJSON || form == INGEST_CLOUDEVENT_BATCH;
	if (form == INGEST_JSON || form == INGEST_NDJSON)
		return;
	parse->ce = mem_new(struct cloudevent);
	cloudevent_init(parse->ce, form == INGEST_CLOUDEVENT_BINARY, parse->config->depth_max);
}

static void parse_end(struct parse *parse)
{
	envelope_free(&parse->envelope);
	if (parse->ce)
		cloudevent_free(parse->ce);
	free(parse->ce);
}

static int check_headers(struct parse *parse)
{
	const struct ingest_request *request = parse->request;
	struct slice key = request->idempotency_key;
	if (key.at && (key.len == 0 || key.len > KEY_MAX))
		return err_set(parse->err, ERR_BAD_REQUEST, "The header Idempotency-Key must have 1 to %d bytes", KEY_MAX);
	if (!request->traceparent.at || event_traceparent_check(request->traceparent) < 0)
		return 0;
	parse->traceparent = request->traceparent;
	if (request->tracestate.len > 0 && request->tracestate.len <= TRACESTATE_MAX)
		parse->tracestate = request->tracestate;
	return 0;
}

static void committed(struct store_cmd *cmd)
{
	struct ingest *ingest = CONTAINER_OF(cmd, struct ingest, publish.cmd);
	ingest->done(ingest);
}

int ingest_publish(const struct ingest_config *config, const struct ingest_request *request, void (*done)(struct ingest *), void *context,
                   struct err *err)
{
	struct parse parse = {.config = config, .request = request, .err = err, .now_ms = clock_wall_ms(config->clock)};
	struct ingest *ingest = parse.ingest = mem_new(struct ingest);
	ingest->publish.cmd.kind = STORE_PUBLISH;
	ingest->publish.cmd.done = committed;
	ingest->bound = request->only_subscriber != 0;
	ingest->done = done;
	ingest->context = context;
	parse_begin(&parse);
	*err = (struct err){.code = ERR_NONE};
	int result = check_headers(&parse);
	if (result == 0)
		result = parse_request(&parse);
	if (err->code != ERR_NONE)
		result = -1;
	parse_end(&parse);
	if (result < 0)
		ingest_free(ingest);
	else if (ingest->publish.items_len == 0)
		done(ingest);
	else
		store_post(config->store, &ingest->publish.cmd);
	return result;
}

void ingest_free(struct ingest *ingest)
{
	for (size_t i = 0; i < ingest->publish.items_len; i++) {
		struct publish_item *item = &ingest->publish.items[i];
		index_targets_clear(&item->targets);
		endpoint_unref(item->only);
		event_unref(item->event);
	}
	free(ingest->publish.items);
	free(ingest);
}
