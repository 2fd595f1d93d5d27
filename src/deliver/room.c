/* Jobs that wait for memory. The part of the budget that is never given here is left to what comes in. */
#include "deliver/room.h"

#include "base/attr.h"

static enum room_class class_of(size_t bytes)
{
	return bytes <= ROOM_SMALL_BYTES ? ROOM_SMALL : ROOM_LARGE;
}

static bool fits(const struct room *room, size_t bytes)
{
	if (!room->budget || bytes == 0 || room->inside[class_of(bytes)] == 0)
		return true;
	size_t limit = room->budget->limit_bytes;
	return budget_fits(room->budget, bytes, class_of(bytes) == ROOM_SMALL ? limit / 4 * 3 : limit / 2);
}

bool room_has(const struct room *room, size_t bytes)
{
	return bytes == 0 || (!room->waiting[class_of(bytes)].first && fits(room, bytes));
}

void room_enter(struct room *room, struct job *job)
{
	job->in_room = job->room_bytes > 0;
	if (job->in_room)
		room->inside[class_of(job->room_bytes)]++;
}

void room_leave(struct room *room, struct job *job)
{
	if (job->in_room)
		room->inside[class_of(job->room_bytes)]--;
	job->in_room = false;
}

void room_park(struct room *room, struct job *job)
{
	struct room_queue *queue = &room->waiting[class_of(job->room_bytes)];
	job->to_worker.next = NULL;
	*(queue->first ? &queue->last->next : &queue->first) = &job->to_worker;
	queue->last = &job->to_worker;
}

struct job *room_next(struct room *room, bool all)
{
	for (int i = 0; i < ROOM_CLASSES; i++) {
		struct room_queue *queue = &room->waiting[i];
		struct job *job = queue->first ? CONTAINER_OF(queue->first, struct job, to_worker) : NULL;
		if (job && (all || fits(room, job->room_bytes))) {
			queue->first = queue->first->next;
			return job;
		}
	}
	return NULL;
}

bool room_awaited(const struct room *room)
{
	return room->waiting[ROOM_SMALL].first || room->waiting[ROOM_LARGE].first;
}
