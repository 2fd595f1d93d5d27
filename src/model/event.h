/* An event: an immutable fact with the payload's exact bytes. One allocation holds the structure and all its bytes; it is
 * counted by reference and shared by the writer, the scheduler and the workers without locks. */
#ifndef GRAPNEL_MODEL_EVENT_H
#define GRAPNEL_MODEL_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/slice.h"

enum { EVENT_TYPE_MAX = 255, EVENT_UID_MAX = 255, EVENT_SUBJECT_MAX = 1024, EVENT_ORDERING_KEY_MAX = 255, EVENT_ATTRIBUTES_MAX = 65536 };

/* Whom an event was for when it was published. The numbers are stored. */
enum event_reach {
	EVENT_REACH_OWN = -1, /* the endpoints of its subscriber; without one those that have none */
	EVENT_REACH_ONE = 0,  /* one endpoint alone, whatever its types */
	EVENT_REACH_ALL = 1,
};

/* What an event is made of. Absent slices are {NULL, 0}. */
struct event_fields {
	int64_t subscriber; /* 0: none */
	int64_t source;     /* 0: the API */
	int64_t time_ms;    /* wall time of receipt */
	int64_t deliver_at_ms; /* 0: at once */
	int64_t expires_at_ms; /* 0: never */
	int64_t request;       /* that published it; 0: the hub itself, or not known */
	struct slice type;
	struct slice uid;
	struct slice subject;
	struct slice ordering_key;
	struct slice attributes; /* the bytes of a JSON object */
	struct slice context;    /* of one that came as a CloudEvent: all its attributes, a JSON object (model/context.h) */
	struct slice content_type;
	struct slice traceparent;
	struct slice tracestate;
	struct slice data;
};

struct event {
	/* persistent; id is 0 until the writer allots it */
	int64_t id;
	struct event_fields f; /* its slices point into `bytes` */
	/* in memory */
	atomic_int refs;
	size_t charged_bytes;
	struct budget *budget;
	char bytes[];
};

/* What an event of these fields takes in memory; SIZE_MAX: more than there can be. */
size_t event_bytes(const struct event_fields *fields);
/* Copies all fields. Charges its size to `budget` (may be NULL) even over the limit: the caller reserved the request's bytes
 * before. NULL when memory is out. One reference. */
struct event *event_new(const struct event_fields *fields, struct budget *budget) ATTR_MUST_USE;
struct event *event_ref(struct event *event);
void event_unref(struct event *event); /* NULL is allowed */

/* The grammar of types: 1–255 of [A-Za-z0-9_.:/-], segments by '.', none empty. Types that begin with "grapnel." (or are
 * "grapnel") are the hub's own and refused with a message that says so. Errors name `pointer`. */
int event_type_check(struct slice type, const char *pointer, struct err *err) ATTR_MUST_USE;
/* The same, but the hub's own types pass. */
int event_type_grammar(struct slice type, const char *pointer, struct err *err) ATTR_MUST_USE;
/* Whether a type or pattern is the hub's own: begins with "grapnel.". */
bool event_type_reserved(struct slice type);
/* A caller's own uid (of anything): 1–255 bytes of printable ASCII without space, '/', '?', '#' and '%', not shaped like an id
 * of ours. */
int uid_check(struct slice uid, const char *pointer, struct err *err) ATTR_MUST_USE;
/* W3C trace context, https://www.w3.org/TR/trace-context/ : see the rules in the .c file. */
int event_traceparent_check(struct slice traceparent) ATTR_MUST_USE;

#endif
