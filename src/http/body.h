/* A request's body on its way in: bounded by the route's cap, reserved in the memory budget before it is taken. Owned by one
 * thread. */
#ifndef GRAPNEL_HTTP_BODY_H
#define GRAPNEL_HTTP_BODY_H

#include "base/attr.h"
#include "base/budget.h"
#include "base/slice.h"

struct http_body {
	struct budget *budget;
	size_t max_bytes;
	size_t reserved_bytes; /* invariant: cap <= reserved_bytes */
	char *data;
	size_t len;
	size_t cap;
};

enum body_fate { BODY_TAKEN, BODY_TOO_LARGE, BODY_NO_MEMORY };

void body_init(struct http_body *body, struct budget *budget, size_t max_bytes);
/* Reserves a length that was announced, all at once; memory follows with the first byte. */
enum body_fate body_announce(struct http_body *body, size_t bytes) ATTR_MUST_USE;
enum body_fate body_append(struct http_body *body, const char *bytes, size_t len) ATTR_MUST_USE;
struct slice body_slice(const struct http_body *body); /* never absent */
/* Gives memory and reservation back; the body is empty and takes nothing more. */
void body_free(struct http_body *body);

#endif
