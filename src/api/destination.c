/* Where an endpoint's URL leads: judged when it is registered, so that a mistake is told to whoever makes it. Those who do not run the hub are
 * told what they can mend, a port or plain http, but not whether a name means an address that is refused or none: by that they could
 * explore the names of the hub's own network. */
#include "api/call.h"

#include <stdatomic.h>

enum { RESOLVE_WAIT_MS = 2000 };

/* Name servers are of the caller's choice, and one that is silent holds a thread of the pool: so only few of them wait at a time, and
 * only one for the same subscriber. The place; -1: there is none. */
static int lookup_begin(struct api *api, int64_t who)
{
	for (int i = 0; i < LOOKUPS_MAX; i++)
		if (who > 0 && atomic_load(&api->lookups[i]) == who)
			return -1;
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		int64_t nobody = 0;
		if (atomic_compare_exchange_strong(&api->lookups[i], &nobody, who))
			return i;
	}
	return -1;
}

static int look_up(struct call *call, const char *host, struct resolved *resolved)
{
	int64_t who = call->who.subscriber ? call->who.subscriber : -1;
	resolver_wait(call->worker->resolver, host, 0, resolved);
	if (resolved->len > 0)
		return 0; /* it is an address, or known */
	int place = lookup_begin(call->api, who);
	if (place < 0)
		return err_set(&call->err, ERR_UNAVAILABLE, "The hosts of other endpoints are being looked up: try again in a moment");
	resolver_wait(call->worker->resolver, host, RESOLVE_WAIT_MS, resolved);
	atomic_store(&call->api->lookups[place], 0);
	return 0;
}

/* As at delivery: one refused address refuses the name. */
static enum egress_verdict judge(struct call *call, const struct endpoint *endpoint, const struct resolved *resolved, char *why, size_t why_size)
{
	enum egress_verdict verdict = EGRESS_ADMITTED;
	for (unsigned i = 0; i < resolved->len && verdict == EGRESS_ADMITTED; i++)
		verdict = egress_judge(call->api->config.egress, (const struct sockaddr *)&resolved->at[i], endpoint->port, endpoint->https, why,
		                       why_size);
	return verdict;
}

int destination_check(struct call *call, const struct endpoint *endpoint)
{
	struct resolved resolved = {.len = 0};
	char why[200] = "";
	if (look_up(call, endpoint->host, &resolved) < 0)
		return -1;
	enum egress_verdict verdict = judge(call, endpoint, &resolved, why, sizeof why);
	bool outside = call->who.subscriber != 0;
	if (outside && (verdict == EGRESS_ADDRESS || resolved.len == 0))
		return err_field(&call->err, ERR_INVALID, "/url", "the host cannot be reached from this hub");
	/* For the hub's own people: a name that does not resolve now may do so later. */
	if (verdict == EGRESS_ADMITTED)
		return 0;
	if (verdict == EGRESS_HTTP && outside)
		return err_field(&call->err, ERR_INVALID, "/url", "plain http:// is not delivered to there; use https://");
	if (verdict == EGRESS_PORT && outside)
		return err_field(&call->err, ERR_INVALID, "/url", "the port %d is not delivered to", endpoint->port);
	return err_field(&call->err, ERR_INVALID, "/url", verdict == EGRESS_ADDRESS ? "resolves to an address that this hub does not deliver to: %s" : "is not delivered to: %s",
	                 why);
}
