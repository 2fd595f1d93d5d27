/* What herald.c and toll.c share. */
#ifndef GRAPNEL_STORE_HERALD_PRIVATE_H
#define GRAPNEL_STORE_HERALD_PRIVATE_H

#include "base/heap.h"
#include "base/idmap.h"
#include "store/herald.h"

/* Noted in the open transaction. */
struct fact {
	struct event *event; /* for the operator; a reference */
	struct event *outside; /* what the subscriber is told instead; a reference, or NULL: the same */
	int64_t subscriber;  /* whose endpoint it is about; 0: nobody's */
	int64_t endpoint;    /* that is not told; 0: none */
};

/* Deaths at one endpoint in the open transaction, by reason. */
struct toll {
	int64_t endpoint;
	bool listens; /* deaths of operational events may be among them */
	bool tell;    /* now; otherwise it is counted in rows */
	struct toll_part parts[REASONS];
};

/* An endpoint whose deaths were told of: not again before the node's time. */
struct told {
	struct heap_node node; /* by when its interval is over, monotonic */
	int64_t endpoint;
	bool waits; /* there are rows */
};

struct herald {
	struct store_operational config;
	const struct clock *clock;
	struct index *index;
	struct source_table *sources;
	/* of the open transaction */
	struct fact *facts;
	size_t facts_len, facts_cap;
	struct idmap tolls; /* endpoint → struct toll * */
	/* over transactions */
	struct idmap told; /* endpoint → struct told * */
	struct heap told_due;
	struct idmap streaks; /* source → struct streak * */
	bool fresh;           /* the open transaction tells of one */
	unsigned published;   /* events, in the open transaction */
};

/* Takes `data`. `about`: the id that becomes the event's subject. */
void herald_note(struct tx *tx, enum operational what, const char *about, json_t *data, int64_t subscriber, int64_t endpoint);
/* {"id", "uid", "subscriber"}; `endpoint` NULL: it is deleted. */
json_t *herald_endpoint_json(const struct herald *herald, int64_t id, const struct endpoint *endpoint, int64_t subscriber);
json_t *herald_time(int64_t wall_ms);

/* toll.c */
int tolls_load(struct tx *tx) ATTR_MUST_USE;
/* Tells of what may be told now, counts the rest. */
int tolls_publish(struct tx *tx) ATTR_MUST_USE;
void tolls_end(struct herald *herald, bool committed);
void tolls_free(struct herald *herald);

#endif
