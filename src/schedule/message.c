/* What reaches the scheduler: the posting side for other threads, and what each message does to its lane. */
#include "schedule/thread.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"

enum { LOST_RETRY_MS = 1000 };

/* ---- any thread ---- */

void scheduler_deliveries(struct scheduler *scheduler, struct store_deliveries *made)
{
	struct message_deliveries *message = mem_new(struct message_deliveries);
	message->node.kind = SCHEDULE_DELIVERIES;
	message->made = made;
	inbox_post(&scheduler->inbox, &message->node.node);
}

void scheduler_due(struct scheduler *scheduler, int64_t endpoint, int64_t due_ms)
{
	struct message_due *message = mem_new(struct message_due);
	message->node.kind = SCHEDULE_DUE;
	message->endpoint = endpoint;
	message->due_ms = due_ms;
	inbox_post(&scheduler->inbox, &message->node.node);
}

void scheduler_urged(struct scheduler *scheduler, const struct due *due)
{
	struct message_urged *message = mem_new(struct message_urged);
	message->node.kind = SCHEDULE_URGED;
	message->due = *due;
	inbox_post(&scheduler->inbox, &message->node.node);
}

void scheduler_endpoint(struct scheduler *scheduler, struct endpoint *endpoint)
{
	struct message_endpoint *message = mem_new(struct message_endpoint);
	message->node.kind = SCHEDULE_ENDPOINT;
	message->endpoint = endpoint_ref(endpoint);
	inbox_post(&scheduler->inbox, &message->node.node);
}

void scheduler_pause(struct scheduler *scheduler, bool paused)
{
	struct message_pause *message = mem_new(struct message_pause);
	message->node.kind = SCHEDULE_PAUSE;
	message->paused = paused;
	inbox_post(&scheduler->inbox, &message->node.node);
}

void scheduler_defaults(struct scheduler *scheduler)
{
	struct schedule_node *node = mem_new(struct schedule_node);
	node->kind = SCHEDULE_DEFAULTS;
	inbox_post(&scheduler->inbox, &node->node);
}

void scheduler_freed(struct job *job)
{
	inbox_post(&job->scheduler->inbox, &job->freed.node);
}

void scheduler_settled(struct store_cmd *cmd)
{
	struct job *job = CONTAINER_OF(cmd, struct job, outcome.cmd);
	inbox_post(&job->scheduler->inbox, &job->settled.node);
}

/* ---- the scheduler's thread ---- */

static void tested(struct scheduler *scheduler, const struct due *due)
{
	if (delivery_round_tests(due->round) && scheduler->config.tested)
		scheduler->config.tested(scheduler->config.context, due->event);
}

/* Somebody waits for it: a test goes before all others and beside the window, also to an endpoint that is paused. There are few. */
static void add(struct scheduler *scheduler, struct lane *lane, const struct due *due, struct event *event)
{
	if (delivery_round_tests(due->round) && !atomic_load(&scheduler->quiet) && !idmap_get(&lane->live, (uint64_t)due->delivery))
		scheduler_send(scheduler, lane, due, event);
	else
		lane_add(lane, due, event);
}

static void handle_deliveries(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	(void)now_ms;
	struct message_deliveries *message = CONTAINER_OF(node, struct message_deliveries, node);
	struct store_deliveries *made = message->made;
	for (size_t i = 0; i < made->len; i++) {
		const struct due *due = &made->due[i];
		struct lane *lane = scheduler_lane(scheduler, due->endpoint);
		if (!lane) {
			tested(scheduler, due);
			continue;
		}
		add(scheduler, lane, due, made->event);
		if (due->expires_ms && due->expires_ms < scheduler->expiry_ms)
			scheduler->expiry_ms = due->expires_ms;
		scheduler_place(scheduler, lane);
	}
	event_unref(made->event);
	free(made);
	free(message);
}

static void handle_due(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	struct message_due *message = CONTAINER_OF(node, struct message_due, node);
	struct lane *lane = scheduler_lane(scheduler, message->endpoint);
	if (lane) {
		lane_spill(lane, message->due_ms);
		scheduler_place(scheduler, lane);
	}
	/* Retried by hand, it may have an expires_at that the last sweep did not see. */
	scheduler->expiry_ms = now_ms < scheduler->expiry_ms ? now_ms : scheduler->expiry_ms;
	free(message);
}

static void urge_lane(struct scheduler *scheduler, struct lane *lane)
{
	if (breaker_retry(&lane->breaker))
		scheduler_report(scheduler, lane, NULL);
}

/* What is live or waits in an endpoint's pause is left to its time; the others do not wait for a probe. */
static void urge_delivery(struct scheduler *scheduler, struct lane *lane, const struct due *due)
{
	bool passes = !scheduler->paused && lane_probes(lane) && lane->endpoint->meta.status == ENDPOINT_ACTIVE && !atomic_load(&scheduler->quiet) &&
	              scheduler_room(scheduler) > 0 && !idmap_get(&lane->live, (uint64_t)due->delivery);
	if (!passes) {
		lane_spill(lane, due->due_ms);
		return;
	}
	lane_forget(lane, due->delivery);
	scheduler_send(scheduler, lane, due, NULL);
}

static void handle_urged(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	(void)now_ms;
	struct message_urged *message = CONTAINER_OF(node, struct message_urged, node);
	const struct due *due = &message->due;
	struct lane *lane = due->delivery ? scheduler_lane(scheduler, due->endpoint) : idmap_get(&scheduler->lanes, (uint64_t)due->endpoint);
	if (lane) {
		if (due->delivery)
			urge_delivery(scheduler, lane, due);
		else
			urge_lane(scheduler, lane);
		scheduler_place(scheduler, lane);
	}
	free(message);
}

/* What was changed may be what was wrong. */
static void handle_endpoint(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	(void)now_ms;
	struct message_endpoint *message = CONTAINER_OF(node, struct message_endpoint, node);
	struct lane *lane = idmap_get(&scheduler->lanes, (uint64_t)message->endpoint->meta.id);
	if (lane) {
		bool probed = lane_probes(lane);
		bool changed = lane_configure(lane, message->endpoint, scheduler->now_us);
		turns_join(&scheduler->turns, lane);
		if (probed && !lane_probes(lane))
			scheduler_report(scheduler, lane, NULL);
		else if (changed && lane->endpoint->meta.status == ENDPOINT_ACTIVE)
			urge_lane(scheduler, lane);
		scheduler_place(scheduler, lane);
	}
	endpoint_unref(message->endpoint);
	free(message);
}

static void handle_pause(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	(void)now_ms;
	struct message_pause *message = CONTAINER_OF(node, struct message_pause, node);
	scheduler->paused = message->paused;
	free(message);
}

static void handle_defaults(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	size_t at = 0;
	uint64_t id;
	void *lane;
	(void)now_ms;
	while (idmap_next(&scheduler->lanes, &at, &id, &lane)) {
		lane_bound(lane);
		/* An idle one would be dropped from the map that is being walked. */
		if (!lane_idle(lane, scheduler->now_us))
			scheduler_place(scheduler, lane);
	}
	free(node);
}

/* An unordered lane's slot is free as soon as the response is in; an ordered one's when it is committed what became of it. */
static void handle_freed(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	(void)now_ms;
	struct job *job = CONTAINER_OF(node, struct job, freed);
	struct lane *lane = idmap_get(&scheduler->lanes, (uint64_t)job->outcome.due.endpoint);
	if (lane && !job->endpoint->ordered) {
		lane_freed(lane, job);
		scheduler_place(scheduler, lane);
	}
}

static void settle_expiry(struct scheduler *scheduler, const struct outcome *outcome, int64_t now_ms)
{
	scheduler->expiring--;
	scheduler->expiry_progress |= outcome->applied;
	if (scheduler->expiring > 0)
		return;
	/* More rows than one sweep takes, or rows that it cannot end now: without progress not at once again. */
	int64_t again_ms = scheduler->expiry_progress ? now_ms : now_ms + LOST_RETRY_MS;
	scheduler->expiry_ms = again_ms < scheduler->expiry_ms ? again_ms : scheduler->expiry_ms;
}

static enum lane_result result_of(const struct outcome *outcome)
{
	switch (outcome->cmd.fate == ERR_UNAVAILABLE ? OUTCOME_TELLS_NOTHING : outcome_tells(outcome)) {
	case OUTCOME_TELLS_SUCCESS:
		return LANE_SUCCEEDED;
	case OUTCOME_TELLS_FAILURE:
		return outcome->failure == FAILURE_TIMEOUT || outcome->status == 429 || outcome->status == 503 ? LANE_OVERLOADED : LANE_FAILED;
	case OUTCOME_TELLS_NOTHING:
		break;
	}
	return LANE_TOLD_NOTHING;
}

/* Another attempt follows. */
static bool goes_on(const struct outcome *outcome)
{
	return outcome->cmd.fate == ERR_NONE && outcome->applied && outcome->change == DELIVERY_RETRY_LATER;
}

static void settle_lane(struct scheduler *scheduler, struct lane *lane, struct job *job, int64_t now_ms)
{
	const struct outcome *outcome = &job->outcome;
	lane_settled(lane, job);
	if (lane_learn(lane, job, result_of(outcome), scheduler->now_us, erand48(scheduler->random)))
		scheduler_report(scheduler, lane, outcome);
	if (outcome->cmd.fate != ERR_NONE) {
		/* Nothing was recorded: the row is pending as it was. */
		if (outcome->cmd.fate == ERR_UNAVAILABLE)
			lane_rest(lane, now_ms + LOST_RETRY_MS);
		else
			lane_spill(lane, now_ms + LOST_RETRY_MS);
		return;
	}
	if (goes_on(outcome)) {
		struct due next = outcome->due;
		next.due_ms = outcome->next_due_ms;
		next.attempts += outcome->attempted;
		next.round_attempts += outcome->attempted;
		add(scheduler, lane, &next, NULL);
	}
	if (outcome->has_promoted)
		lane_add(lane, &outcome->promoted, NULL);
}

static void handle_settled(struct scheduler *scheduler, struct schedule_node *node, int64_t now_ms)
{
	struct job *job = CONTAINER_OF(node, struct job, settled);
	struct lane *lane = idmap_get(&scheduler->lanes, (uint64_t)job->outcome.due.endpoint);
	atomic_fetch_sub(&scheduler->live, 1);
	if (job->trying)
		turns_tried(&scheduler->turns);
	if (!job->endpoint)
		settle_expiry(scheduler, &job->outcome, now_ms);
	if (lane) {
		settle_lane(scheduler, lane, job, now_ms);
		scheduler_place(scheduler, lane);
	}
	if (!(lane && goes_on(&job->outcome)))
		tested(scheduler, &job->outcome.due);
	job_free(job);
}

static void (*const handlers[SCHEDULE_MESSAGES])(struct scheduler *, struct schedule_node *, int64_t now_ms) = {
    [SCHEDULE_DELIVERIES] = handle_deliveries, [SCHEDULE_DUE] = handle_due,     [SCHEDULE_URGED] = handle_urged,
    [SCHEDULE_ENDPOINT] = handle_endpoint,     [SCHEDULE_FREED] = handle_freed, [SCHEDULE_SETTLED] = handle_settled,
    [SCHEDULE_PAUSE] = handle_pause, [SCHEDULE_DEFAULTS] = handle_defaults,
};

void scheduler_receive(struct scheduler *scheduler, int64_t now_ms)
{
	struct inbox_node *next;
	for (struct inbox_node *at = inbox_take(&scheduler->inbox); at; at = next) {
		next = at->next;
		struct schedule_node *node = CONTAINER_OF(at, struct schedule_node, node);
		handlers[node->kind](scheduler, node, now_ms);
	}
}
