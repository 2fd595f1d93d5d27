/* The signers of the endpoints that a worker sent to last: unsealed keys are kept for a bounded number of endpoints only. Owned by one
 * thread. */
#ifndef GRAPNEL_DELIVER_SIGNERS_H
#define GRAPNEL_DELIVER_SIGNERS_H

#include "deliver/lru.h"
#include "sign/outgoing.h"

enum { SIGNERS_MAX = 4096 };

struct signers {
	struct lru lru;
	const struct master_key *master;
};

/* The signer of this version of an endpoint; borrowed until the next call. NULL and err when a secret cannot be unsealed. */
struct signer *signers_get(struct signers *signers, const struct endpoint *endpoint, struct err *err) ATTR_MUST_USE;
void signers_free(struct signers *signers);

#endif
