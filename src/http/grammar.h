/* The grammar of a request's head, as strict as RFC 9112 allows: what two parsers could read differently is refused, because a
 * proxy before the hub may have been one of them. Pure functions. */
#ifndef GRAPNEL_HTTP_GRAMMAR_H
#define GRAPNEL_HTTP_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "http/message.h"

enum { HTTP_TARGET_MAX = 8 * 1024, HTTP_HEAD_MAX = 16 * 1024 };

/* The head as the parser hands it over: terminated strings in its own buffer. Header names and values are in the request, not
 * trimmed. */
struct grammar_head {
	const char *method;
	const char *target_at; /* where the target lay; by now its bytes may have been changed there */
	struct slice target;   /* a copy of it; only the length counts when that is over HTTP_TARGET_MAX */
	const char *version;
	size_t headers_seen; /* the request holds at most HTTP_HEADERS_MAX of them */
	size_t bytes;	     /* from the method's first byte to the end of the empty line */
};

/* How the body comes. */
struct grammar_framing {
	bool chunked;
	int64_t length; /* of Content-Length; 0 when there is none */
	bool expects_continue;
};

/* Whether the pieces lie in the buffer one behind the other with nothing but separators between them: else the parser dropped a
 * NUL's tail, joined a folded line, or ended a line at a bare CR or LF. True of libmicrohttpd 0.9, which parses in place. */
bool grammar_contiguous(const struct http_request *request, const struct grammar_head *head);

/* Everything else; trims the values and sets `framing`. The error's code is BAD_REQUEST, METHOD, URI_TOO_LONG or
 * HEADERS_TOO_LARGE. */
int grammar_check(struct http_request *request, const struct grammar_head *head, struct grammar_framing *framing,
		  struct err *err) ATTR_MUST_USE;
/* False when Expect holds anything but 100-continue. */
bool grammar_expect(const struct http_request *request, struct grammar_framing *framing);

#define GRAMMAR_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

#endif
