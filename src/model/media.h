/* Media types (RFC 2046, 5; RFC 9110, 8.3.1), as Content-Type has them. Pure functions. */
#ifndef GRAPNEL_MODEL_MEDIA_H
#define GRAPNEL_MODEL_MEDIA_H

#include <stdbool.h>

#include "base/slice.h"

enum { MEDIA_TYPE_MAX = 1024 };

/* type/subtype of tokens, whatever parameters of printable ASCII follow behind ';'. */
bool media_type_good(struct slice text);
/* Whether it declares JSON: the subtype is json or ends in +json, whatever the case and the parameters. */
bool media_type_is_json(struct slice text);

#endif
