/* The throttle before the check of passwords: few are checked at once, and failures cost their address and their name the next tries. Each
 * of the two may fail THROTTLE_BURST times in a row, then once in THROTTLE_PEER_MS or THROTTLE_NAME_MS. Any thread. */
#ifndef GRAPNEL_API_THROTTLE_H
#define GRAPNEL_API_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	THROTTLE_AT_ONCE = 2, /* each takes 64 MiB and a core */
	THROTTLE_BURST = 5,
	THROTTLE_PEER_MS = 12 * 1000,
	THROTTLE_NAME_MS = 6 * 1000, /* shorter: one address alone can never lock a name for the others */
	THROTTLE_SOURCES_MAX = 1024
};

/* Who tries: hashes of the address (an IPv6 one by its /64, what one host is given) and of the name. */
struct throttle_source {
	uint64_t peer, name;
};
struct throttle_source throttle_source(const char *peer, struct slice name);

struct throttle;
struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle); /* NULL is allowed */
/* 0: go ahead, and throttle_leave() must follow. Else the seconds to wait. Takes monotonic time. */
int throttle_enter(struct throttle *throttle, struct throttle_source source, int64_t mono_ms);
/* A success forgets the failures of both. */
void throttle_leave(struct throttle *throttle, struct throttle_source source, bool succeeded);

#endif
