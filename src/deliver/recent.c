/* Events that were read back. They stay charged to the budget for as long as anybody, also this table, refers to them. */
#include "deliver/recent.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"

struct known {
	struct lru_node node;
	struct event *event;
};

static struct known *known_of(struct lru_node *node)
{
	return CONTAINER_OF(node, struct known, node);
}

static void forget_oldest(struct recent *recent)
{
	struct known *known = known_of(recent->lru.oldest);
	lru_remove(&recent->lru, &known->node);
	recent->bytes -= known->event->charged_bytes;
	event_unref(known->event);
	free(known);
}

struct event *recent_get(struct recent *recent, int64_t id)
{
	struct lru_node *node = recent->lru.newest ? lru_get(&recent->lru, (uint64_t)id) : NULL;
	return node ? event_ref(known_of(node)->event) : NULL;
}

void recent_put(struct recent *recent, struct event *event, struct budget *budget)
{
	size_t bytes = event->charged_bytes;
	if (bytes > RECENT_EVENT_BYTES_MAX || (budget && !budget_fits(budget, 0, budget->limit_bytes / 2)))
		return;
	while (recent->lru.oldest && (recent->lru.map.len >= RECENT_MAX || bytes > RECENT_BYTES_MAX - recent->bytes))
		forget_oldest(recent);
	struct known *known = mem_new(struct known);
	known->event = event_ref(event);
	recent->bytes += bytes;
	lru_put(&recent->lru, &known->node, (uint64_t)event->id);
}

void recent_clear(struct recent *recent)
{
	while (recent->lru.oldest)
		forget_oldest(recent);
	lru_free(&recent->lru);
}
