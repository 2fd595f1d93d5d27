/* Request bodies. */
#include "http/body.h"

#include <stdlib.h>

enum { BODY_FIRST_BYTES = 4096 };

void body_init(struct http_body *body, struct budget *budget, size_t max_bytes)
{
	*body = (struct http_body){.budget = budget, .max_bytes = max_bytes};
}

enum body_fate body_announce(struct http_body *body, size_t bytes)
{
	if (bytes > body->max_bytes)
		return BODY_TOO_LARGE;
	if (!budget_reserve(body->budget, bytes))
		return BODY_NO_MEMORY;
	body->reserved_bytes = bytes;
	return BODY_TAKEN;
}

/* The size for `need` bytes: what was announced, else twice the last one. */
static size_t next_cap(const struct http_body *body, size_t need)
{
	if (need <= body->reserved_bytes)
		return body->reserved_bytes;
	size_t cap = body->cap < BODY_FIRST_BYTES / 2 ? BODY_FIRST_BYTES : body->cap * 2;
	if (cap < need)
		cap = need;
	return cap > body->max_bytes ? body->max_bytes : cap;
}

enum body_fate body_append(struct http_body *body, const char *bytes, size_t len)
{
	if (len > body->max_bytes - body->len)
		return BODY_TOO_LARGE;
	if (len > body->cap - body->len) {
		size_t cap = next_cap(body, body->len + len);
		if (cap > body->reserved_bytes) {
			if (!budget_reserve(body->budget, cap - body->reserved_bytes))
				return BODY_NO_MEMORY;
			body->reserved_bytes = cap;
		}
		char *data = realloc(body->data, cap);
		if (!data)
			return BODY_NO_MEMORY;
		body->data = data;
		body->cap = cap;
	}
	if (len)
		memcpy(body->data + body->len, bytes, len);
	body->len += len;
	return BODY_TAKEN;
}

struct slice body_slice(const struct http_body *body)
{
	return (struct slice){body->data ? body->data : "", body->len};
}

void body_free(struct http_body *body)
{
	free(body->data);
	if (body->reserved_bytes)
		budget_release(body->budget, body->reserved_bytes);
	body_init(body, body->budget, 0);
}
