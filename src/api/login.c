/* /login, /logout, /session: people on the page. An unknown name, a wrong password and a disabled administrator get the same answer after
 * the same time. */
#include <string.h>

#include "api/call.h"
#include "api/cookie.h"
#include "base/log.h"
#include "sign/password.h"

/* Whether the request comes with a living session. */
static bool session_of(struct call *call, struct session *session)
{
	struct slice token = cookie_token(call->request);
	return token.at && sessions_find(call->api->sessions, token, call_now_ms(call), session);
}

static int answer_session(struct call *call, const struct session *session)
{
	char id[ID_TEXT_SIZE], expires[CLOCK_RFC3339_SIZE];
	id_format(ID_ADMIN, session->admin, id);
	clock_format_rfc3339(session->expires_ms, expires);
	http_response_header(call->response, "Cache-Control", "no-store");
	return call_json(call, 200,
	                 json_pack("{s:{s:s?, s:s}, s:s, s:s}", "admin", "id", session->admin ? id : NULL, "name", session->name,
	                           "csrf_token", session->csrf, "expires_at", expires));
}

/* Nobody logged in is no error: it is what the page asks first. */
int session_get(struct call *call)
{
	struct session session;
	if (session_of(call, &session))
		return answer_session(call, &session);
	http_response_header(call->response, "Cache-Control", "no-store");
	return call_json(call, 200, json_pack("{s:n, s:n, s:n}", "admin", "csrf_token", "expires_at"));
}

static int begin(struct call *call, int64_t admin, const char *name, char token[SESSION_TOKEN_SIZE])
{
	struct slice before = cookie_token(call->request);
	struct session session;
	int64_t now_ms = call_now_ms(call);
	if (before.at)
		sessions_end(call->api->sessions, before);
	sessions_begin(call->api->sessions, admin, name, now_ms, token);
	if (!sessions_find(call->api->sessions, slice_of(token), now_ms, &session))
		return err_set(&call->err, ERR_UNAVAILABLE, "The session ended at once: log in again");
	log_info("api", "%s logged in; peer=%s", name, call->request->peer);
	cookie_set(call->request, call->response, token, session.expires_ms - now_ms);
	return answer_session(call, &session);
}

static int by_link(struct call *call, struct slice link)
{
	char token[SESSION_TOKEN_SIZE];
	if (sessions_link_take(call->api->sessions, link, call_now_ms(call)))
		return begin(call, 0, "local", token);
	log_told(failed_login, LOG_FIELDS(.request = call->request->number, .peer = call->request->peer), "a login link was refused");
	return err_set(&call->err, ERR_LOGIN, "This link is used up or older than ten minutes: make another one with grapnel admin link");
}

/* 1: it is this administrator's password, and he may log in. 0: not. */
static int judge(struct call *call, struct slice name, struct slice password, struct admin *admin)
{
	struct err err = {.code = ERR_NONE};
	bool right = false;
	bool found = reader_admin(call->worker->reader, name, admin, &err) == 0;
	if (!found && err.code != ERR_NOT_FOUND) {
		call->err = err;
		return -1;
	}
	if (password_check(found ? admin->hash : NULL, password, &right, &call->err) < 0)
		return -1;
	return right && !admin->disabled;
}

/* Between the check and the beginning of the session the administrator can have been disabled, or have got another password: what changes
 * him ends the sessions that it sees, and this looks once more after the session is there. */
static int by_name(struct call *call, struct slice name, struct slice password)
{
	struct admin admin, after;
	char token[SESSION_TOKEN_SIZE];
	int good = judge(call, name, password, &admin);
	if (good < 0)
		return -1;
	if (good && begin(call, admin.id, admin.name, token) < 0)
		return -1;
	if (good && reader_admin(call->worker->reader, name, &after, &call->err) == 0 && !after.disabled &&
	    strcmp(after.hash, admin.hash) == 0)
		return 0;
	if (good)
		sessions_end(call->api->sessions, slice_of(token));
	log_told(failed_login, LOG_FIELDS(.request = call->request->number, .peer = call->request->peer), "a login failed");
	return err_set(&call->err, ERR_LOGIN, "The name or the password is wrong, or this administrator is disabled");
}

static int throttled(struct call *call, struct slice name, struct slice password)
{
	struct throttle_source source = throttle_source(call->request->peer, name);
	int wait_s = throttle_enter(call->api->throttle, source, clock_mono_us(call->api->config.clock) / 1000);
	if (wait_s > 0) {
		err_set(&call->err, ERR_THROTTLED, "Too many logins failed, or are being checked: try again in %d s", wait_s);
		call->err.retry_after_s = wait_s;
		return -1;
	}
	int result = by_name(call, name, password);
	throttle_leave(call->api->throttle, source, result == 0);
	return result;
}

static struct slice text_member(struct call *call, const json_t *doc, const char *name)
{
	const json_t *value = json_object_get(doc, name);
	char pointer[32] = "/";
	memccpy(pointer + 1, name, '\0', sizeof pointer - 1);
	if (!json_is_string(value))
		err_field(&call->err, ERR_INVALID, pointer, "must be a string");
	return json_is_string(value) ? (struct slice){json_string_value(value), json_string_length(value)} : (struct slice){NULL, 0};
}

static int login(struct call *call, const json_t *doc)
{
	if (call_members(call, doc, "", json_object_get(doc, "token") ? "token" : "name password") < 0)
		return -1;
	if (json_object_get(doc, "token")) {
		struct slice link = text_member(call, doc, "token");
		return call->err.code == ERR_NONE ? by_link(call, link) : -1;
	}
	struct slice name = text_member(call, doc, "name"), password = text_member(call, doc, "password");
	return call->err.code == ERR_NONE ? throttled(call, name, password) : -1;
}

int login_post(struct call *call)
{
	json_t *doc = cookie_same_site(call->request, &call->err) < 0 ? NULL : call_body(call);
	int result = doc ? login(call, doc) : -1;
	json_decref(doc);
	return result;
}

int logout_post(struct call *call)
{
	struct session session;
	if (session_of(call, &session)) {
		if (cookie_check(call->request, &session, &call->err) < 0)
			return -1;
		sessions_end(call->api->sessions, cookie_token(call->request));
	}
	int result = call_no_content(call);
	cookie_set(call->request, call->response, "", 0);
	return result;
}
