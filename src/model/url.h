/* The URL of an endpoint: absolute, http or https, without userinfo and fragment, its host in one unmistakable form. Which
 * addresses may be delivered to is decided elsewhere (deliver/egress.h). */
#ifndef GRAPNEL_MODEL_URL_H
#define GRAPNEL_MODEL_URL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

enum { URL_HOST_MAX = 253 };

struct url {
	bool https;
	int port;
	char host[URL_HOST_MAX + 1]; /* lower case; IPv6 without brackets */
};

/* Errors name `pointer` and the part that is wrong. */
int url_parse(struct slice text, const char *pointer, struct url *url, struct err *err) ATTR_MUST_USE;

#endif
