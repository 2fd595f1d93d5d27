/* What a worker makes of an endpoint once, for those that it sent to last: the keys, unsealed, which are kept for a bounded number of endpoints
 * only; and the URL, parsed, which libcurl would else parse and print for each request. Owned by one thread. */
#ifndef GRAPNEL_DELIVER_SIGNERS_H
#define GRAPNEL_DELIVER_SIGNERS_H

#include <curl/curl.h>

#include "deliver/lru.h"
#include "sign/outgoing.h"

enum { SIGNERS_MAX = 4096 };

struct signers {
	struct lru lru;
	const struct master_key *master;
};

/* Counted by reference: an exchange may outlive the endpoint's version that it was begun with. */
struct prepared {
	unsigned refs;
	int64_t version;
	struct signer *signer;
	CURLU *url;
	char *url_text;
};

/* That of this version of an endpoint and its URL, a reference. NULL and err when a secret cannot be unsealed, or libcurl does not take the URL. */
struct prepared *signers_get(struct signers *signers, const struct endpoint *endpoint, struct err *err) ATTR_MUST_USE;
void prepared_unref(struct prepared *prepared); /* NULL is allowed */
void signers_free(struct signers *signers);

#endif
