/* File descriptors: the limit that the system sets, and how the hub's parts share it. Too few for what is configured must show at
 * the start, as a warning, and not later, as refused connections. */
#ifndef GRAPNEL_DESCRIPTORS_H
#define GRAPNEL_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

struct descriptors {
	unsigned connections; /* of HTTP clients */
	unsigned live;        /* attempts at a time */
	unsigned idle;        /* connections to endpoints that are kept for the next attempt, all workers together */
};

enum { DESCRIPTORS_RESERVED = 64, DESCRIPTORS_PER_THREAD = 8, DESCRIPTORS_SHARE_MIN = 16 };

/* Raises this process's soft limit to the hard one; returns the limit. */
uint64_t descriptors_raise(void);
/* Lowers what is wanted to what fits below the limit, beside a reserve for files, name servers, the admin socket, and for each of
 * so many threads; never below DESCRIPTORS_SHARE_MIN. True: something was lowered. */
bool descriptors_share(uint64_t limit, unsigned threads, struct descriptors *wanted);

#endif
