/* The handshake of CloudEvents' http-webhook binding, for those that speak it. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_CLOUDEVENTS_H
#define GRAPNEL_SCHEME_CLOUDEVENTS_H

#include "scheme/provider.h"

/* Answers OPTIONS: consents to the origin that asks, when it is `allowed` ("*": any), and to its rate, or to `rate` (0: any) a minute. */
void consent(const struct scheme_request *request, struct slice allowed, int64_t rate, struct scheme_result *result);

#endif
