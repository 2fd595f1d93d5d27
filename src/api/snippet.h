/* Code that verifies what an endpoint is sent: what a drill gives to who has to mend a receiver. Made for the endpoint's own signing
 * settings, without its secret. */
#ifndef GRAPNEL_API_SNIPPET_H
#define GRAPNEL_API_SNIPPET_H

#include <jansson.h>

#include "model/endpoint.h"

/* {"python", "node", "go": functions to put in front of the receiver; "curl": a request that the mended receiver refuses}. NULL: memory is
 * out. */
json_t *snippets_json(const struct endpoint *endpoint);

#endif
