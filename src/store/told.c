/* What the log is told of commits. Ids, codes and numbers: what events hold and what endpoints answer is for the API, where rights are
 * checked. */
#include "store/told.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/log.h"

enum { JUMP_MS = 10000 };
#define SLOW_US INT64_C(1000000)

static struct log_fields fields_of(const struct outcome *outcome)
{
	return (struct log_fields){
	    .request = outcome->request,
	    .event = outcome->due.event,
	    .delivery = outcome->due.delivery,
	    .endpoint = outcome->due.endpoint,
	    .attempt = outcome->attempted ? outcome->due.attempts + 1 : 0,
	    .status = outcome->status,
	    .duration_ms = outcome->attempted ? outcome->duration_ms : 0,
	    .reason = outcome->reason == REASON_NONE ? NULL : delivery_reason_text(outcome->reason),
	    .failure = outcome->failure == FAILURE_NONE ? NULL : attempt_failure_text(outcome->failure),
	};
}

void told_outcome(const struct outcome *outcome, bool failed_before, bool fails_now)
{
	bool dead = outcome->applied && outcome->change == DELIVERY_DIE;
	if (!dead && failed_before == fails_now && !log_wants(LOG_DEBUG))
		return;
	struct log_fields fields = fields_of(outcome);
	if (outcome->attempted)
		log_told(attempt, &fields, outcome->failure == FAILURE_NONE ? "an attempt succeeded" : "an attempt failed");
	if (fails_now && !failed_before)
		log_told(endpoint_failing, &fields, "the endpoint fails: %s", attempt_failure_meaning(outcome->failure));
	else if (failed_before && !fails_now)
		log_told(endpoint_works, &fields, "the endpoint works again");
	if (dead)
		log_told(dead_letter, &fields, "a delivery was given up: it is a dead letter");
}

void told_publish(const struct store_publish *publish)
{
	if (!log_wants(LOG_DEBUG))
		return;
	for (size_t i = 0; i < publish->items_len; i++) {
		const struct publish_item *item = &publish->items[i];
		if (item->fate == ERR_NONE)
			log_told(event_stored,
			         LOG_FIELDS(.request = item->event->f.request, .event = item->event_id, .subscriber = item->event->f.subscriber,
			                    .source = item->event->f.source),
			         item->duplicate ? "an event was there already" : "an event was stored, for %" PRIu32 " endpoint%s", item->deliveries,
			         item->deliveries == 1 ? "" : "s");
	}
}

/* "key_…", as in the audit. */
static const char *actor_text(const struct caller *caller, char id[ID_TEXT_SIZE])
{
	if (!caller || caller->actor == ACTOR_HUB)
		return "hub";
	if (caller->actor == ACTOR_LOCAL)
		return "local";
	id_format(caller->actor == ACTOR_KEY ? ID_KEY : ID_ADMIN, caller->actor == ACTOR_KEY ? caller->key : caller->admin, id);
	return id;
}

void told_change(const struct store_change *change)
{
	const struct caller *caller = change->caller;
	char actor[ID_TEXT_SIZE];
	struct log_fields fields = {.request = caller ? caller->request : 0, .actor = actor_text(caller, actor), .peer = caller ? caller->address : NULL};
	if (!change->audited)
		return;
	if (id_parse(ID_ENDPOINT, slice_of(change->audited_thing), &fields.endpoint) == 0)
		log_told(changed, &fields, "%s", change->audited);
	else if (strcmp(change->audited_thing, "hub") == 0) /* the action says so */
		log_told(changed, &fields, "%s", change->audited);
	else
		log_told(changed, &fields, "%s %s", change->audited, change->audited_thing);
}

void told_commit(int64_t took_us)
{
	if (took_us > SLOW_US)
		log_told(slow_commit, LOG_FIELDS(.duration_ms = took_us / 1000), "a commit was slow: the disk is, or is busy with something else");
}

void told_clock(struct told_clock *last, int64_t wall_ms, int64_t mono_us)
{
	int64_t jump_ms = last->wall_ms ? (wall_ms - last->wall_ms) - (mono_us - last->mono_us) / 1000 : 0;
	*last = (struct told_clock){wall_ms, mono_us};
	if (llabs(jump_ms) > JUMP_MS)
		log_told(clock_jumped, NULL, "the clock went %s by %lld s since the last commit: what is due by wall time comes accordingly",
		         jump_ms > 0 ? "ahead" : "back", llabs(jump_ms) / 1000);
}
