/* RFC 9457 problems: the one place where errors become HTTP.
 *   {"type": "about:blank", "title": …, "status": 422, "code": "invalid", "detail": …, "errors": [{"pointer": "/url", "detail": …}],
 *    "request_id": …}   Content-Type: application/problem+json */
#ifndef GRAPNEL_HTTP_PROBLEM_H
#define GRAPNEL_HTTP_PROBLEM_H

#include "base/err.h"
#include "http/message.h"

/* Replaces what the response held. UNAVAILABLE, STORAGE and IN_PROGRESS get Retry-After, UNAUTHENTICATED WWW-Authenticate: Bearer. */
void problem_respond(struct http_response *response, const struct err *err, const char *request_id);
/* The same of a code and a sentence. */
void problem_say(struct http_response *response, enum err_code code, const char *request_id, const char *why);

#endif
