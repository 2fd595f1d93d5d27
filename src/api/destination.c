/* Where an endpoint's URL leads: judged when it is registered, so that a mistake is told to whoever makes it. */
#include "api/call.h"

enum { RESOLVE_WAIT_MS = 2000 };

static int check_host(struct call *call, const char *host, const char *pointer)
{
	struct resolved resolved = {.len = 0};
	char why[200] = "";
	resolver_wait(call->worker->resolver, host, RESOLVE_WAIT_MS, &resolved);
	/* As at delivery: one refused address refuses the name. A name that does not resolve now may do so later. */
	bool allowed = true;
	for (unsigned i = 0; i < resolved.len && allowed; i++)
		allowed = egress_allows(call->api->config.egress, (const struct sockaddr *)&resolved.at[i], why, sizeof why);
	if (allowed)
		return 0;
	/* Which range it is, and what opens it, is for those who run the hub. */
	if (call->who.subscriber)
		why[0] = '\0';
	return err_field(&call->err, ERR_INVALID, pointer, "resolves to an address that this hub does not deliver to%s%s",
	                 why[0] ? ": " : "", why);
}

int destination_check(struct call *call, const struct endpoint *endpoint)
{
	return check_host(call, endpoint->host, "/url");
}

int destination_check_token(struct call *call, const struct endpoint *endpoint)
{
	return check_host(call, endpoint->auth->token.host, "/auth/token_url");
}
