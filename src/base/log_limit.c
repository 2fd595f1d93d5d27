/* Counting what is not written. */
#include "base/log_limit.h"

#include <string.h>

static void begin(struct log_limit *limit, struct log_count *count, unsigned kind, int64_t thing, int64_t now_us, int64_t now_ms)
{
	*count = (struct log_count){.kind = kind, .thing = thing, .over_us = now_us + LOG_MINUTE_US, .since_ms = now_ms};
	if (count->over_us < limit->next_us)
		limit->next_us = count->over_us;
}

/* The thing's count, or a free one for it; NULL: all are taken. */
static struct log_count *count_of(struct log_limit *limit, unsigned kind, int64_t thing)
{
	struct log_count *empty = NULL;
	for (size_t i = 0; i < LOG_LIMIT_THINGS; i++) {
		struct log_count *count = &limit->things[i];
		if (count->over_us && count->thing == thing && count->kind == kind)
			return count;
		if (!count->over_us && !empty)
			empty = count;
	}
	return empty;
}

/* A minute that is over and that nobody was told of goes on until somebody is. */
bool log_limit_take(struct log_limit *limit, unsigned kind, int64_t thing, unsigned at_once, int64_t now_us, int64_t now_ms)
{
	struct log_count *all = &limit->of_kind[kind], *own = thing ? count_of(limit, kind, thing) : all;
	if (!all->over_us)
		begin(limit, all, kind, 0, now_us, now_ms);
	if (own && !own->over_us)
		begin(limit, own, kind, thing, now_us, now_ms);
	if (own && own->written >= at_once) {
		own->more++;
		return false;
	}
	if (!own || all->written >= LOG_KIND_MOST) {
		all->more++;
		return false;
	}
	all->written++;
	if (own != all)
		own->written++;
	return true;
}

/* 1: it is to be told. */
static size_t take_over(struct log_count *count, int64_t now_us, bool all, struct log_count *out)
{
	if (!count->over_us || (!all && count->over_us > now_us))
		return 0;
	*out = *count;
	memset(count, 0, sizeof *count);
	return out->more > 0;
}

static void next_of(struct log_limit *limit, const struct log_count *counts, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (counts[i].over_us && counts[i].over_us < limit->next_us)
			limit->next_us = counts[i].over_us;
}

size_t log_limit_over(struct log_limit *limit, int64_t now_us, bool all, struct log_count *out, size_t cap)
{
	size_t len = 0;
	for (size_t i = 0; i < limit->kinds && len < cap; i++)
		len += take_over(&limit->of_kind[i], now_us, all, &out[len]);
	for (size_t i = 0; i < LOG_LIMIT_THINGS && len < cap; i++)
		len += take_over(&limit->things[i], now_us, all, &out[len]);
	limit->next_us = INT64_MAX;
	next_of(limit, limit->of_kind, limit->kinds);
	next_of(limit, limit->things, LOG_LIMIT_THINGS);
	return len;
}
