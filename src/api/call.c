/* What handlers have in common: answers, bodies, changes. */
#include "api/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/check.h"

struct strbuf *call_text(struct call *call, size_t max_bytes)
{
	if (call->texts_len == CALL_TEXTS_MAX)
		log_fatal("api", "a handler uses more than %d texts", CALL_TEXTS_MAX);
	struct strbuf *text = &call->texts[call->texts_len++];
	*text = STRBUF_INIT(max_bytes);
	return text;
}

void call_end(struct call *call)
{
	while (call->texts_len > 0)
		strbuf_free(&call->texts[--call->texts_len]);
}

struct strbuf *call_out(struct call *call, int status)
{
	struct http_response *response = call->response;
	response->status = status;
	response->content_type = "application/json";
	strbuf_free(&response->body);
	response->body = STRBUF_INIT(ANSWER_BYTES_MAX);
	return &response->body;
}

int call_json(struct call *call, int status, json_t *json)
{
	put_json(call_out(call, status), json);
	return 0;
}

int call_no_content(struct call *call)
{
	http_response_free(call->response);
	*call->response = (struct http_response){.status = 204};
	return 0;
}

void call_location(struct call *call, const char *what, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_SIZE], location[128];
	id_format(kind, id, text);
	snprintf(location, sizeof location, "/v1/%s/%s", what, text);
	http_response_header(call->response, "Location", location);
}

json_t *call_body(struct call *call)
{
	struct slice body = call->request->body;
	json_error_t error;
	if (body.len == 0 && call->route->body == BODY_OPTIONAL)
		return json_object();
	if (body.len == 0) {
		err_set(&call->err, ERR_UNPARSABLE, "The body is empty: it must be a JSON object");
		return NULL;
	}
	json_t *doc = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!doc)
		err_set(&call->err, ERR_UNPARSABLE, "The JSON is broken at line %d, column %d: %s", error.line, error.column, error.text);
	else if (!json_is_object(doc))
		err_field(&call->err, ERR_INVALID, "", "the body must be a JSON object");
	if (json_is_object(doc))
		return doc;
	json_decref(doc);
	return NULL;
}

/* Whether `name` is one of the words of `names`. */
static bool named(const char *names, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = names; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");
		if (word == len && memcmp(at, name, len) == 0)
			return true;
		at += word;
	}
	return false;
}

int call_members(struct call *call, const json_t *doc, const char *above, const char *names)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)doc, name, value)
	{
		char pointer[ERR_POINTER_MAX];
		if (named(names, name))
			continue;
		check_member(pointer, above, name);
		err_field(&call->err, ERR_INVALID, pointer, "is not known here; these are: %s", names);
	}
	return call->err.code == ERR_NONE ? 0 : -1;
}

int call_unbound(struct call *call, const char *what)
{
	if (call->who.subscriber == 0)
		return 0;
	return err_set(&call->err, ERR_FORBIDDEN, "A key that is bound to a subscriber cannot %s", what);
}
