/* Turns of lanes. */
#include "schedule/turns.h"

#include <stdlib.h>

#include "base/mem.h"

enum { WHOLE = 1000, BLOCKED_LOOKS = 4 };

void turns_init(struct turns *turns, int64_t per_s, unsigned trying_max, int64_t now_ms)
{
	*turns = (struct turns){.per_s = per_s, .credit = per_s * TURNS_BURST_S * WHOLE, .credit_ms = now_ms};
	turns->trying_max = trying_max > 0 ? trying_max : 1;
}

void turns_free(struct turns *turns)
{
	idmap_free(&turns->groups);
}

/* ---- rings ---- */

static void group_push(struct group_ring *ring, struct lane_group *group)
{
	group->ring = ring;
	group->next = NULL;
	group->previous = ring->last;
	*(ring->last ? &ring->last->next : &ring->first) = group;
	ring->last = group;
}

static void group_remove(struct lane_group *group)
{
	struct group_ring *ring = group->ring;
	if (!ring)
		return;
	*(group->previous ? &group->previous->next : &ring->first) = group->next;
	*(group->next ? &group->next->previous : &ring->last) = group->previous;
	group->ring = NULL;
}

static void group_move(struct lane_group *group, struct group_ring *to)
{
	group_remove(group);
	group_push(to, group);
}

static struct lane_ring *ring_of(struct turns *turns, const struct lane *lane)
{
	return lane_probes(lane) ? &turns->probing : &lane->group->due;
}

void turns_remove(struct turns *turns, struct lane *lane)
{
	struct lane_ring *ring = lane->ring;
	(void)turns;
	if (!ring)
		return;
	*(lane->ring_previous ? &lane->ring_previous->ring_next : &ring->first) = lane->ring_next;
	*(lane->ring_next ? &lane->ring_next->ring_previous : &ring->last) = lane->ring_previous;
	lane->ring = NULL;
	lane->ring_next = lane->ring_previous = NULL;
	if (!lane->group->due.first)
		group_remove(lane->group);
}

void turns_push(struct turns *turns, struct lane *lane)
{
	struct lane_ring *ring = ring_of(turns, lane);
	lane->ring = ring;
	lane->ring_next = NULL;
	lane->ring_previous = ring->last;
	*(ring->last ? &ring->last->ring_next : &ring->first) = lane;
	ring->last = lane;
	if (ring == &lane->group->due && !lane->group->ring)
		group_push(&turns->well, lane->group);
}

void turns_settle(struct turns *turns, struct lane *lane)
{
	if (lane->group->ring == &turns->blocked)
		group_move(lane->group, &turns->well);
	if (!lane->ring || lane->ring == ring_of(turns, lane))
		return;
	turns_remove(turns, lane);
	turns_push(turns, lane);
}

/* ---- groups ---- */

static struct lane_group *group_of(struct turns *turns, struct lane *lane)
{
	int64_t subscriber = lane->endpoint->meta.subscriber;
	if (subscriber == 0)
		return &lane->own;
	struct lane_group *group = idmap_get(&turns->groups, (uint64_t)subscriber);
	if (group)
		return group;
	group = mem_new(struct lane_group);
	group->subscriber = subscriber;
	idmap_put(&turns->groups, (uint64_t)subscriber, group);
	return group;
}

void turns_leave(struct turns *turns, struct lane *lane)
{
	struct lane_group *group = lane->group;
	turns_remove(turns, lane);
	group->in_flight -= (unsigned)lane->in_flight;
	group->lanes--;
	lane->group = &lane->own;
	lane->own.in_flight = (unsigned)lane->in_flight;
	if (group == &lane->own || group->lanes > 0)
		return;
	idmap_remove(&turns->groups, (uint64_t)group->subscriber);
	free(group);
}

void turns_join(struct turns *turns, struct lane *lane)
{
	bool due = lane->ring != NULL;
	if (lane->group->lanes > 0 && lane->group->subscriber == lane->endpoint->meta.subscriber)
		return;
	if (lane->group->lanes > 0)
		turns_leave(turns, lane);
	struct lane_group *group = group_of(turns, lane);
	lane->own.in_flight = 0;
	lane->group = group;
	group->lanes++;
	group->in_flight += (unsigned)lane->in_flight;
	if (due)
		turns_push(turns, lane);
}

/* ---- turns ---- */

/* What the time since then earned. */
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
	return turns->probing.first && turns->credit >= WHOLE && turns->trying < turns->trying_max;
}

/* A blocked group has something in flight, which brings it back when it ends (turns_settle); here those come back for which there is more
 * room again. */
static void unblock(struct turns *turns, unsigned room)
{
	for (int i = 0; i < BLOCKED_LOOKS && turns->blocked.first; i++) {
		struct lane_group *group = turns->blocked.first;
		group_move(group, group->in_flight < room ? &turns->well : &turns->blocked);
	}
}

static struct lane *next_well(struct turns *turns, unsigned room)
{
	struct lane_group *group;
	while ((group = turns->well.first) && group->in_flight >= room)
		group_move(group, &turns->blocked);
	if (!group)
		return NULL;
	group_move(group, &turns->well);
	return group->due.first;
}

struct lane *turns_next(struct turns *turns, unsigned room, int64_t now_ms)
{
	earn(turns, now_ms);
	unblock(turns, room);
	struct lane *lane = may_try(turns) && turns->given % TURNS_PROBES_EVERY == 0 ? turns->probing.first : next_well(turns, room);
	if (!lane && may_try(turns))
		lane = turns->probing.first;
	if (!lane)
		return NULL;
	turns->given++;
	turns_remove(turns, lane);
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
	if (!turns->probing.first || turns->trying >= turns->trying_max)
		return INT64_MAX;
	int64_t lacks_ms = (WHOLE - turns->credit + turns->per_s - 1) / turns->per_s;
	return now_ms + (lacks_ms > TURNS_LOOK_MS ? lacks_ms : TURNS_LOOK_MS);
}
