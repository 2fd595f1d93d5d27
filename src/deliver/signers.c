/* The cache of what is prepared, by endpoint; a changed endpoint (another version) is prepared anew. */
#include "deliver/signers.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"

struct known {
	struct lru_node node;
	struct prepared *prepared;
};

void prepared_unref(struct prepared *prepared)
{
	if (!prepared || --prepared->refs > 0)
		return;
	signer_free(prepared->signer);
	curl_url_cleanup(prepared->url);
	free(prepared->url_text);
	free(prepared);
}

static struct prepared *prepare(const struct endpoint *endpoint, const struct master_key *master, struct err *err)
{
	struct prepared *prepared = mem_new(struct prepared);
	prepared->refs = 1;
	prepared->version = endpoint->meta.version;
	prepared->signer = signer_new(endpoint, master, err);
	prepared->url = curl_url();
	prepared->url_text = mem_text(endpoint->url);
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	if (prepared->url)
		code = curl_url_set(prepared->url, CURLUPART_URL, endpoint->url, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER);
	if (prepared->signer && code == CURLUE_OK)
		return prepared;
	if (prepared->signer)
		err_set(err, ERR_INTERNAL, "libcurl does not take the URL: %s", curl_url_strerror(code));
	prepared_unref(prepared);
	return NULL;
}

static void forget(struct signers *signers, struct lru_node *node)
{
	struct known *known = CONTAINER_OF(node, struct known, node);
	lru_remove(&signers->lru, node);
	prepared_unref(known->prepared);
	free(known);
}

struct prepared *signers_get(struct signers *signers, const struct endpoint *endpoint, struct err *err)
{
	struct lru_node *node = lru_get(&signers->lru, (uint64_t)endpoint->meta.id);
	if (node) {
		struct prepared *prepared = CONTAINER_OF(node, struct known, node)->prepared;
		if (prepared->version == endpoint->meta.version && strcmp(prepared->url_text, endpoint->url) == 0) {
			prepared->refs++;
			return prepared;
		}
		forget(signers, node);
	}
	struct prepared *prepared = prepare(endpoint, signers->master, err);
	if (!prepared)
		return NULL;
	if (signers->lru.map.len >= SIGNERS_MAX)
		forget(signers, signers->lru.oldest);
	struct known *known = mem_new(struct known);
	known->prepared = prepared;
	lru_put(&signers->lru, &known->node, (uint64_t)endpoint->meta.id);
	prepared->refs++;
	return prepared;
}

void signers_free(struct signers *signers)
{
	while (signers->lru.oldest)
		forget(signers, signers->lru.oldest);
	lru_free(&signers->lru);
}
