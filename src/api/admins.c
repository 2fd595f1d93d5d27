/* /local/admins and one-time links: who may log in on the page is a matter of whoever may open the admin socket. */
#include <string.h>

#include "api/call.h"
#include "sign/password.h"

static int put(struct call *call, const json_t *doc)
{
	struct admin admin;
	struct slice password;
	const json_t *replace = json_object_get(doc, "replace");
	if (call_members(call, doc, "", "name password replace") < 0 || admin_parse(doc, &admin, &password, &call->err) < 0)
		return -1;
	if (replace && !json_is_boolean(replace))
		return err_field(&call->err, ERR_INVALID, "/replace", "must be true or false");
	if (password_hash(password, admin.hash, &call->err) < 0)
		return -1;
	struct store_change change = {.what = CHANGE_ADMIN_PUT, .admin = &admin, .replace = json_is_true(replace)};
	int result = call_change(call, &change);
	bool created = change.created;
	store_change_clear(&change);
	if (result < 0)
		return -1;
	sessions_end_admin(call->api->sessions, admin.id);
	return call_json(call, created ? 201 : 200, admin_json(&admin));
}

int local_admins_put(struct call *call)
{
	json_t *doc = call_body(call);
	int result = doc ? put(call, doc) : -1;
	json_decref(doc);
	return result;
}

static int admin_item(void *context, const struct admin *admin)
{
	put_json(list_item(context), admin_json(admin));
	return 0;
}

int local_admins_list(struct call *call)
{
	list_begin(call);
	if (reader_admins(call->worker->reader, admin_item, call, &call->err) < 0)
		return -1;
	strbuf_puts(&call->response->body, "],\"next_cursor\":null}");
	return 0;
}

int local_admins_disable(struct call *call)
{
	struct admin admin = {.id = 0};
	struct store_change change = {.what = CHANGE_ADMIN_DISABLE, .admin = &admin};
	struct slice name;
	if (call_path(call, 0, &name) < 0)
		return -1;
	if (!admin_name_valid(name))
		return err_set(&call->err, ERR_NOT_FOUND, "there is no such administrator");
	memcpy(admin.name, name.at, name.len);
	int result = call_change(call, &change);
	store_change_clear(&change);
	if (result < 0)
		return -1;
	sessions_end_admin(call->api->sessions, admin.id);
	return call_json(call, 200, admin_json(&admin));
}

int local_login_link(struct call *call)
{
	char token[SESSION_TOKEN_SIZE], expires[CLOCK_RFC3339_SIZE];
	if (!call->exchange)
		return err_set(&call->err, ERR_UNAVAILABLE, "No hub runs here: a login link is good for a hub that runs");
	int64_t now_ms = call_now_ms(call);
	sessions_link(call->api->sessions, now_ms, token);
	clock_format_rfc3339(now_ms + SESSION_LINK_MS, expires);
	return call_json(call, 201, json_pack("{s:s+, s:s, s:s, s:s}", "path", "/login?token=", token, "expires_at", expires, "listen",
	                           call->api->places.listen, "url", call->api->places.page));
}
