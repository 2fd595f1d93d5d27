/* The throttle: for each source the time at which its last try will be forgotten, a step further with every try. A try is counted before it
 * is made, so that many side by side are no way around it. */
#include "api/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/mem.h"

struct count {
	uint64_t source;
	int64_t until_ms; /* before that time its tries count */
};

struct throttle {
	pthread_mutex_t mutex;
	/* under the mutex */
	unsigned running;
	struct count counts[THROTTLE_SOURCES_MAX];
};

/* One kind of source and another never hash alike. */
static uint64_t source_hash(char kind, const void *bytes, size_t len)
{
	uint8_t text[64] = {(uint8_t)kind};
	uint64_t hash = idmap_hash(bytes, len);
	memcpy(text + 1, &hash, sizeof hash);
	return idmap_hash(text, 1 + sizeof hash);
}

struct throttle_source throttle_source(const char *peer, struct slice name)
{
	enum { PREFIX_BYTES = 8 };
	struct in6_addr six;
	bool is_six = inet_pton(AF_INET6, peer, &six) == 1;
	return (struct throttle_source){
	    .peer = is_six ? source_hash('6', &six, PREFIX_BYTES) : source_hash('4', peer, strlen(peer)),
	    .name = source_hash('n', name.at, name.len),
	};
}

struct throttle *throttle_new(void)
{
	struct throttle *throttle = mem_new(struct throttle);
	pthread_mutex_init(&throttle->mutex, NULL);
	return throttle;
}

void throttle_free(struct throttle *throttle)
{
	if (!throttle)
		return;
	pthread_mutex_destroy(&throttle->mutex);
	free(throttle);
}

/* The source's count, or a place for it that nobody needs any more. NULL: there is none, which takes more tries in one window than are ever
 * let through. */
static struct count *count_of(struct throttle *throttle, uint64_t source, int64_t now_ms)
{
	struct count *place = NULL;
	for (struct count *count = throttle->counts; count < throttle->counts + THROTTLE_SOURCES_MAX; count++) {
		bool known = count->source == source;
		if (known || (!place && count->until_ms < now_ms))
			place = count;
		if (known)
			break;
	}
	/* As if just used: the other source of the same try does not take this place. */
	if (place && place->until_ms < now_ms)
		*place = (struct count){.source = source, .until_ms = now_ms};
	return place;
}

/* How long until a try of this source is allowed; 0: now. */
static int64_t wait_ms(const struct count *count, int64_t now_ms, int64_t step_ms)
{
	if (!count)
		return step_ms;
	int64_t ahead_ms = count->until_ms - now_ms - (THROTTLE_BURST - 1) * step_ms;
	return ahead_ms > 0 ? ahead_ms : 0;
}

static void count_try(struct count *count, int64_t now_ms, int64_t step_ms)
{
	count->until_ms = (count->until_ms > now_ms ? count->until_ms : now_ms) + step_ms;
}

int throttle_enter(struct throttle *throttle, struct throttle_source source, int64_t now_ms)
{
	int64_t wait = 0;
	pthread_mutex_lock(&throttle->mutex);
	struct count *peer = count_of(throttle, source.peer, now_ms);
	struct count *name = count_of(throttle, source.name, now_ms);
	int64_t peer_ms = wait_ms(peer, now_ms, THROTTLE_PEER_MS), name_ms = wait_ms(name, now_ms, THROTTLE_NAME_MS);
	wait = peer_ms > name_ms ? peer_ms : name_ms;
	if (wait == 0 && throttle->running == THROTTLE_AT_ONCE)
		wait = 1;
	if (wait == 0) {
		count_try(peer, now_ms, THROTTLE_PEER_MS);
		count_try(name, now_ms, THROTTLE_NAME_MS);
		throttle->running++;
	}
	pthread_mutex_unlock(&throttle->mutex);
	return (int)((wait + 999) / 1000);
}

void throttle_leave(struct throttle *throttle, struct throttle_source source, bool succeeded)
{
	pthread_mutex_lock(&throttle->mutex);
	throttle->running--;
	for (struct count *count = throttle->counts; succeeded && count < throttle->counts + THROTTLE_SOURCES_MAX; count++)
		if (count->source == source.peer || count->source == source.name)
			*count = (struct count){.source = 0};
	pthread_mutex_unlock(&throttle->mutex);
}
