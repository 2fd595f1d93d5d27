/* The scheduler's thread. A tick handles what is in the inbox, ends what expired, gives due lanes their turns, and tells when it has
 * work next. See schedule.h and docs/SCHEDULER.md. */
#include "schedule/schedule.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/thread.h"
#include "schedule/thread.h"

enum {
	SLEEP_MAX_MS = 30000, /* so that a jump of the wall clock heals */
	TURNS_MAX = 256,      /* of one tick, before it looks into the inbox again */
	SCAN_MAX = 512,       /* lanes found in one tick, likewise */
	EXPIRED_MAX = 256,    /* rows of one sweep */
	READ_RETRY_MS = 1000,
	BURST_MAX = 32768,    /* deliveries in all lanes' caches: some 5 MB */
	WAITING_MAX = 131072, /* likewise, when there are very many lanes */
};

struct scheduler *scheduler_new(const struct scheduler_config *config, struct err *err)
{
	struct scheduler *scheduler = mem_new(struct scheduler);
	scheduler->config = *config;
	scheduler->payloads = (struct lane_payloads){.max_bytes = config->event_bytes_max, .burst_max = BURST_MAX, .waiting_max = WAITING_MAX};
	scheduler->reads_after_ms = INT64_MIN;
	scheduler->now_ms = clock_wall_ms(config->clock);
	scheduler->now_us = clock_mono_us(config->clock);
	codec_random((uint8_t *)scheduler->random, sizeof scheduler->random);
	turns_init(&scheduler->turns, config->probes_per_s, config->live_max / 4, scheduler->now_us / 1000);
	if (inbox_init(&scheduler->inbox, err)) {
		free(scheduler);
		return NULL;
	}
	return scheduler;
}

void job_free(struct job *job)
{
	event_unref(job->event);
	endpoint_unref(job->endpoint);
	free(job->outcome.response);
	free(job);
}

struct lane *scheduler_lane(struct scheduler *scheduler, int64_t endpoint_id)
{
	struct lane *lane = idmap_get(&scheduler->lanes, (uint64_t)endpoint_id);
	if (lane)
		return lane;
	struct endpoint *endpoint = index_endpoint(scheduler->config.index, endpoint_id);
	if (!endpoint)
		return NULL;
	lane = lane_new(endpoint, &scheduler->payloads);
	turns_join(&scheduler->turns, lane);
	endpoint_unref(endpoint);
	idmap_put(&scheduler->lanes, (uint64_t)endpoint_id, lane);
	return lane;
}

/* Into one of the heaps, out of the other; NULL: in neither. */
static void put_into(struct scheduler *scheduler, struct lane *lane, struct heap *heap, int64_t key)
{
	struct heap *present = lane->gated ? &scheduler->gates : &scheduler->timed;
	if (present != heap)
		heap_remove(present, &lane->turn);
	if (!heap)
		return;
	heap_set(heap, &lane->turn, key, lane->endpoint_id);
	lane->gated = heap == &scheduler->gates;
}

static void drop(struct scheduler *scheduler, struct lane *lane)
{
	put_into(scheduler, lane, NULL, 0);
	turns_leave(&scheduler->turns, lane);
	idmap_remove(&scheduler->lanes, (uint64_t)lane->endpoint_id);
	lane_free(lane);
}

void scheduler_place(struct scheduler *scheduler, struct lane *lane)
{
	turns_settle(&scheduler->turns, lane);
	if (lane->ring)
		return;
	int64_t next_ms = lane_next_ms(lane), gate_us = lane_gate_us(lane);
	if (lane_idle(lane, scheduler->now_us))
		drop(scheduler, lane);
	else if (next_ms == INT64_MAX)
		/* Nothing to do; but what its pace remembers goes when it is over. */
		put_into(scheduler, lane, gate_us > scheduler->now_us && gate_us < INT64_MAX ? &scheduler->gates : NULL, gate_us);
	else if (next_ms <= scheduler->now_ms && gate_us > scheduler->now_us)
		put_into(scheduler, lane, &scheduler->gates, gate_us);
	else
		put_into(scheduler, lane, &scheduler->timed, next_ms);
}

unsigned scheduler_room(struct scheduler *scheduler)
{
	unsigned live = atomic_load(&scheduler->live);
	return live < scheduler->config.live_max ? scheduler->config.live_max - live : 0;
}

static struct job *job_new(struct scheduler *scheduler, const struct due *due, struct lane *lane)
{
	struct job *job = mem_new(struct job);
	job->outcome.cmd.kind = STORE_OUTCOME;
	job->outcome.cmd.done = scheduler_settled;
	job->outcome.due = *due;
	job->outcome.urgent = lane->endpoint->ordered || delivery_round_tests(due->round);
	job->outcome.epoch = store_epoch(scheduler->config.store, lane->endpoint_id);
	job->freed.kind = SCHEDULE_FREED;
	job->settled.kind = SCHEDULE_SETTLED;
	job->scheduler = scheduler;
	job->missed_ms = INT64_MAX;
	atomic_fetch_add(&scheduler->live, 1);
	return job;
}

void scheduler_send(struct scheduler *scheduler, struct lane *lane, const struct due *due, struct event *event)
{
	struct job *job = job_new(scheduler, due, lane);
	job->endpoint = endpoint_ref(lane->endpoint);
	job->event = event ? event_ref(event) : NULL;
	lane_started(lane, job, scheduler->now_us);
	scheduler->config.deliver(scheduler->config.context, job);
}

static void read_failed(struct scheduler *scheduler, const char *what, const struct err *err, int64_t now_ms)
{
	log_warn("schedule", "cannot read %s from the store, trying again in a second: %s", what, err->detail);
	scheduler->reads_after_ms = now_ms + READ_RETRY_MS;
}

static bool may_read(const struct scheduler *scheduler, int64_t now_ms)
{
	/* Far in the future only after a jump of the clock. */
	return now_ms >= scheduler->reads_after_ms || scheduler->reads_after_ms - now_ms > READ_RETRY_MS;
}

static struct due *rows_of(struct scheduler *scheduler, size_t size)
{
	if (size > scheduler->rows_cap) {
		struct due *rows = realloc(scheduler->rows, size * sizeof *rows);
		if (!rows)
			log_fatal("schedule", "out of memory for %zu rows", size);
		scheduler->rows = rows;
		scheduler->rows_cap = size;
	}
	return scheduler->rows;
}

/* ---- start-up: which lanes have rows ---- */

static void scan(struct scheduler *scheduler, int64_t now_ms)
{
	struct err err = {0};
	for (int i = 0; i < SCAN_MAX && !scheduler->scanned; i++) {
		int64_t due_ms;
		int found = reader_next_lane(scheduler->reader, &scheduler->scanned_to, &due_ms, &err);
		if (found < 0) {
			read_failed(scheduler, "the endpoints with pending deliveries", &err, now_ms);
			return;
		}
		struct lane *lane = found ? scheduler_lane(scheduler, scheduler->scanned_to) : NULL;
		if (lane) {
			lane_spill(lane, due_ms);
			scheduler_place(scheduler, lane);
		}
		scheduler->scanned = !found;
	}
}

/* ---- expiry ---- */

/* Ends a row without a request; in flight it is left to its worker. */
static void expire(struct scheduler *scheduler, const struct due *row)
{
	struct lane *lane = scheduler_lane(scheduler, row->endpoint);
	if (!lane)
		return;
	if (!idmap_get(&lane->live, (uint64_t)row->delivery)) {
		lane_forget(lane, row->delivery);
		struct job *job = job_new(scheduler, row, lane);
		job->outcome.change = DELIVERY_DIE;
		job->outcome.reason = REASON_EXPIRED;
		job->outcome.urgent = true; /* the sweep goes on after it */
		lane_started(lane, job, scheduler->now_us);
		scheduler->expiring++;
		store_post(scheduler->config.store, &job->outcome.cmd);
	}
	scheduler_place(scheduler, lane);
}

static bool may_sweep(struct scheduler *scheduler)
{
	return scheduler->expiring == 0 && scheduler_room(scheduler) > 0;
}

static void sweep(struct scheduler *scheduler, int64_t now_ms)
{
	if (now_ms < scheduler->expiry_ms || !may_sweep(scheduler))
		return;
	struct err err = {0};
	int64_t next_ms = 0;
	int max = scheduler_room(scheduler) < EXPIRED_MAX ? (int)scheduler_room(scheduler) : EXPIRED_MAX;
	struct due *rows = rows_of(scheduler, EXPIRED_MAX);
	int len = reader_expired(scheduler->reader, now_ms, rows, max, &next_ms, &err);
	if (len < 0) {
		read_failed(scheduler, "expired deliveries", &err, now_ms);
		return;
	}
	/* What is in flight past its time stays the earliest until it ends: then look once a second. */
	int64_t later_ms = now_ms + READ_RETRY_MS;
	scheduler->expiry_ms = next_ms == 0 ? INT64_MAX : next_ms > later_ms ? next_ms : later_ms;
	scheduler->expiry_progress = false;
	for (int i = 0; i < len; i++)
		expire(scheduler, &rows[i]);
}

/* ---- turns ---- */

static void refill(struct scheduler *scheduler, struct lane *lane, int64_t now_ms)
{
	struct err err = {0};
	size_t size = lane_refill_size(lane);
	int len = -1;
	if (may_read(scheduler, now_ms)) {
		len = reader_lane(scheduler->reader, lane->endpoint_id, rows_of(scheduler, size), (int)size, &err);
		if (len < 0)
			read_failed(scheduler, "an endpoint's pending deliveries", &err, now_ms);
	}
	if (len < 0)
		lane_delay_refill(lane, now_ms + READ_RETRY_MS);
	else
		lane_refill(lane, scheduler->rows, (size_t)len, (size_t)len < size);
}

/* One delivery of a lane. */
static void give_turn(struct scheduler *scheduler, struct lane *lane, int64_t now_ms)
{
	if (lane_gate_us(lane) > scheduler->now_us)
		return;
	if (lane_wants_refill(lane, now_ms))
		refill(scheduler, lane, now_ms);
	struct lane_entry *entry = lane_take(lane, now_ms);
	if (!entry)
		return;
	struct job *job = job_new(scheduler, &entry->due, lane);
	job->endpoint = endpoint_ref(lane->endpoint);
	job->event = entry->event;
	entry->event = NULL;
	job->slot = true;
	job->trying = lane_probes(lane);
	if (job->trying)
		turns_try(&scheduler->turns);
	lane_started(lane, job, scheduler->now_us);
	if (job->probe) {
		job->outcome.urgent = true; /* others wait for what comes of it */
		scheduler_report(scheduler, lane, NULL);
	}
	lane_entry_free(entry);
	scheduler->config.deliver(scheduler->config.context, job);
}

/* Waits for its turn when it has work that may begin; else where it belongs. */
static void queue(struct scheduler *scheduler, struct lane *lane)
{
	if (lane_next_ms(lane) <= scheduler->now_ms && lane_gate_us(lane) <= scheduler->now_us)
		turns_push(&scheduler->turns, lane);
	else
		scheduler_place(scheduler, lane);
}

static void give_turns(struct scheduler *scheduler, int64_t now_ms)
{
	struct turns *turns = &scheduler->turns;
	if (scheduler->paused)
		return;
	for (struct heap_node *top; (top = heap_top(&scheduler->gates)) && top->key <= scheduler->now_us;)
		scheduler_place(scheduler, CONTAINER_OF(heap_pop(&scheduler->gates), struct lane, turn));
	for (struct heap_node *top; (top = heap_top(&scheduler->timed)) && top->key <= now_ms;)
		queue(scheduler, CONTAINER_OF(heap_pop(&scheduler->timed), struct lane, turn));
	for (int given = 0; given < TURNS_MAX && scheduler_room(scheduler) > 0; given++) {
		struct lane *lane = turns_next(turns, scheduler_room(scheduler), scheduler->now_us / 1000);
		if (!lane)
			break;
		give_turn(scheduler, lane, now_ms);
		queue(scheduler, lane);
	}
}

/* ---- the thread ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How long nothing is due: 0 when something is, -1 when only a message brings work. */
static int sleep_ms(struct scheduler *scheduler, int64_t now_ms)
{
	const struct heap_node *top = heap_top(&scheduler->timed), *gate = heap_top(&scheduler->gates);
	int64_t mono_ms = scheduler->now_us / 1000, turn_ms = INT64_MAX;
	if (!scheduler->paused && scheduler_room(scheduler) > 0) {
		int64_t round_ms = turns_next_ms(&scheduler->turns, mono_ms);
		turn_ms = top ? top->key : INT64_MAX;
		if (round_ms != INT64_MAX)
			turn_ms = earlier(turn_ms, now_ms + round_ms - mono_ms);
		if (gate)
			turn_ms = earlier(turn_ms, now_ms + (gate->key - scheduler->now_us + 999) / 1000);
	}
	int64_t read_ms = !scheduler->scanned ? now_ms : may_sweep(scheduler) ? scheduler->expiry_ms : INT64_MAX;
	if (!may_read(scheduler, now_ms) && read_ms < scheduler->reads_after_ms)
		read_ms = scheduler->reads_after_ms;
	int64_t next_ms = earlier(turn_ms, read_ms);
	if (next_ms == INT64_MAX)
		return -1;
	return next_ms <= now_ms ? 0 : (int)earlier(next_ms - now_ms, SLEEP_MAX_MS);
}

/* Returns how long the thread may sleep. */
static int tick(struct scheduler *scheduler)
{
	int64_t now_ms = clock_wall_ms(scheduler->config.clock);
	scheduler->now_ms = now_ms;
	scheduler->now_us = clock_mono_us(scheduler->config.clock);
	scheduler_receive(scheduler, now_ms);
	if (atomic_load(&scheduler->quiet))
		return -1;
	if (may_read(scheduler, now_ms)) {
		scan(scheduler, now_ms);
		sweep(scheduler, now_ms);
	}
	give_turns(scheduler, now_ms);
	return sleep_ms(scheduler, now_ms);
}

static void *run(void *argument)
{
	struct scheduler *scheduler = argument;
	pulse_begin("schedule", &scheduler->inbox);
	for (;;) {
		inbox_hold();
		int timeout_ms = tick(scheduler);
		inbox_release();
		pulse_beat();
		/* After the tick, which may have taken the wake-up of the stop. */
		if (atomic_load(&scheduler->stopping))
			break;
		inbox_wait(&scheduler->inbox, timeout_ms);
	}
	pulse_end();
	return NULL;
}

int scheduler_start(struct scheduler *scheduler, struct err *err)
{
	scheduler->reader = reader_open(scheduler->config.store, err);
	if (!scheduler->reader || thread_start(&scheduler->thread, "schedule", run, scheduler, err))
		return -1;
	scheduler->started = true;
	return 0;
}

void scheduler_quiesce(struct scheduler *scheduler)
{
	atomic_store(&scheduler->quiet, true);
}

unsigned scheduler_live(struct scheduler *scheduler)
{
	return atomic_load(&scheduler->live);
}

void scheduler_stop(struct scheduler *scheduler)
{
	if (!scheduler)
		return;
	atomic_store(&scheduler->stopping, true);
	if (scheduler->started) {
		inbox_wake(&scheduler->inbox);
		pthread_join(scheduler->thread, NULL);
	}
	/* What came after the thread's last look. */
	scheduler_receive(scheduler, 0);
	heap_free(&scheduler->timed);
	heap_free(&scheduler->gates);
	size_t at = 0;
	uint64_t id;
	void *lane;
	while (idmap_next(&scheduler->lanes, &at, &id, &lane)) {
		turns_leave(&scheduler->turns, lane);
		lane_free(lane);
	}
	idmap_free(&scheduler->lanes);
	turns_free(&scheduler->turns);
	free(scheduler->rows);
	reader_close(scheduler->reader);
	inbox_destroy(&scheduler->inbox);
	free(scheduler);
}
