/* Finds the known name that an unknown one was probably meant to be. Plain memory; offer every known name in turn. */
#ifndef GRAPNEL_CONF_NEAREST_H
#define GRAPNEL_CONF_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct nearest {
	struct slice unknown;
	size_t distance; /* of the best so far; at first, what no longer counts as near */
};

struct nearest nearest_to(struct slice unknown);
/* True when this name is nearer than all before. */
bool nearest_offer(struct nearest *nearest, const char *known);

#endif
