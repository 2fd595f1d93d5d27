/* Who calls, and on which condition: what goes with every change, and the conditions of reading (RFC 9110, 13). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/call.h"
#include "api/cookie.h"

/* ---- Entity tags ---------------------------------------------------------------------------------------------------------- */

static int malformed(struct call *call, const char *name)
{
	return err_set(&call->err, ERR_BAD_REQUEST, "The header %s must be * or entity tags in double quotes, as ETag gave them: \"…\"", name);
}

/* One tag at the begin of *rest, which goes on behind it. */
static int take_tag(struct slice *rest, bool *weak, struct slice *tag)
{
	*weak = rest->len > 2 && memcmp(rest->at, "W/", 2) == 0;
	size_t begin = *weak ? 3 : 1, end = begin;
	if (rest->len < begin + 1 || rest->at[begin - 1] != '"')
		return -1;
	while (end < rest->len && rest->at[end] != '"') {
		unsigned char byte = (unsigned char)rest->at[end++];
		if (byte <= ' ' || byte == 0x7f)
			return -1;
	}
	if (end == rest->len)
		return -1;
	*tag = (struct slice){rest->at + begin, end - begin};
	*rest = (struct slice){rest->at + end + 1, rest->len - end - 1};
	return 0;
}

static void skip(struct slice *rest, const char *bytes)
{
	while (rest->len > 0 && strchr(bytes, rest->at[0]) && rest->at[0])
		*rest = (struct slice){rest->at + 1, rest->len - 1};
}

/* If-Match compares strongly: a weak tag matches nothing. If-None-Match does not care. */
static int read_tags(struct call *call, const char *name, struct slice value, bool strong, struct tag_list *list)
{
	struct slice tag;
	bool weak;
	skip(&value, " \t,");
	if (value.len == 0)
		return malformed(call, name);
	while (value.len > 0) {
		if (take_tag(&value, &weak, &tag) < 0)
			return malformed(call, name);
		skip(&value, " \t");
		if (value.len > 0 && value.at[0] != ',')
			return malformed(call, name);
		skip(&value, " \t,");
		if (weak && strong)
			continue;
		if (list->len == TAGS_MAX)
			return err_set(&call->err, ERR_BAD_REQUEST, "The header %s names more than %d tags", name, TAGS_MAX);
		list->tags[list->len++] = tag;
	}
	return 0;
}

/* The header may stand in several lines. */
static int read_condition(struct call *call, const char *name, bool strong, struct tag_list *list)
{
	const struct http_request *request = call->request;
	size_t len = strlen(name);
	*list = (struct tag_list){.given = false};
	for (unsigned i = 0; i < request->headers_len; i++) {
		const struct http_header *header = &request->headers[i];
		if (header->name.len != len || strncasecmp(header->name.at, name, len) != 0)
			continue;
		if (list->any || (list->given && slice_is(header->value, "*")))
			return malformed(call, name);
		list->given = true;
		list->any = slice_is(header->value, "*");
		if (!list->any && read_tags(call, name, header->value, strong, list) < 0)
			return -1;
	}
	return 0;
}

void call_etag(struct call *call, int64_t id, int64_t version)
{
	char tag[TAG_SIZE], quoted[TAG_SIZE + 2];
	tag_of(id, version, tag);
	snprintf(quoted, sizeof quoted, "\"%s\"", tag);
	http_response_header(call->response, "ETag", quoted);
}

int call_whole(const struct whole *whole, const struct document_row *row, json_t *json)
{
	call_etag(whole->call, row->id, row->version);
	if (whole->secret && json_object_set_new(json, "secret", json_string(whole->secret)) < 0) {
		json_decref(json);
		json = NULL;
	}
	return call_json(whole->call, whole->status, json);
}

/* The answer's tag without its quotes; false: it has none. */
static bool tag_of_answer(const struct http_response *response, char tag[TAG_SIZE])
{
	for (unsigned i = 0; i < response->headers_len; i++) {
		if (strcmp(response->headers[i].name, "ETag") == 0) {
			size_t len = strlen(response->headers[i].value);
			snprintf(tag, TAG_SIZE, "%.*s", (int)len - 2, response->headers[i].value + 1);
			return true;
		}
	}
	return false;
}

static void not_modified(struct call *call, const char *tag)
{
	char quoted[TAG_SIZE + 2];
	snprintf(quoted, sizeof quoted, "\"%s\"", tag);
	http_response_free(call->response);
	*call->response = (struct http_response){.status = 304};
	http_response_header(call->response, "ETag", quoted);
}

static bool reads(struct slice method)
{
	return slice_is(method, "GET") || slice_is(method, "HEAD");
}

int call_read_condition(struct call *call)
{
	char tag[TAG_SIZE];
	struct tag_list match, none_match;
	/* An answer that comes later may have come by now, and the request be gone. */
	if (call->later || !reads(call->request->method) || !tag_of_answer(call->response, tag))
		return 0;
	if (read_condition(call, "If-Match", true, &match) < 0 || read_condition(call, "If-None-Match", false, &none_match) < 0)
		return -1;
	if (match.given && !match.any && !tag_list_has(&match, tag))
		return err_set(&call->err, ERR_PRECONDITION, "If-Match does not name the present version, \"%s\"", tag);
	if (none_match.given && (none_match.any || tag_list_has(&none_match, tag)))
		not_modified(call, tag);
	return 0;
}

/* ---- Changes -------------------------------------------------------------------------------------------------------------- */

/* What is changed has versions, which conditions can be about. */
static bool versioned(enum store_change_kind what)
{
	switch (what) {
	case CHANGE_SUBSCRIBER_PUT:
	case CHANGE_SUBSCRIBER_PATCH:
	case CHANGE_SUBSCRIBER_DELETE:
	case CHANGE_ENDPOINT_PUT:
	case CHANGE_ENDPOINT_PATCH:
	case CHANGE_ENDPOINT_DELETE:
	case CHANGE_ENDPOINT_PAUSE:
	case CHANGE_ENDPOINT_RESUME:
	case CHANGE_ENDPOINT_DISABLE:
	case CHANGE_ENDPOINT_VERIFY:
	case CHANGE_SECRET_ROTATE:
	case CHANGE_KEY_REVOKE:
	case CHANGE_SOURCE_PUT:
	case CHANGE_SOURCE_PATCH:
	case CHANGE_SOURCE_DELETE:
	case CHANGE_SOURCE_ROTATE:
		return true;
	default:
		return false;
	}
}

static int read_conditions(struct call *call, enum store_change_kind what, struct caller *caller)
{
	if (read_condition(call, "If-Match", true, &caller->if_match) < 0 ||
	    read_condition(call, "If-None-Match", false, &caller->if_none_match) < 0)
		return -1;
	/* Passing over a condition would be worse than refusing it. */
	if (!versioned(what) && (caller->if_match.given || caller->if_none_match.given))
		return err_set(&call->err, ERR_BAD_REQUEST, "What this changes has no ETag: leave If-Match and If-None-Match out");
	return 0;
}

void call_actor(const struct call *call, struct caller *caller)
{
	struct session session;
	caller->actor = call->who.key ? ACTOR_KEY : call->who.admin ? ACTOR_ADMIN : ACTOR_LOCAL;
	caller->admin = call->who.admin;
	caller->key = call->who.key;
	if (call->who.key)
		keyring_name(call->api->config.keyring, call->who.key, caller->name);
	/* One that ended since the request came has no name any more; its id says enough. */
	if (call->who.admin && sessions_find(call->api->sessions, cookie_token(call->request), call_now_ms(call), &session))
		memccpy(caller->name, session.name, '\0', sizeof caller->name);
	/* Whoever may use the admin socket is the administrator; which user of this machine it was the kernel says. */
	if (caller->actor == ACTOR_LOCAL && call->request->local && call->request->peer_uid >= 0)
		snprintf(caller->name, sizeof caller->name, "uid %" PRId64, call->request->peer_uid);
	caller->address = call->request->peer;
	caller->request_id = call->request->id;
	caller->request = call->request->number;
}

int call_change(struct call *call, struct store_change *change)
{
	struct caller caller = {.actor = ACTOR_HUB};
	if (read_conditions(call, change->what, &caller) < 0)
		return -1;
	call_actor(call, &caller);
	caller.once = call_once_take(call);
	change->only_subscriber = call->who.subscriber;
	change->caller = &caller;
	int result = store_change(call->api->config.store, change);
	change->caller = NULL;
	if (result < 0)
		call->err = change->err;
	else if (change->repeated)
		http_response_header(call->response, "Idempotent-Replayed", "true");
	return result;
}
