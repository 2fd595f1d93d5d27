/* News of a transaction: a growing array that keeps its memory from one transaction to the next. */
#include "store/news.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum news_kind { NEWS_ENDPOINT, NEWS_SUBSCRIBER, NEWS_SUBSCRIBER_GONE, NEWS_KEY, NEWS_KEY_GONE, NEWS_SOURCE, NEWS_SOURCE_GONE, NEWS_DELIVERIES, NEWS_DUE, NEWS_URGED, NEWS_PAUSE };

struct news_item {
	enum news_kind kind;
	int64_t id;
	int64_t due_ms;
	union {
		struct endpoint *endpoint;
		struct store_deliveries *made;
		struct key *key;
		struct source *source;
		char *uid;
		struct due due;
		struct pause_view pause;
	} u;
};

static struct news_item *add(struct news *news, enum news_kind kind, int64_t id)
{
	if (!news->items || news->len == news->cap) {
		size_t cap = news->cap ? news->cap * 2 : 64;
		struct news_item *items = realloc(news->items, cap * sizeof *items);
		if (!items)
			log_fatal("store", "memory is out");
		news->items = items;
		news->cap = cap;
	}
	struct news_item *item = &news->items[news->len++];
	*item = (struct news_item){.kind = kind, .id = id};
	return item;
}

void news_endpoint(struct news *news, struct endpoint *endpoint)
{
	add(news, NEWS_ENDPOINT, endpoint->meta.id)->u.endpoint = endpoint;
}

void news_subscriber(struct news *news, int64_t id, const char *uid)
{
	add(news, NEWS_SUBSCRIBER, id)->u.uid = uid ? mem_text(uid) : NULL;
}

void news_subscriber_gone(struct news *news, int64_t id)
{
	add(news, NEWS_SUBSCRIBER_GONE, id);
}

void news_key(struct news *news, const struct key *key)
{
	struct key *copy = mem_new(struct key);
	*copy = *key;
	add(news, NEWS_KEY, key->id)->u.key = copy;
}

void news_key_gone(struct news *news, int64_t id)
{
	add(news, NEWS_KEY_GONE, id);
}

void news_source(struct news *news, struct source *source)
{
	add(news, NEWS_SOURCE, source->meta.id)->u.source = source;
}

void news_source_gone(struct news *news, int64_t id)
{
	add(news, NEWS_SOURCE_GONE, id);
}

void news_event(struct news *news, int64_t id)
{
	news->event = id;
}

void news_deliveries(struct news *news, struct store_deliveries *made)
{
	add(news, NEWS_DELIVERIES, 0)->u.made = made;
}

void news_due(struct news *news, int64_t endpoint, int64_t due_ms)
{
	struct news_item *last = news->len > 0 ? &news->items[news->len - 1] : NULL;
	if (!last || last->kind != NEWS_DUE || last->id != endpoint)
		add(news, NEWS_DUE, endpoint)->due_ms = due_ms;
	else if (due_ms < last->due_ms)
		last->due_ms = due_ms;
}

void news_urged(struct news *news, const struct due *due)
{
	add(news, NEWS_URGED, due->endpoint)->u.due = *due;
}

void news_pause(struct news *news, const struct pause_view *view)
{
	add(news, NEWS_PAUSE, 0)->u.pause = *view;
}

static void release(struct news_item *item)
{
	switch (item->kind) {
	case NEWS_ENDPOINT:
		endpoint_unref(item->u.endpoint);
		break;
	case NEWS_DELIVERIES:
		if (item->u.made) {
			event_unref(item->u.made->event);
			free(item->u.made);
		}
		break;
	case NEWS_KEY:
		free(item->u.key);
		break;
	case NEWS_SUBSCRIBER:
		free(item->u.uid);
		break;
	case NEWS_SOURCE:
		source_unref(item->u.source);
		break;
	case NEWS_SUBSCRIBER_GONE:
	case NEWS_SOURCE_GONE:
	case NEWS_KEY_GONE:
	case NEWS_DUE:
	case NEWS_URGED:
	case NEWS_PAUSE:
		break;
	}
}

void news_drop(struct news *news, size_t len)
{
	while (news->len > len)
		release(&news->items[--news->len]);
	if (len == 0)
		news->event = 0;
}

static void keep_memory_true(const struct news_item *item, const struct store_config *config)
{
	struct index *index = config->index;
	switch (item->kind) {
	case NEWS_ENDPOINT:
		index_put_endpoint(index, item->u.endpoint);
		break;
	case NEWS_SUBSCRIBER:
		index_put_subscriber(index, item->id, item->u.uid);
		break;
	case NEWS_SUBSCRIBER_GONE:
		index_remove_subscriber(index, item->id);
		break;
	case NEWS_KEY:
		keyring_put(config->keyring, item->u.key);
		break;
	case NEWS_KEY_GONE:
		keyring_remove(config->keyring, item->id);
		break;
	case NEWS_SOURCE:
		if (config->sources)
			source_table_put(config->sources, item->u.source);
		break;
	case NEWS_SOURCE_GONE:
		if (config->sources)
			source_table_remove(config->sources, item->id);
		break;
	case NEWS_PAUSE:
		if (config->pause)
			pause_set(config->pause, &item->u.pause);
		break;
	case NEWS_DELIVERIES:
	case NEWS_DUE:
	case NEWS_URGED:
		break;
	}
}

static void tell_listener(struct news_item *item, const struct store_listener *listener)
{
	if (item->kind == NEWS_ENDPOINT && listener->endpoint)
		listener->endpoint(listener->context, item->u.endpoint);
	if (item->kind == NEWS_DUE && listener->due)
		listener->due(listener->context, item->id, item->due_ms);
	if (item->kind == NEWS_URGED && listener->urged)
		listener->urged(listener->context, &item->u.due);
	if (item->kind == NEWS_PAUSE && listener->paused)
		listener->paused(listener->context, &item->u.pause);
	if (item->kind == NEWS_DELIVERIES && listener->deliveries) {
		listener->deliveries(listener->context, item->u.made);
		item->u.made = NULL;
	}
}

void news_tell(struct news *news, const struct store_config *config)
{
	const struct store_listener *listener = &config->listener;
	for (size_t i = 0; i < news->len; i++)
		keep_memory_true(&news->items[i], config);
	for (size_t i = 0; i < news->len; i++)
		tell_listener(&news->items[i], listener);
	if (news->event != 0 && listener->event)
		listener->event(listener->context, news->event);
	news_drop(news, 0);
}

void news_free(struct news *news)
{
	news_drop(news, 0);
	free(news->items);
	*news = (struct news){0};
}
