/* The cache of signers, by endpoint; a changed endpoint (another version) gets a new one. */
#include "deliver/signers.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"

struct known {
	struct lru_node node;
	int64_t version;
	struct signer *signer;
};

static void forget(struct signers *signers, struct lru_node *node)
{
	struct known *known = CONTAINER_OF(node, struct known, node);
	lru_remove(&signers->lru, node);
	signer_free(known->signer);
	free(known);
}

struct signer *signers_get(struct signers *signers, const struct endpoint *endpoint, struct err *err)
{
	struct lru_node *node = lru_get(&signers->lru, (uint64_t)endpoint->meta.id);
	if (node) {
		struct known *known = CONTAINER_OF(node, struct known, node);
		if (known->version == endpoint->meta.version)
			return known->signer;
		forget(signers, node);
	}
	struct signer *signer = signer_new(endpoint, signers->master, err);
	if (!signer)
		return NULL;
	if (signers->lru.map.len >= SIGNERS_MAX)
		forget(signers, signers->lru.oldest);
	struct known *known = mem_new(struct known);
	known->version = endpoint->meta.version;
	known->signer = signer;
	lru_put(&signers->lru, &known->node, (uint64_t)endpoint->meta.id);
	return signer;
}

void signers_free(struct signers *signers)
{
	while (signers->lru.oldest)
		forget(signers, signers->lru.oldest);
	lru_free(&signers->lru);
}
