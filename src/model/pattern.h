/* Type patterns: exact (`order.created`), `order.*` (exactly one further segment), `order.**` (one or more further segments); a
 * lone `*` or `**` is every type but the hub's own. Wildcards stand only as the whole last segment. Types that begin
 * with `grapnel.` are matched only by patterns that begin so. */
#ifndef GRAPNEL_MODEL_PATTERN_H
#define GRAPNEL_MODEL_PATTERN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

/* Whether it is a good pattern; errors name `pointer`. */
int pattern_check(struct slice pattern, const char *pointer, struct err *err) ATTR_MUST_USE;

bool pattern_matches(struct slice pattern, struct slice type);

#endif
