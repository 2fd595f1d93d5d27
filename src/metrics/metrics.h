/* What the hub counts of itself. One table, metrics.def: names, labels and help; the two text formats (format.h), docs/METRICS.md and the checks
 * are made of it. What happens often is counted where it happens, in cells of the process that any thread adds to without a lock; nothing is
 * ordered by them. What can be looked up is looked up when somebody asks (api/metrics.c). */
#ifndef GRAPNEL_METRICS_METRICS_H
#define GRAPNEL_METRICS_METRICS_H

#include <stdint.h>

enum metric {
#define METRIC(name, family, type, unit, a, b, from, shown, buckets, help) METRIC_##name,
#include "metrics/metrics.def"
#undef METRIC
	METRICS
};

enum metric_label {
#define LABEL(name, text, most, words) LABEL_##name,
#include "metrics/labels.def"
#undef LABEL
	LABELS
};

enum {
#define LABEL(name, text, most, words) LABEL_##name##_MAX = most,
#include "metrics/labels.def"
#undef LABEL
};

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE, METRIC_TYPE_HISTOGRAM, METRIC_TYPE_INFO };
enum metric_unit { METRIC_UNIT_NONE, METRIC_UNIT_SECONDS, METRIC_UNIT_BYTES };
enum metric_from { METRIC_FROM_LIVE, METRIC_FROM_SAMPLED, METRIC_FROM_SOURCES };
enum metric_shown { METRIC_SHOWN_ALL, METRIC_SHOWN_PAIRED, METRIC_SHOWN_SEEN };

enum { METRICS_BOUNDS_MAX = 16, METRICS_SAMPLED_MAX = 3 /* series of one that is looked up */ };

struct metric_buckets {
	double per_unit;
	unsigned len;
	uint64_t bounds[METRICS_BOUNDS_MAX];
};

struct metric_row {
	const char *family, *help;
	enum metric_type type;
	enum metric_unit unit;
	enum metric_label labels[2];
	enum metric_from from;
	enum metric_shown shown;
	const struct metric_buckets *buckets; /* of a histogram */
};

/* What the values of labels are called, in the order of their tables. */
enum { RESULT_SUCCEEDED, RESULT_FAILED };
enum { ENDING_DELIVERED, ENDING_DEAD, ENDING_CANCELLED };
enum { UNFINISHED_PENDING, UNFINISHED_HELD };
enum { METRIC_BREAKER_OPEN, METRIC_BREAKER_HALF_OPEN };
enum { CHECKPOINT_WHOLE, CHECKPOINT_PARTIAL, CHECKPOINT_FAILED };
enum { FAULT_REFUSED, FAULT_STORAGE };
enum metric_route { ROUTE_KIND_OTHER, ROUTE_KIND_PUBLISH, ROUTE_KIND_DOOR, ROUTE_KIND_API, ROUTE_KIND_WAIT, ROUTE_KIND_PAGE, ROUTE_KIND_HEALTH, ROUTE_KIND_METRICS };

const struct metric_row *metric_row(enum metric metric);
const char *metric_label_name(enum metric_label label);
unsigned metric_label_most(enum metric_label label);
/* A value of a label, "" for those that have none; NULL: there is no such value. Lives until `scratch` is used again. */
enum { METRIC_WORD_SIZE = 48 };
const char *metric_word(enum metric_label label, unsigned value, char scratch[METRIC_WORD_SIZE]);
/* Before threads start: who gives the values of a label whose table stands elsewhere; NULL for a number that is none of them. */
void metrics_words(enum metric_label label, const char *(*word)(unsigned value));

/* Any thread. A series is the first label's value, or (first × most values of the second + second). */
void metrics_add(enum metric metric, unsigned series, uint64_t count);
void metrics_observe(enum metric metric, unsigned series, uint64_t value);
void metrics_set(enum metric metric, uint64_t value);
static inline void metrics_count(enum metric metric, unsigned series)
{
	metrics_add(metric, series, 1);
}
/* One more or one less of what a gauge counts. */
static inline void metrics_step(enum metric metric, int step)
{
	metrics_add(metric, 0, (uint64_t)(int64_t)step);
}
static inline unsigned metrics_pair(unsigned first, unsigned second, unsigned second_most)
{
	return first * second_most + second;
}

/* As it is now: of a counter or a gauge, … */
uint64_t metrics_value(enum metric metric, unsigned series);
/* … of a histogram. counts[i]: how many were at most bounds[i] and more than the one before; counts[len]: more than all of them. */
struct metrics_histogram {
	uint64_t counts[METRICS_BOUNDS_MAX + 1];
	uint64_t sum;
};
void metrics_histogram(enum metric metric, unsigned series, struct metrics_histogram *out);

#endif
