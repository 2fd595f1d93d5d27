/* The table of metrics, and the cells that are counted in. */
#include "metrics/metrics.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { CACHE_LINE = 64, HISTOGRAM_CELLS = METRICS_BOUNDS_MAX + 2 };
/* Of a series. */
enum { CELLS_COUNTER = 1, CELLS_GAUGE = 1, CELLS_HISTOGRAM = HISTOGRAM_CELLS, CELLS_INFO = 1 };
enum { CELL_SUM = METRICS_BOUNDS_MAX + 1 };

/* Each metric begins a cache line: threads that count different things do not wait for each other. */
static struct cells {
#define METRIC(name, family, type, unit, a, b, from, shown, buckets, help)                                                                 \
	_Alignas(CACHE_LINE) _Atomic(uint64_t) name[LABEL_##a##_MAX * LABEL_##b##_MAX * CELLS_##type];
#include "metrics/metrics.def"
#undef METRIC
} cells;

static _Atomic(uint64_t) *const starts[METRICS] = {
#define METRIC(name, family, type, unit, a, b, from, shown, buckets, help) [METRIC_##name] = cells.name,
#include "metrics/metrics.def"
#undef METRIC
};

#define BUCKETS(name, per_unit, ...)                                                                                                       \
	static const struct metric_buckets buckets_##name = {per_unit, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), {__VA_ARGS__}};
#include "metrics/buckets.def"
#undef BUCKETS

static const struct metric_row rows[METRICS] = {
#define METRIC(name, family, type, unit, a, b, from, shown, buckets, help)                                                                 \
	[METRIC_##name] = {family, help, METRIC_TYPE_##type, METRIC_UNIT_##unit, {LABEL_##a, LABEL_##b}, METRIC_FROM_##from, METRIC_SHOWN_##shown, &buckets_##buckets},
#include "metrics/metrics.def"
#undef METRIC
};

static const struct {
	const char *name, *words;
	unsigned most;
} labels[LABELS] = {
#define LABEL(name, text, most, words) [LABEL_##name] = {text, words, most},
#include "metrics/labels.def"
#undef LABEL
};

static const char *(*givers[LABELS])(unsigned value);

const struct metric_row *metric_row(enum metric metric)
{
	return &rows[metric];
}

const char *metric_label_name(enum metric_label label)
{
	return labels[label].name;
}

unsigned metric_label_most(enum metric_label label)
{
	return labels[label].most;
}

void metrics_words(enum metric_label label, const char *(*word)(unsigned value))
{
	givers[label] = word;
}

const char *metric_word(enum metric_label label, unsigned value, char scratch[METRIC_WORD_SIZE])
{
	const char *at = labels[label].words;
	if (givers[label])
		return givers[label](value);
	if (label == LABEL_CODE) {
		snprintf(scratch, METRIC_WORD_SIZE, "%u", value);
		return scratch;
	}
	for (; value > 0 && *at; value--) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	snprintf(scratch, METRIC_WORD_SIZE, "%.*s", (int)strcspn(at, " "), at);
	return value == 0 && (*at || label == LABEL_NONE) ? scratch : NULL;
}

void metrics_add(enum metric metric, unsigned series, uint64_t count)
{
	atomic_fetch_add_explicit(&starts[metric][series], count, memory_order_relaxed);
}

void metrics_set(enum metric metric, uint64_t value)
{
	atomic_store_explicit(&starts[metric][0], value, memory_order_relaxed);
}

void metrics_observe(enum metric metric, unsigned series, uint64_t value)
{
	const struct metric_buckets *buckets = rows[metric].buckets;
	_Atomic(uint64_t) *cell = starts[metric] + (size_t)series * HISTOGRAM_CELLS;
	unsigned i = 0;
	while (i < buckets->len && value > buckets->bounds[i])
		i++;
	atomic_fetch_add_explicit(&cell[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cell[CELL_SUM], value, memory_order_relaxed);
}

uint64_t metrics_value(enum metric metric, unsigned series)
{
	return atomic_load_explicit(&starts[metric][series], memory_order_relaxed);
}

void metrics_histogram(enum metric metric, unsigned series, struct metrics_histogram *out)
{
	_Atomic(uint64_t) *cell = starts[metric] + (size_t)series * HISTOGRAM_CELLS;
	for (unsigned i = 0; i <= METRICS_BOUNDS_MAX; i++)
		out->counts[i] = atomic_load_explicit(&cell[i], memory_order_relaxed);
	out->sum = atomic_load_explicit(&cell[CELL_SUM], memory_order_relaxed);
}
