/* The session's cookie, and what a browser says about where a request comes from: a cookie is sent along whoever made the browser send the
 * request, so what changes something must also show the session's CSRF token and come from the page itself. Private to api/. */
#ifndef GRAPNEL_API_COOKIE_H
#define GRAPNEL_API_COOKIE_H

#include "api/session.h"
#include "base/err.h"
#include "http/message.h"

/* The text of the session's cookie; {NULL, 0}: there is none. */
struct slice cookie_token(const struct http_request *request);
/* Refuses what a browser sent for another site's page. */
int cookie_same_site(const struct http_request *request, struct err *err) ATTR_MUST_USE;
/* Refuses a request that would change something, unless it comes from the page of this session. */
int cookie_check(const struct http_request *request, const struct session *session, struct err *err) ATTR_MUST_USE;
/* Sets the cookie; lifetime 0: takes it away. */
void cookie_set(const struct http_request *request, struct http_response *response, const char *token, int64_t lifetime_ms);

#endif
