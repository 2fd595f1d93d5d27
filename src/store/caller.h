/* Who asks for a change, on which condition, and as which request: what a change carries beside what it changes. Filled by who
 * posts the change; all it points to is borrowed until the change's fate is known. A change without one is the hub's own.
 *
 * Conditions are those of RFC 9110, 13: If-Match and If-None-Match with entity tags. A tag is made of a thing's id and version, so
 * that it is never that of another thing which later has the same uid. They are judged by the writer, on what is stored then. */
#ifndef GRAPNEL_STORE_CALLER_H
#define GRAPNEL_STORE_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "model/key.h"

enum actor {
	ACTOR_HUB,   /* by itself */
	ACTOR_LOCAL, /* the administrator on this machine */
	ACTOR_KEY,   /* an API key */
	ACTOR_ADMIN, /* who is logged in on the page */
};

enum { TAGS_MAX = 16, TAG_SIZE = 48 };

/* The value of an If-Match or If-None-Match header. Tags stand without quotes. */
struct tag_list {
	bool given;
	bool any; /* "*" */
	unsigned len;
	struct slice tags[TAGS_MAX];
};

/* A request that is to be carried out once; see once.h. */
struct once {
	uint8_t key[16];     /* of its name space and Idempotency-Key */
	uint8_t content[16]; /* of what was asked */
};

struct caller {
	enum actor actor;
	int64_t key;   /* with ACTOR_KEY */
	int64_t admin; /* with ACTOR_ADMIN */
	char name[KEY_NAME_MAX + 1];
	const char *address, *request_id; /* "": none */
	int64_t request; /* the same as a number */
	struct tag_list if_match, if_none_match;
	const struct once *once; /* NULL: as often as it is asked */
};

/* The entity tag of a version, without quotes. */
void tag_of(int64_t id, int64_t version, char out[TAG_SIZE]);
bool tag_list_has(const struct tag_list *list, const char *tag);
/* Whether the conditions hold for the thing as it is (id 0: there is none); PRECONDITION otherwise. `caller` may be NULL. */
int caller_allows(const struct caller *caller, int64_t id, int64_t version, struct err *err) ATTR_MUST_USE;

#endif
