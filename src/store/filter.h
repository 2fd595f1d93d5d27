/* Filters of lists and of bulk work, the part that every engine shares: what matches, and a dead-letter filter as JSON text, in
 * which an operation keeps it and shows it. */
#ifndef GRAPNEL_STORE_FILTER_H
#define GRAPNEL_STORE_FILTER_H

#include "store/read.h"

/* Whether what this subscriber has (0: none) is meant by a filter: 0 (any), one subscriber, or FILTER_NOBODY. */
bool filter_takes_owner(int64_t wanted, int64_t subscriber);

/* Whether the fields of the delivery's own row match; and those of its event, which cost a further look-up: only asked when
 * dead_filter_needs_event(). */
bool dead_filter_matches_row(const struct dead_filter *filter, const struct delivery_row *row);
bool dead_filter_needs_event(const struct dead_filter *filter);
bool dead_filter_matches_event(const struct dead_filter *filter, const struct delivery_row *row);

bool event_filter_matches(const struct event_filter *filter, const struct event_row *row);

/* The fields of the delivery's own row; a type is its event's and looked up apart. */
bool delivery_filter_matches_row(const struct delivery_filter *filter, const struct delivery_row *row);
/* What a filter's other members say of its state: it follows from the reason, or contradicts it, and then nothing can match. */
bool delivery_filter_settle(struct delivery_filter *filter) ATTR_MUST_USE;

/* Whether q is found in the text; upper and lower case of ASCII are the same. */
bool filter_finds(struct slice q, struct slice text);
/* Whether q is found in one of the document's strings of these names (separated by spaces). */
bool filter_finds_member(struct slice q, const json_t *doc, const char *names);

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
