/* Standard Webhooks, incoming: for the scheme of that name, and for providers that sign so, too. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_STANDARD_H
#define GRAPNEL_SCHEME_STANDARD_H

#include "scheme/provider.h"

int standard_verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result);
int standard_sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made,
                  struct err *err) ATTR_MUST_USE;
/* Whether the secret is "whsec_…" or "whpk_…", well-formed; errors name `pointer`. */
int standard_check_secret(struct slice secret, const char *pointer, struct err *err) ATTR_MUST_USE;

#endif
