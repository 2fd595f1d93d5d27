/* The metrics as text: Prometheus' own format 0.0.4, and OpenMetrics 1.0.0. The samples are the same in both. */
#ifndef GRAPNEL_METRICS_FORMAT_H
#define GRAPNEL_METRICS_FORMAT_H

#include "base/slice.h"
#include "base/strbuf.h"
#include "metrics/metrics.h"

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* What was looked up; one that could not be (known is false) is left out. */
struct metrics_samples {
	bool known[METRICS];
	double values[METRICS][METRICS_SAMPLED_MAX];
};

static inline void metrics_sample(struct metrics_samples *samples, enum metric metric, unsigned series, double value)
{
	samples->known[metric] = true;
	samples->values[metric][series] = value;
}

/* Which of them whoever sent this Accept header would rather have; {NULL, 0}: none was sent. */
enum metrics_format metrics_negotiate(struct slice accept);
const char *metrics_media_type(enum metrics_format format);
void metrics_write(const struct metrics_samples *samples, enum metrics_format format, struct strbuf *out);
/* docs/METRICS.md's table. */
void metrics_document(struct strbuf *out);

#endif
