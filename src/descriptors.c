/* Sharing out the file descriptors. */
#include "descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"

uint64_t descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		log_fatal("hub", "the limit of file descriptors cannot be read: %s", strerror(errno));
	struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
	if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0)
		limit = raised;
	return limit.rlim_cur;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static unsigned share(uint64_t wanted, uint64_t room)
{
	if (room < DESCRIPTORS_SHARE_MIN)
		room = DESCRIPTORS_SHARE_MIN;
	return (unsigned)least(wanted, room);
}

/* Idle connections give way first, to an eighth: they only save time. Clients and attempts get a half each, or what the other
 * leaves of it. */
bool descriptors_share(uint64_t limit, unsigned threads, struct descriptors *wanted)
{
	const struct descriptors before = *wanted;
	uint64_t reserve = DESCRIPTORS_RESERVED + (uint64_t)threads * DESCRIPTORS_PER_THREAD;
	uint64_t room = limit > reserve ? limit - reserve : 0;
	uint64_t busy = (uint64_t)before.connections + before.live;
	if (busy + before.idle <= room)
		return false;
	wanted->idle = share(before.idle, busy < room && room - busy > room / 8 ? room - busy : room / 8);
	room -= least(room, wanted->idle);
	uint64_t half = room / 2;
	wanted->connections = share(before.connections, before.live < half ? room - before.live : half);
	wanted->live = share(before.live, before.connections < half ? room - before.connections : half);
	return wanted->connections < before.connections || wanted->live < before.live || wanted->idle < before.idle;
}
