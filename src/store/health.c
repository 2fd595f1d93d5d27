/* Which endpoints fail. */
#include "store/health.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/private.h"

#define SECOND_US INT64_C(1000000)
#define FIRST_US (60 * SECOND_US)
#define AGAIN_US (600 * SECOND_US)

struct failing {
	struct health_record record;
	int64_t counted_us; /* monotonic: failed_ms is as of this time */
	int64_t write_us;   /* it is written then; 0: it is stored as it is */
	bool stored;        /* there is a row */
	bool over;          /* it succeeded: the row goes */
};

static struct failing *failing_of(const struct health *health, int64_t endpoint)
{
	return idmap_get(&health->failing, (uint64_t)endpoint);
}

static struct failing *failing_add(struct health *health, const struct health_record *record, int64_t now_us)
{
	struct failing *failing = mem_new(struct failing);
	failing->record = *record;
	failing->counted_us = now_us;
	idmap_put(&health->failing, (uint64_t)record->endpoint, failing);
	return failing;
}

static void failing_drop(struct health *health, struct failing *failing)
{
	idmap_remove(&health->failing, (uint64_t)failing->record.endpoint);
	free(failing);
}

/* An earlier time that it was to be written at stands. */
static void write_at(struct health *health, struct failing *failing, int64_t at_us)
{
	if (failing->write_us == 0 || at_us < failing->write_us)
		failing->write_us = at_us;
	if (health->write_us == 0 || failing->write_us < health->write_us)
		health->write_us = failing->write_us;
}

struct loading {
	struct health *health;
	int64_t now_us;
};

static void load_one(void *context, const struct health_record *record)
{
	struct loading *loading = context;
	failing_add(loading->health, record, loading->now_us)->stored = true;
}

int health_load(struct health *health, struct engine *engine, int64_t now_us)
{
	struct loading loading = {health, now_us};
	return engine->ops->health_each(engine, load_one, &loading);
}

void health_free(struct health *health)
{
	size_t at = 0;
	uint64_t id;
	void *failing;
	while (idmap_next(&health->failing, &at, &id, &failing))
		free(failing);
	idmap_free(&health->failing);
}

bool health_failing(const struct health *health, int64_t endpoint)
{
	const struct failing *failing = health->failing.len > 0 ? failing_of(health, endpoint) : NULL;
	return failing && !failing->over;
}

void health_forget(struct health *health, int64_t endpoint, int64_t now_us)
{
	struct failing *failing = failing_of(health, endpoint);
	if (!failing || failing->over)
		return;
	if (!failing->stored) {
		failing_drop(health, failing);
		return;
	}
	failing->over = true;
	write_at(health, failing, now_us + SECOND_US);
}

/* The rows go with the next writing. */
void health_forget_all(struct health *health, int64_t now_us)
{
	size_t at = 0;
	uint64_t id;
	void *failing;
	while (idmap_next(&health->failing, &at, &id, &failing)) {
		((struct failing *)failing)->over = true;
		write_at(health, failing, now_us + SECOND_US);
	}
}

static struct failing *failed(struct health *health, int64_t endpoint, int64_t now_ms, int64_t now_us)
{
	const struct health_record first = {.endpoint = endpoint, .since_ms = now_ms, .attempts = 1};
	struct failing *failing = failing_of(health, endpoint);
	if (!failing)
		failing = failing_add(health, &first, now_us);
	else if (failing->over) {
		failing->over = false;
		failing->record = first;
		failing->counted_us = now_us;
	} else {
		int64_t more_ms = (now_us - failing->counted_us) / 1000;
		failing->record.failed_ms += more_ms;
		failing->record.attempts++;
		failing->counted_us += more_ms * 1000;
	}
	return failing;
}

bool health_learn(struct health *health, const struct outcome *outcome, int64_t after_ms, int64_t attempts, const struct clock *clock)
{
	int64_t endpoint = outcome->due.endpoint;
	enum outcome_tells tells = outcome_tells(outcome);
	/* Most often there is nothing to know and nothing new. */
	if (tells == OUTCOME_TELLS_NOTHING || (tells == OUTCOME_TELLS_SUCCESS && health->failing.len == 0))
		return false;
	int64_t now_us = clock_mono_us(clock);
	if (tells == OUTCOME_TELLS_SUCCESS) {
		health_forget(health, endpoint, now_us);
		return false;
	}
	struct failing *failing = failed(health, endpoint, clock_wall_ms(clock), now_us);
	write_at(health, failing, now_us + (failing->stored ? AGAIN_US : FIRST_US));
	return after_ms > 0 && failing->record.failed_ms >= after_ms && failing->record.attempts >= attempts;
}

static int write_one(const struct failing *failing, struct tx *tx)
{
	const struct engine_ops *ops = tx->engine->ops;
	return failing->over ? ops->health_delete(tx->engine, failing->record.endpoint) : ops->health_put(tx->engine, &failing->record);
}

/* The map may not change while it is walked: those that are due are gathered first. */
static size_t gather(const struct health *health, bool all, int64_t now_us, struct failing **due, int64_t *next_us)
{
	size_t at = 0, len = 0;
	uint64_t id;
	void *value;
	*next_us = 0;
	while (idmap_next(&health->failing, &at, &id, &value)) {
		struct failing *failing = value;
		if (failing->write_us == 0)
			continue;
		if (len < HEALTH_SLICE && (all || failing->write_us <= now_us))
			due[len++] = failing;
		else if (*next_us == 0 || failing->write_us < *next_us)
			*next_us = failing->write_us;
	}
	return len;
}

int health_write(struct health *health, struct tx *tx, bool all, int64_t now_us)
{
	struct failing *due[HEALTH_SLICE];
	int64_t next_us;
	size_t len = gather(health, all, now_us, due, &next_us);
	for (size_t i = 0; i < len; i++) {
		if (write_one(due[i], tx))
			return -1;
	}
	for (size_t i = 0; i < len; i++) {
		if (due[i]->over) {
			failing_drop(health, due[i]);
		} else {
			due[i]->stored = true;
			due[i]->write_us = 0;
		}
	}
	health->write_us = next_us;
	return next_us != 0 && (all || next_us <= now_us);
}
