/* The circuit breaker. */
#include "schedule/breaker.h"

#include <string.h>

static const double JITTER = 0.2;

/* Forgets the parts of the window that are over. A window of another length begins anew, roughly: only its parts' length counts. */
static void roll(struct breaker *breaker, int64_t part_us, int64_t now_us)
{
	int64_t over = (now_us - breaker->part_us) / part_us;
	if (over <= 0)
		return;
	if (over >= BREAKER_PARTS) {
		memset(breaker->parts, 0, sizeof breaker->parts);
		breaker->part_us = now_us;
		return;
	}
	size_t kept = (size_t)(BREAKER_PARTS - over);
	memmove(&breaker->parts[over], &breaker->parts[0], kept * sizeof breaker->parts[0]);
	memset(&breaker->parts[0], 0, (size_t)over * sizeof breaker->parts[0]);
	breaker->part_us += over * part_us;
}

static void count(struct breaker *breaker, const struct breaker_policy *policy, bool succeeded, int64_t now_us)
{
	int64_t part_us = policy->window_ms * 1000 / BREAKER_PARTS;
	roll(breaker, part_us > 0 ? part_us : 1, now_us);
	if (breaker->parts[0].attempts == UINT16_MAX) {
		breaker->parts[0].attempts /= 2;
		breaker->parts[0].failed /= 2;
	}
	breaker->parts[0].attempts++;
	if (!succeeded)
		breaker->parts[0].failed++;
}

static bool ratio_reached(const struct breaker *breaker, const struct breaker_policy *policy)
{
	uint64_t attempts = 0, failed = 0;
	for (int i = 0; i < BREAKER_PARTS; i++) {
		attempts += breaker->parts[i].attempts;
		failed += breaker->parts[i].failed;
	}
	return policy->ratio > 0 && attempts >= BREAKER_RATIO_MIN && (double)failed >= policy->ratio * (double)attempts;
}

static int64_t wait_us(const struct breaker *breaker, const struct breaker_policy *policy, double random)
{
	int64_t wait_ms = policy->wait_ms;
	for (unsigned i = 1; i < breaker->opened && wait_ms < policy->max_wait_ms; i++)
		wait_ms *= 2;
	if (wait_ms > policy->max_wait_ms)
		wait_ms = policy->max_wait_ms;
	return (int64_t)((double)wait_ms * 1000.0 * (1 + JITTER * (2 * random - 1)));
}

static void open(struct breaker *breaker, const struct breaker_policy *policy, int64_t now_us, double random)
{
	breaker->state = BREAKER_OPEN;
	breaker->probing = false;
	breaker->opened++;
	breaker->probe_us = now_us + wait_us(breaker, policy, random);
}

bool breaker_begin(struct breaker *breaker)
{
	if (breaker->state == BREAKER_CLOSED)
		return false;
	breaker->state = BREAKER_HALF_OPEN;
	breaker->probing = true;
	return true;
}

static bool succeed(struct breaker *breaker)
{
	breaker->failures = 0;
	if (breaker->state == BREAKER_CLOSED)
		return false;
	*breaker = (struct breaker){.state = BREAKER_CLOSED};
	return true;
}

bool breaker_learn(struct breaker *breaker, const struct breaker_policy *policy, bool probe, bool succeeded, int64_t now_us, double random)
{
	if (breaker->state == BREAKER_CLOSED)
		count(breaker, policy, succeeded, now_us);
	if (succeeded)
		return succeed(breaker);
	breaker->failures++;
	if (breaker->state != BREAKER_CLOSED) {
		if (!probe || !breaker->probing)
			return false;
		open(breaker, policy, now_us, random);
		return true;
	}
	bool in_a_row = breaker->failures >= (unsigned)policy->max_failures;
	if (!in_a_row && !ratio_reached(breaker, policy))
		return false;
	breaker->by_ratio = !in_a_row;
	open(breaker, policy, now_us, random);
	return true;
}

void breaker_miss(struct breaker *breaker)
{
	breaker->probing = false;
}

bool breaker_retry(struct breaker *breaker)
{
	if (breaker->state != BREAKER_OPEN)
		return false;
	breaker->state = BREAKER_HALF_OPEN;
	breaker->probing = false;
	breaker->opened = 0;
	return true;
}
