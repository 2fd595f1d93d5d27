/* URIs of any scheme (RFC 3986), as names of things; those that are delivered to are model/url.h's. Pure functions. */
#ifndef GRAPNEL_MODEL_URI_H
#define GRAPNEL_MODEL_URI_H

#include <stdbool.h>

#include "base/slice.h"

/* A URI or a relative reference (RFC 3986, 4.1) that is not empty. */
bool uri_is_reference(struct slice text);
/* It has a scheme. */
bool uri_is_absolute(struct slice text);

#endif
