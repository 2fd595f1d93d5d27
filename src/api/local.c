/* What only the administrator on this machine may do: over the admin socket, or in the hub's own process. */
#include "api/call.h"

static int backup(struct call *call, const json_t *doc)
{
	const json_t *path = json_object_get(doc, "path");
	if (call_members(call, doc, "", "path") < 0)
		return -1;
	if (!json_is_string(path) || json_string_value(path)[0] != '/')
		return err_field(&call->err, ERR_INVALID, "/path", "must be an absolute path of a file that does not exist yet");
	if (store_backup(call->api->config.store, json_string_value(path), &call->err) < 0)
		return -1;
	return call_json(call, 200, json_pack("{s:s}", "path", json_string_value(path)));
}

int local_backup(struct call *call)
{
	json_t *doc = call_body(call);
	int result = doc ? backup(call, doc) : -1;
	json_decref(doc);
	return result;
}

static void finding(void *context, const char *text)
{
	put_text(list_item(context), "", slice_of(text));
}

int local_check(struct call *call)
{
	char why[256], text[sizeof why + 64];
	strbuf_puts(call_out(call, 200), "{\"findings\":[");
	call->listed = 0;
	if (!store_healthy(call->api->config.store, why, sizeof why)) {
		snprintf(text, sizeof text, "the store cannot be written: %s", why);
		finding(call, text);
	}
	if (reader_check(call->worker->reader, finding, call, &call->err) < 0)
		return -1;
	strbuf_printf(&call->response->body, "],\"ok\":%s}", call->listed == 0 ? "true" : "false");
	return 0;
}

static int reload(struct call *call, bool dry)
{
	const struct api_config *config = &call->api->config;
	json_t *report = config->reload ? config->reload(config->ready_context, dry) : NULL;
	if (!report)
		return err_set(&call->err, ERR_UNAVAILABLE, config->reload ? "The hub is starting; try again" : "No hub runs here: options are read when it starts");
	if (json_is_true(json_object_get(report, "reloaded"))) {
		struct store_change change = {.what = CHANGE_HUB_RELOAD, .doc = report};
		int result = call_change(call, &change);
		store_change_clear(&change);
		if (result < 0) {
			json_decref(report);
			return -1;
		}
	}
	return call_json(call, 200, report);
}

int local_reload(struct call *call)
{
	json_t *doc = call_body(call);
	const json_t *dry = json_object_get(doc, "dry_run");
	int result = doc ? call_members(call, doc, "", "dry_run") : -1;
	if (result == 0 && dry && !json_is_boolean(dry))
		result = err_field(&call->err, ERR_INVALID, "/dry_run", "must be true or false");
	if (result == 0)
		result = reload(call, json_is_true(dry));
	json_decref(doc);
	return result;
}
