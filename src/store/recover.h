/* What an endpoint is sent again, the part that every engine shares: what is selected, and the filter as JSON text, in which an
 * operation keeps it and shows it. */
#ifndef GRAPNEL_STORE_RECOVER_H
#define GRAPNEL_STORE_RECOVER_H

#include "store/read.h"

/* Whether events of this time and type are meant at all. */
bool recover_selects(const struct recover_filter *filter, int64_t time_ms, struct slice type);
/* Whether the endpoint would get such an event, were it published now. */
bool recover_reaches(const struct recover_filter *filter, enum event_reach reach, int64_t subscriber, struct slice type);
/* What a delivery in this state is counted as; 0: it is not meant. */
unsigned recover_state_of(const struct recover_filter *filter, enum delivery_state state);

/* malloc; NULL when memory is out. */
char *recover_filter_text(const struct recover_filter *filter);

/* A filter read back: what it borrows is in `doc` and `texts`. */
struct recover_filter_copy {
	struct recover_filter filter;
	json_t *doc;
	const char **texts;
};
int recover_filter_read(struct slice text, struct recover_filter_copy *copy) ATTR_MUST_USE;
void recover_filter_clear(struct recover_filter_copy *copy);

#endif
