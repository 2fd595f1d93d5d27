/* Passes of retention: see retention.h. */
#include "store/retention.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "store/audit.h"
#include "store/private.h"

enum {
	PERIOD_MS = 60000, /* between two passes … */
	PERIOD_PART = 4,   /* … or this part of the least age, if that is shorter */
	PERIOD_LEAST_MS = 50,
	PASSES = 60,            /* after so many the walks begin anew: what had to stay may go by now */
	SIZE_AGAIN = 10,        /* a bound that cannot be kept is tried again after so many passes */
	SIZE_YOUNGEST_MS = 10000, /* what is younger stays, however little room there is */
	SEEN_MS = 3600000,      /* how often the time is stored when nothing is deleted */
	GIVE_BACK_PAGES = 32,   /* in one slice */
	KEEP_PAGES = 512,       /* free pages that are kept for what comes, or … */
	KEEP_PART = 8,          /* … this part of those in use, if that is more */
	SCRUB_AGAIN_MS = 50,
};

enum step { STEP_EVENTS, STEP_DEAD, STEP_ATTEMPTS, STEP_REJECTIONS, STEP_AUDIT, STEP_OPERATIONS, STEP_TOMBSTONES, STEP_SIZE, STEP_GIVE_BACK, STEPS };

static int64_t mono_us(const struct store *store)
{
	return clock_mono_us(store->config.clock);
}

static int64_t least(int64_t a, int64_t b)
{
	return b > 0 && b < a ? b : a;
}

static int64_t period_us(const struct retention_limits *limits)
{
	int64_t age_ms = (int64_t)PERIOD_MS * PERIOD_PART;
	age_ms = least(least(least(age_ms, limits->events_ms), limits->attempts_ms), limits->dead_ms);
	age_ms = least(least(age_ms, limits->rejections_ms), limits->audit_ms) / PERIOD_PART;
	return (age_ms > PERIOD_LEAST_MS ? age_ms : PERIOD_LEAST_MS) * 1000;
}

void retention_init(struct store *store)
{
	struct retention *r = &store->retention;
	const struct retention_limits *limits = &store->config.retention;
	*r = (struct retention){.next_us = mono_us(store)};
	r->status.limits = *limits;
	r->status.state = limits->on ? RETENTION_RESTS : RETENTION_OFF;
}

void retention_limit(struct store *store, const struct retention_limits *limits)
{
	struct retention *r = &store->retention;
	store->config.retention = *limits;
	r->running = false;
	r->after_event = r->after_attempt = r->size_us = 0;
	r->next_us = mono_us(store);
	pthread_mutex_lock(&store->mutex);
	r->status.limits = *limits;
	pthread_mutex_unlock(&store->mutex);
}

int64_t retention_due_us(const struct store *store)
{
	bool scrubbing = store->engine->ops->scrubbing(store->engine);
	int64_t scrub_us = scrubbing ? mono_us(store) + SCRUB_AGAIN_MS * INT64_C(1000) : INT64_MAX;
	int64_t next_us = store->config.retention.on ? store->retention.next_us : INT64_MAX;
	return scrub_us < next_us ? scrub_us : next_us;
}

/* ---- The clock ---- */

static bool is_jump(int64_t ms)
{
	return ms > RETENTION_JUMP_MS || ms < -RETENTION_JUMP_MS;
}

/* At the start the monotonic clock says nothing of the time before. */
static int64_t jump_at_start(const struct retention *r, int64_t wall_ms)
{
	int64_t ms = r->seen_ms ? wall_ms - r->seen_ms : 0;
	return ms < -RETENTION_JUMP_MS || ms > RETENTION_OFF_MS ? ms : 0;
}

static void tell_jump(const struct retention *r)
{
	log_warn("store",
	         "retention has stopped: the wall clock %s by %" PRId64
	         " s%s; it goes on when the clock is back, or when an administrator confirms that it is right (grapnel retention confirm)",
	         r->jump_ms > 0 ? "jumped forward" : "went back", (r->jump_ms > 0 ? r->jump_ms : -r->jump_ms) / 1000,
	         r->wall_ms ? "" : " since the hub ran last");
}

/* Whether what it says can be believed. */
static bool clock_is_right(struct retention *r, int64_t wall_ms, int64_t now_us)
{
	int64_t was_ms = r->jump_ms;
	int64_t moved_ms = r->wall_ms ? wall_ms - r->wall_ms - (now_us - r->mono_us) / 1000 : jump_at_start(r, wall_ms);
	/* Small corrections count only while it is wrong already. */
	if (was_ms != 0 || is_jump(moved_ms))
		r->jump_ms += moved_ms;
	if (!is_jump(r->jump_ms))
		r->jump_ms = 0;
	if (r->jump_ms != 0 && was_ms == 0)
		tell_jump(r);
	else if (r->jump_ms == 0 && was_ms != 0)
		log_info("store", "retention goes on: the wall clock is back");
	r->wall_ms = wall_ms;
	r->mono_us = now_us;
	return r->jump_ms == 0;
}

int retention_confirm(struct tx *tx, struct store_change *change)
{
	struct retention *r = &tx->store->retention;
	if (!tx->store->config.retention.on)
		return err_set(&change->err, ERR_WRONG_STATE, "retention does not run here: ask a hub that serves");
	if (r->jump_ms == 0)
		return 0;
	if (tx->engine->ops->seen_put(tx->engine, tx->now_ms))
		return -1;
	if (audit_note(tx, change, "retention.confirm", "retention", 0, NULL, json_pack("{s:I}", "clock_jump_ms", (json_int_t)r->jump_ms)))
		return -1;
	log_info("store", "retention goes on: an administrator confirmed the wall clock");
	r->jump_ms = 0;
	r->seen_ms = r->wall_ms = tx->now_ms;
	r->mono_us = r->next_us = mono_us(tx->store);
	return 0;
}

/* ---- One pass ---- */

static bool is_over(const struct retention_limits *limits, const struct engine_space *space)
{
	return limits->bytes > 0 && (space->pages - space->free_pages) * space->page_bytes > limits->bytes;
}

static int64_t pages_to_give_back(const struct engine_space *space)
{
	int64_t keep = (space->pages - space->free_pages) / KEEP_PART;
	keep = keep > KEEP_PAGES ? keep : KEEP_PAGES;
	return space->incremental && space->free_pages > keep ? space->free_pages - keep : 0;
}

static bool step_applies(const struct retention *r, const struct retention_limits *limits, const struct engine_space *space, int64_t now_us)
{
	switch ((enum step)r->step) {
	case STEP_EVENTS:
		return limits->events_ms > 0;
	case STEP_DEAD:
		return limits->dead_ms > 0;
	case STEP_ATTEMPTS:
		return limits->attempts_ms > 0;
	case STEP_REJECTIONS:
		return limits->rejections_ms > 0;
	case STEP_AUDIT:
	case STEP_OPERATIONS:
		return limits->audit_ms > 0;
	case STEP_TOMBSTONES:
		return limits->events_ms > 0 && limits->dead_ms > 0;
	case STEP_SIZE:
		return is_over(limits, space) && now_us >= r->size_us;
	case STEP_GIVE_BACK:
		return pages_to_give_back(space) > 0;
	case STEPS:
		break;
	}
	return false;
}

static int64_t before(int64_t now_ms, int64_t age_ms)
{
	return age_ms > 0 ? now_ms - age_ms : 0;
}

/* Where the step's walk begins, and how far it goes. */
static void step_begin(struct retention *r, const struct retention_limits *limits, int64_t now_ms)
{
	static const enum retire_what whats[STEPS] = {
	    [STEP_EVENTS] = RETIRE_EVENTS, [STEP_DEAD] = RETIRE_DEAD,           [STEP_ATTEMPTS] = RETIRE_ATTEMPTS,
	    [STEP_AUDIT] = RETIRE_AUDIT,   [STEP_OPERATIONS] = RETIRE_OPERATIONS, [STEP_TOMBSTONES] = RETIRE_TOMBSTONES,
	    [STEP_SIZE] = RETIRE_EVENTS,
	};
	enum step step = (enum step)r->step;
	int64_t longest_ms = limits->events_ms > limits->dead_ms ? limits->events_ms : limits->dead_ms;
	r->walk = (struct retire){.what = whats[step], .until_ms = before(now_ms, limits->events_ms), .dead_until_ms = before(now_ms, limits->dead_ms)};
	if (step == STEP_EVENTS)
		r->walk.after_id = r->after_event;
	else if (step == STEP_ATTEMPTS)
		r->walk.after_id = r->after_attempt;
	if (step == STEP_ATTEMPTS)
		r->walk.until_ms = before(now_ms, limits->attempts_ms);
	else if (step == STEP_AUDIT || step == STEP_OPERATIONS)
		r->walk.until_ms = before(now_ms, limits->audit_ms);
	else if (step == STEP_TOMBSTONES)
		r->walk.until_ms = before(now_ms, longest_ms);
	else if (step == STEP_SIZE)
		r->walk.until_ms = now_ms - SIZE_YOUNGEST_MS;
}

/* The bound of bytes after a walk to the end: it is kept, or cannot be. */
static void size_ended(struct retention *r, const struct retention_limits *limits, bool over, int64_t now_us)
{
	r->over = over;
	r->size_us = over ? now_us + period_us(limits) * SIZE_AGAIN : 0;
	if (over && !r->told_over)
		log_warn("store", "retention.size cannot be kept: what is left is unfinished, or dead letters within retention.dead_letters");
	else if (!over && r->told_over)
		log_info("store", "retention.size is kept again");
	r->told_over = over;
}

static void step_next(struct retention *r, const struct retention_limits *limits, const struct engine_space *space, int64_t now_ms, int64_t now_us)
{
	do
		r->step++;
	while (r->step < STEPS && !step_applies(r, limits, space, now_us));
	/* Others made room, or there is another bound. */
	if (r->over && !is_over(limits, space))
		size_ended(r, limits, false, now_us);
	if (r->step < STEPS)
		step_begin(r, limits, now_ms);
}

static void add_counts(struct retention_counts *to, const struct retention_counts *from)
{
	to->events += from->events;
	to->deliveries += from->deliveries;
	to->attempts += from->attempts;
	to->rejections += from->rejections;
	to->audit += from->audit;
	to->operations += from->operations;
	to->endpoints += from->endpoints;
	to->pages += from->pages;
}

static bool counts_any(const struct retention_counts *counts)
{
	return counts->events || counts->deliveries || counts->attempts || counts->rejections || counts->audit || counts->operations ||
	       counts->endpoints;
}

/* One slice of the present step; `ended`: there is nothing left of it to do. */
static int step_slice(struct tx *tx, struct engine_space *space, bool *ended)
{
	struct retention *r = &tx->store->retention;
	const struct engine_ops *ops = tx->engine->ops;
	const struct retention_limits *limits = &tx->store->config.retention;
	if (r->step == STEP_GIVE_BACK) {
		int64_t pages = pages_to_give_back(space);
		pages = pages < GIVE_BACK_PAGES ? pages : GIVE_BACK_PAGES;
		r->counts.pages += pages;
		*ended = pages == 0;
		return pages > 0 ? ops->space_give_back(tx->engine, (int)pages) : 0;
	}
	if (r->step == STEP_REJECTIONS) {
		int deleted = reject_expire(tx, RETENTION_ROWS / 4);
		r->counts.rejections += deleted > 0 ? deleted : 0;
		*ended = deleted < RETENTION_ROWS / 4;
		return deleted < 0 ? -1 : 0;
	}
	r->walk.rows = RETENTION_ROWS;
	r->walk.looks = RETENTION_LOOKS;
	r->walk.deadline_us = mono_us(tx->store) + RETENTION_SLICE_US;
	r->walk.counts = (struct retention_counts){0};
	r->walk.free_until = r->step == STEP_SIZE ? space->pages - limits->bytes / space->page_bytes : 0;
	if (ops->wipe(tx->engine) || ops->retire(tx->engine, &r->walk))
		return -1;
	add_counts(&r->counts, &r->walk.counts);
	*ended = r->walk.ended;
	if (r->step == STEP_EVENTS)
		r->after_event = r->walk.after_id;
	else if (r->step == STEP_ATTEMPTS)
		r->after_attempt = r->walk.after_id;
	else if (r->step == STEP_SIZE && ops->space(tx->engine, space) == 0) {
		bool over = is_over(limits, space);
		if (*ended || !over)
			size_ended(r, limits, over, mono_us(tx->store));
		*ended = *ended || !over;
	}
	return 0;
}

static bool pass_waits(struct tx *tx, struct retention *r, int *result)
{
	int64_t sending = 0;
	*result = tx->engine->ops->operations_sending(tx->engine, &sending);
	if (sending > 0 && !r->told_waits)
		log_info("store", "retention waits until bulk work that sends events again has ended");
	r->told_waits = sending > 0;
	return sending > 0;
}

static void show(struct store *store, enum retention_state state, const struct engine_space *space)
{
	struct retention *r = &store->retention;
	struct retention_status *status = &r->status;
	pthread_mutex_lock(&store->mutex);
	status->state = state;
	status->jump_ms = r->jump_ms;
	status->over = r->over;
	status->oldest_event_ms = r->oldest ? id_time_ms(r->oldest) : 0;
	status->database_bytes = space->pages * space->page_bytes;
	status->free_bytes = space->free_pages * space->page_bytes;
	status->used_bytes = status->database_bytes - status->free_bytes;
	status->given_back_bytes = (status->total.pages + (r->running ? r->counts.pages : 0)) * space->page_bytes;
	status->gives_back = space->incremental;
	pthread_mutex_unlock(&store->mutex);
}

static int pass_end(struct tx *tx, int64_t now_us)
{
	struct retention *r = &tx->store->retention;
	struct retention_status *status = &r->status;
	r->running = false;
	r->next_us = now_us + period_us(&tx->store->config.retention);
	if (++r->passes >= PASSES)
		r->passes = 0;
	if (r->passes == 0)
		r->after_event = r->after_attempt = 0;
	if (counts_any(&r->counts)) {
		tx->engine->ops->scrub(tx->engine);
		log_info("store",
		         "retention deleted what was old; events: %" PRId64 ", deliveries: %" PRId64 ", attempts: %" PRId64 ", refused requests: %" PRId64
		         ", pages given back: %" PRId64,
		         r->counts.events, r->counts.deliveries, r->counts.attempts, r->counts.rejections, r->counts.pages);
	}
	pthread_mutex_lock(&tx->store->mutex);
	status->last_end_ms = tx->now_ms;
	status->last = r->counts;
	add_counts(&status->total, &r->counts);
	pthread_mutex_unlock(&tx->store->mutex);
	r->oldest = 0;
	if (tx->engine->ops->event_oldest(tx->engine, &r->oldest) < 0)
		return -1;
	/* Ids that are deleted are not given out again, and the next start knows what time it was. */
	if (!counts_any(&r->counts) && tx->now_ms - r->seen_ms < SEEN_MS)
		return 0;
	r->seen_ms = tx->now_ms;
	return tx->engine->ops->seen_put(tx->engine, tx->now_ms);
}

static void pass_begin(struct tx *tx)
{
	struct retention *r = &tx->store->retention;
	r->running = true;
	r->step = -1;
	r->counts = (struct retention_counts){0};
	pthread_mutex_lock(&tx->store->mutex);
	r->status.last_begin_ms = tx->now_ms;
	pthread_mutex_unlock(&tx->store->mutex);
}

static int run(struct tx *tx, struct engine_space *space)
{
	struct store *store = tx->store;
	struct retention *r = &store->retention;
	const struct retention_limits *limits = &store->config.retention;
	int64_t now_us = mono_us(store);
	if (!r->running)
		pass_begin(tx);
	if (r->step < 0)
		step_next(r, limits, space, tx->now_ms, now_us);
	bool ended = false;
	if (r->step < STEPS && step_slice(tx, space, &ended))
		return -1;
	if (tx->engine->ops->space(tx->engine, space))
		return -1;
	if (ended)
		step_next(r, limits, space, tx->now_ms, now_us);
	return r->step < STEPS ? 0 : pass_end(tx, now_us);
}

int retention_slice(struct tx *tx)
{
	struct store *store = tx->store;
	struct retention *r = &store->retention;
	const struct engine_ops *ops = tx->engine->ops;
	struct engine_space space;
	int result = 0;
	if (r->wall_ms == 0 && ops->seen_get(tx->engine, &r->seen_ms))
		return -1;
	bool right = clock_is_right(r, tx->now_ms, mono_us(store));
	bool waits = right && pass_waits(tx, r, &result);
	if (result || ops->space(tx->engine, &space))
		return -1;
	if (!right || waits)
		r->running = false; /* the pass begins anew */
	else if (run(tx, &space))
		return -1;
	show(store, !right ? RETENTION_STOPPED : waits ? RETENTION_WAITS : r->running ? RETENTION_RUNS : RETENTION_RESTS, &space);
	return 0;
}

void retention_done(struct store *store, bool committed, int64_t begin_us)
{
	struct retention *r = &store->retention;
	int64_t now_us = mono_us(store);
	if (!committed) {
		r->running = false;
		r->after_event = r->after_attempt = 0;
		r->seen_ms = 0;
		reject_done(&store->rejects, false);
	}
	if (committed && r->running)
		r->next_us = now_us + (now_us - begin_us) * RETENTION_REST;
	else if (!committed || r->next_us <= now_us)
		r->next_us = now_us + period_us(&store->config.retention);
}

void retention_scrubbing(struct store *store)
{
	bool scrubbing = store->engine->ops->scrubbing(store->engine);
	if (scrubbing == store->retention.scrubbing)
		return;
	store->retention.scrubbing = scrubbing;
	pthread_mutex_lock(&store->mutex);
	store->retention.status.scrubbing = scrubbing;
	pthread_mutex_unlock(&store->mutex);
}

void retention_status(struct store *store, struct retention_status *status)
{
	pthread_mutex_lock(&store->mutex);
	*status = store->retention.status;
	pthread_mutex_unlock(&store->mutex);
}
