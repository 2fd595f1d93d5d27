/* Routes: matches a method and path against a table of patterns such as "/v1/endpoints/{id}/pause". A fixed segment goes before
 * a parameter. */
#ifndef GRAPNEL_HTTP_ROUTER_H
#define GRAPNEL_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

enum { ROUTE_PARAMS_MAX = 2 };

struct route_pattern {
	const char *method; /* "GET" serves HEAD too */
	const char *path;
};

struct router;
/* `patterns[i]` stays the caller's. */
struct router *router_new(const struct route_pattern *patterns, size_t len);
void router_free(struct router *router);

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
/* Thread-safe. `index` of the pattern and the encoded parameters; with ROUTE_NO_METHOD `allow` gets the value of Allow. */
enum route_found router_find(const struct router *router, struct slice method, struct slice path, size_t *index,
                             struct slice params[ROUTE_PARAMS_MAX], char *allow, size_t allow_size);

#endif
