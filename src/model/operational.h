/* Operational events: what the hub publishes about itself. */
#ifndef GRAPNEL_MODEL_OPERATIONAL_H
#define GRAPNEL_MODEL_OPERATIONAL_H

#include <stdbool.h>

#include <jansson.h>

#include "base/slice.h"
#include "model/endpoint.h"

enum operational {
#define OPERATIONAL(name, type, description, example) OPERATIONAL_##name,
#include "model/operational.def"
#undef OPERATIONAL
	OPERATIONALS
};

const char *operational_type(enum operational what);
/* As of an event type that somebody described: {"description", "owner", "example"}. NULL: memory is out. */
json_t *operational_doc(enum operational what);
/* Whether one of its patterns is for types of the hub's own. */
bool endpoint_listens(const struct endpoint *endpoint);

#endif
