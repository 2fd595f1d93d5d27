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
	strbuf_puts(call_out(call, 200), "{\"findings\":[");
	call->listed = 0;
	if (reader_check(call->worker->reader, finding, call, &call->err) < 0)
		return -1;
	strbuf_printf(&call->response->body, "],\"ok\":%s}", call->listed == 0 ? "true" : "false");
	return 0;
}
