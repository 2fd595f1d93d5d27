/* Progress of long work, on the standard error: a bar on a terminal, plain lines elsewhere (one each tenth of the way, or every few seconds
 * when the end is not known). Owned by one thread. */
#ifndef GRAPNEL_CLI_PROGRESS_H
#define GRAPNEL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct progress {
	const struct clock *clock;
	const char *what; /* "retried", "sent": stands behind the number */
	int64_t total;    /* 0: not known */
	bool bar;
	bool drawn;
	int64_t drawn_us; /* when it was drawn last */
	int64_t tenth;    /* of the last line */
};

void progress_begin(struct progress *progress, const struct clock *clock, const char *what, int64_t total);
void progress_show(struct progress *progress, int64_t done);
/* Takes the bar away: what follows begins at the line's begin. */
void progress_clear(struct progress *progress);

#endif
