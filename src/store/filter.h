/* Filters of lists and of bulk work, the part that every engine shares: what matches, and a dead-letter filter as JSON text, in
 * which an operation keeps it and shows it. */
#ifndef GRAPNEL_STORE_FILTER_H
#define GRAPNEL_STORE_FILTER_H

#include "store/read.h"

/* Whether the fields of the delivery's own row match; and those of its event, which cost a further look-up: only asked when
 * dead_filter_needs_event(). */
bool dead_filter_matches_row(const struct dead_filter *filter, const struct delivery_row *row);
bool dead_filter_needs_event(const struct dead_filter *filter);
bool dead_filter_matches_event(const struct dead_filter *filter, const struct delivery_row *row);

bool event_filter_matches(const struct event_filter *filter, const struct event_row *row);

/* malloc; NULL when memory is out. */
char *dead_filter_text(const struct dead_filter *filter);

/* A filter read back: what it borrows is in `doc` and `ids`. */
struct dead_filter_copy {
	struct dead_filter filter;
	json_t *doc;
	int64_t *ids;
};
int dead_filter_read(struct slice text, struct dead_filter_copy *copy) ATTR_MUST_USE;
void dead_filter_clear(struct dead_filter_copy *copy);

#endif
