/* The hub's own pause: while there is one, deliveries are made and wait, and the hub sends nothing but what somebody asks for now (tests,
 * drills, the verification of an endpoint). It stands in the database, so it survives a restart; a restored backup begins with it. In
 * memory it is this, under a lock: set by the store, after the commit; any thread may look. */
#ifndef GRAPNEL_MODEL_PAUSE_H
#define GRAPNEL_MODEL_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"

/* Numbers are stored: never changed. */
enum pause_reason { PAUSE_OPERATOR = 1, PAUSE_RESTORE = 2 };

struct pause_view {
	int64_t since_ms; /* wall; 0: it is not paused, and nothing else counts */
	enum pause_reason reason;
	int64_t backup_ms; /* PAUSE_RESTORE: when the last thing in the backup happened */
};

struct pause;
struct pause *pause_new(void); /* not paused */
void pause_free(struct pause *pause); /* NULL is allowed */
void pause_set(struct pause *pause, const struct pause_view *view);
/* NULL is never paused. */
void pause_get(struct pause *pause, struct pause_view *view);
bool pause_on(struct pause *pause);

const char *pause_reason_text(enum pause_reason reason);
/* {"paused", "since", "reason", "backup_at"}; NULL: memory is out. */
json_t *pause_json(const struct pause_view *view) ATTR_MUST_USE;

#endif
