/* /healthz and /readyz. */
#include "api/call.h"

int health_live(struct call *call)
{
	strbuf_puts(call_out(call, 200), "{\"status\":\"ok\"}");
	return 0;
}

int health_ready(struct call *call)
{
	const struct api_config *config = &call->api->config;
	char why[256] = "";
	config->ready(config->ready_context, why, sizeof why);
	if (why[0]) {
		call->err.told = true;
		return err_set(&call->err, ERR_UNAVAILABLE, "%s", why);
	}
	strbuf_puts(call_out(call, 200), "{\"status\":\"ready\"}");
	return 0;
}
