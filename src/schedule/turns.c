/* Turns of lanes. */
#include "schedule/turns.h"

enum { WHOLE = 1000 };

void turns_init(struct turns *turns, int64_t per_s, unsigned trying_max, int64_t now_ms)
{
	*turns = (struct turns){.per_s = per_s, .credit = per_s * TURNS_BURST_S * WHOLE, .credit_ms = now_ms};
	turns->trying_max = trying_max > 0 ? trying_max : 1;
}

void turns_remove(struct lane *lane)
{
	struct lane_ring *ring = lane->ring;
	if (!ring)
		return;
	*(lane->ring_previous ? &lane->ring_previous->ring_next : &ring->first) = lane->ring_next;
	*(lane->ring_next ? &lane->ring_next->ring_previous : &ring->last) = lane->ring_previous;
	lane->ring = NULL;
	lane->ring_next = lane->ring_previous = NULL;
}

void turns_push(struct turns *turns, struct lane *lane)
{
	struct lane_ring *ring = lane_failing(lane) ? &turns->failing : &turns->well;
	lane->ring = ring;
	lane->ring_next = NULL;
	lane->ring_previous = ring->last;
	*(ring->last ? &ring->last->ring_next : &ring->first) = lane;
	ring->last = lane;
}

void turns_settle(struct turns *turns, struct lane *lane)
{
	if (lane->ring == (lane_failing(lane) ? &turns->failing : &turns->well))
		return;
	turns_remove(lane);
	turns_push(turns, lane);
}

/* What the time since then earned; a clock that goes back earns nothing. */
static void earn(struct turns *turns, int64_t now_ms)
{
	int64_t most = turns->per_s * TURNS_BURST_S * WHOLE;
	int64_t passed_ms = now_ms - turns->credit_ms;
	turns->credit_ms = now_ms;
	if (passed_ms > TURNS_BURST_S * 1000)
		passed_ms = TURNS_BURST_S * 1000;
	if (passed_ms > 0)
		turns->credit += passed_ms * turns->per_s;
	if (turns->credit > most)
		turns->credit = most;
}

static bool may_try(const struct turns *turns)
{
	return turns->failing.first && turns->credit >= WHOLE && turns->trying < turns->trying_max;
}

struct lane *turns_next(struct turns *turns, int64_t now_ms)
{
	earn(turns, now_ms);
	bool failing = may_try(turns) && (!turns->well.first || turns->given % TURNS_FAILING_EVERY == 0);
	struct lane *lane = failing ? turns->failing.first : turns->well.first;
	if (!lane)
		return NULL;
	turns->given++;
	turns_remove(lane);
	return lane;
}

void turns_try(struct turns *turns)
{
	turns->trying++;
	turns->credit -= WHOLE;
}

void turns_tried(struct turns *turns)
{
	turns->trying--;
}

int64_t turns_next_ms(struct turns *turns, int64_t now_ms)
{
	if (turns->well.first || may_try(turns))
		return now_ms;
	if (!turns->failing.first || turns->trying >= turns->trying_max)
		return INT64_MAX;
	int64_t lacks_ms = (WHOLE - turns->credit + turns->per_s - 1) / turns->per_s;
	return now_ms + (lacks_ms > TURNS_LOOK_MS ? lacks_ms : TURNS_LOOK_MS);
}
