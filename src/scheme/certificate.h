/* RSA signatures by a provider's certificate, which is pinned in the source's settings or fetched by the hub. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_CERTIFICATE_H
#define GRAPNEL_SCHEME_CERTIFICATE_H

#include "scheme/provider.h"

#define CERTIFICATE_SETTING                                                                                                                \
	{                                                                                                                                  \
		"certificate", "string", false, NULL,                                                                                      \
		    "The provider's certificate in PEM, pinned: then none is fetched, and its dates are not looked at."                    \
	}

/* The setting is a certificate. */
int certificate_check(const struct scheme_source *source, struct err *err);
/* Verifies with the pinned or the fetched certificate; when there is none yet, the result asks for the one at `url`, which the scheme has
 * judged. `name` names the signature for the admin. */
void certificate_verify(const struct scheme_source *source, const struct scheme_request *request, struct slice url, const char *digest,
                        struct slice content, struct slice signature, const char *name, struct scheme_result *result);
/* Whether the URL is https, of a host that `host_good` accepts, without port, user and fragment. *path gets what follows the host. */
bool certificate_url_good(struct slice url, bool (*host_good)(struct slice host), struct slice *path);

#endif
