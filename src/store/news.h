/* News: what a transaction changed that others must hear of. It is collected while the transaction runs and told after its
 * commit: index and keyring first, then the listener. Dropped when the transaction fails. Owned by the writer's thread. */
#ifndef GRAPNEL_STORE_NEWS_H
#define GRAPNEL_STORE_NEWS_H

#include "store/store.h"

struct news_item;

struct news {
	struct news_item *items;
	size_t len;
	size_t cap;
	int64_t event; /* the last event that was published; 0: none */
};

void news_endpoint(struct news *news, struct endpoint *endpoint); /* takes the reference over */
void news_subscriber(struct news *news, int64_t id, const char *uid);
void news_subscriber_gone(struct news *news, int64_t id);
void news_key(struct news *news, const struct key *key);
void news_key_gone(struct news *news, int64_t id);
void news_source(struct news *news, struct source *source); /* takes the reference over */
void news_source_gone(struct news *news, int64_t id);
void news_event(struct news *news, int64_t id); /* was published */
void news_deliveries(struct news *news, struct store_deliveries *made); /* takes it over */
/* Somebody wants this sent now: see store_listener. */
void news_urged(struct news *news, const struct due *due);
void news_pause(struct news *news, const struct pause_view *view); /* of the hub */
/* Rows of this endpoint became due in the outbox. */
void news_due(struct news *news, int64_t endpoint, int64_t due_ms);

/* Forgets everything after the first `len` items (0: all). */
void news_drop(struct news *news, size_t len);
/* Tells everything and forgets it. */
void news_tell(struct news *news, const struct store_config *config);
void news_free(struct news *news);

#endif
