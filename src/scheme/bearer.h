/* Bearer tokens, for the scheme of that name and for those that take them, too. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_BEARER_H
#define GRAPNEL_SCHEME_BEARER_H

#include "scheme/provider.h"

/* Authorization: Bearer with one of the secrets. */
int bearer_verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result);
int bearer_sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made,
                struct err *err) ATTR_MUST_USE;

#endif
