/* /v1/stats: the numbers of an overview. */
#include "api/call.h"

/* The counts that were not brought to their end, by pointer: an overview must not take the least for the whole. */
static void put_lower_bounds(struct strbuf *out, const struct stats *stats)
{
	const struct {
		const char *pointer;
		bool at_least;
	} counts[] = {
	    {"/deliveries/pending", stats->pending.at_least},
	    {"/deliveries/due", stats->due.at_least},
	    {"/deliveries/oldest_pending_ms", stats->pending.at_least},
	    {"/deliveries/held", stats->held.at_least},
	    {"/deliveries/dead", stats->dead.at_least},
	    {"/events/last_minute", stats->events_minute.at_least},
	    {"/events/last_hour", stats->events_hour.at_least},
	};
	const char *before = "";
	strbuf_puts(out, ",\"lower_bounds\":[");
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		if (!counts[i].at_least)
			continue;
		put_text(out, before, slice_of(counts[i].pointer));
		before = ",";
	}
	strbuf_putc(out, ']');
}

int stats_get(struct call *call)
{
	struct stats stats;
	int64_t now_ms = call_now_ms(call);
	if (reader_stats(call->worker->reader, now_ms, call->who.subscriber, &stats, &call->err) < 0)
		return -1;
	struct strbuf *out = call_out(call, 200);
	int64_t age_ms = now_ms - stats.oldest_pending_ms;
	put_number(out, "{\"deliveries\":{\"pending\":", stats.pending.count);
	put_number(out, ",\"due\":", stats.due.count);
	if (stats.oldest_pending_ms)
		put_number(out, ",\"oldest_pending_ms\":", age_ms > 0 ? age_ms : 0);
	else
		strbuf_puts(out, ",\"oldest_pending_ms\":null");
	put_number(out, ",\"held\":", stats.held.count);
	put_number(out, ",\"dead\":", stats.dead.count);
	put_number(out, "},\"events\":{\"last_minute\":", stats.events_minute.count);
	put_number(out, ",\"last_hour\":", stats.events_hour.count);
	put_number(out, "},\"endpoints\":{\"active\":", stats.endpoints[ENDPOINT_ACTIVE]);
	put_number(out, ",\"paused\":", stats.endpoints[ENDPOINT_PAUSED]);
	put_number(out, ",\"disabled\":", stats.endpoints[ENDPOINT_DISABLED]);
	put_number(out, "},\"operations\":{\"running\":", stats.operations);
	strbuf_puts(out, pause_on(call->api->config.pause) ? "},\"paused\":true" : "},\"paused\":false");
	put_lower_bounds(out, &stats);
	put_time(out, ",\"at\":", now_ms);
	strbuf_putc(out, '}');
	return 0;
}
