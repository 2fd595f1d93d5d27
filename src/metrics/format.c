/* The two writers of the one table. */
#include "metrics/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "metrics/sources.h"

/* The family that is being written. */
struct writing {
	const struct metrics_samples *samples;
	enum metrics_format format;
	struct strbuf *out;
	enum metric metric;
	const struct metric_row *row;
};

const char *metrics_media_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
}

static void put_escaped(struct strbuf *out, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			strbuf_puts(out, "\\n");
		else if (*text == '\\' || (quotes && *text == '"'))
			strbuf_printf(out, "\\%c", *text);
		else
			strbuf_putc(out, *text);
	}
}

/* As short as it can be and be read back as the same. */
static void put_number(struct strbuf *out, double value)
{
	char text[40];
	snprintf(text, sizeof text, "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof text, "%.17g", value);
	strbuf_puts(out, text);
}

/* The same in both formats, so that a change from one to the other makes no new series. */
static void put_bound(struct strbuf *out, double bound)
{
	char text[40];
	snprintf(text, sizeof text, "%.15g", bound);
	strbuf_puts(out, text);
	if (!strpbrk(text, ".e"))
		strbuf_puts(out, ".0");
}

static const char *suffix(const struct metric_row *row)
{
	return row->type == METRIC_TYPE_COUNTER ? "_total" : row->type == METRIC_TYPE_INFO ? "_info" : "";
}

static void put_head(const struct writing *w)
{
	static const char *const types[] = {"counter", "gauge", "histogram", "info"};
	static const char *const units[] = {"", "seconds", "bytes"};
	const struct metric_row *row = w->row;
	bool open = w->format == METRICS_OPENMETRICS;
	/* In the older format what is told of is the sample's name, and there are no infos. */
	const char *end = open ? "" : suffix(row), *type = !open && row->type == METRIC_TYPE_INFO ? "gauge" : types[row->type];
	strbuf_printf(w->out, "# HELP %s%s ", row->family, end);
	put_escaped(w->out, row->help, open);
	strbuf_printf(w->out, "\n# TYPE %s%s %s\n", row->family, end, type);
	if (open && row->unit != METRIC_UNIT_NONE)
		strbuf_printf(w->out, "# UNIT %s %s\n", row->family, units[row->unit]);
}

/* `before`: '{' or ',', and what stands between this label and the next. */
static void put_label(struct strbuf *out, char *before, const char *name, const char *value)
{
	strbuf_printf(out, "%c%s=\"", *before, name);
	put_escaped(out, value, true);
	strbuf_putc(out, '"');
	*before = ',';
}

/* The name and the labels of a sample, open for more. */
static void put_name(const struct writing *w, const char *end, unsigned first, unsigned second, char *before)
{
	const unsigned values[2] = {first, second};
	char scratch[METRIC_WORD_SIZE];
	strbuf_printf(w->out, "%s%s", w->row->family, end);
	*before = '{';
	for (size_t i = 0; i < 2; i++) {
		const char *word = metric_word(w->row->labels[i], values[i], scratch);
		if (w->row->labels[i] != LABEL_NONE)
			put_label(w->out, before, metric_label_name(w->row->labels[i]), word ? word : "");
	}
}

static void put_names_end(struct strbuf *out, char before)
{
	strbuf_puts(out, before == ',' ? "} " : " ");
}

static void put_histogram(const struct writing *w, unsigned first)
{
	const struct metric_buckets *buckets = w->row->buckets;
	struct metrics_histogram histogram;
	uint64_t so_far = 0;
	char before;
	metrics_histogram(w->metric, first, &histogram);
	for (unsigned i = 0; i <= buckets->len; i++) {
		so_far += histogram.counts[i];
		put_name(w, "_bucket", first, 0, &before);
		strbuf_printf(w->out, "%cle=\"", before);
		if (i < buckets->len)
			put_bound(w->out, (double)buckets->bounds[i] / buckets->per_unit);
		else
			strbuf_puts(w->out, "+Inf");
		strbuf_printf(w->out, "\"} %" PRIu64 "\n", so_far);
	}
	put_name(w, "_sum", first, 0, &before);
	put_names_end(w->out, before);
	put_number(w->out, (double)histogram.sum / buckets->per_unit);
	strbuf_putc(w->out, '\n');
	put_name(w, "_count", first, 0, &before);
	put_names_end(w->out, before);
	strbuf_printf(w->out, "%" PRIu64 "\n", so_far);
}

static bool is_shown(const struct metric_row *row, unsigned first, unsigned second, bool zero)
{
	if (!zero || row->shown == METRIC_SHOWN_ALL)
		return true;
	return row->shown == METRIC_SHOWN_PAIRED && (first == 0) == (second == 0);
}

static void put_plain(const struct writing *w, unsigned first, unsigned second)
{
	bool sampled = w->row->from == METRIC_FROM_SAMPLED;
	unsigned series = metrics_pair(first, second, metric_label_most(w->row->labels[1]));
	uint64_t count = sampled ? 0 : metrics_value(w->metric, series);
	double value = sampled ? w->samples->values[w->metric][series] : w->row->type == METRIC_TYPE_GAUGE ? (double)(int64_t)count : (double)count;
	char before;
	if (!is_shown(w->row, first, second, !sampled && count == 0))
		return;
	put_name(w, suffix(w->row), first, second, &before);
	put_names_end(w->out, before);
	put_number(w->out, value);
	strbuf_putc(w->out, '\n');
}

static void put_series(const struct writing *w)
{
	const struct metric_row *row = w->row;
	char scratch[METRIC_WORD_SIZE];
	for (unsigned first = 0; first < metric_label_most(row->labels[0]); first++) {
		if (!metric_word(row->labels[0], first, scratch))
			continue;
		if (row->type == METRIC_TYPE_HISTOGRAM) {
			put_histogram(w, first);
			continue;
		}
		for (unsigned second = 0; second < metric_label_most(row->labels[1]); second++)
			if (metric_word(row->labels[1], second, scratch))
				put_plain(w, first, second);
	}
}

static void put_source(void *context, const char *kind, const char *source, const uint64_t *counts)
{
	const struct writing *w = context;
	enum metric_label label = w->row->labels[0];
	char scratch[METRIC_WORD_SIZE];
	for (unsigned i = 0; i < metric_label_most(label); i++) {
		const char *word = metric_word(label, i, scratch);
		char before = '{';
		if (!word)
			continue;
		strbuf_printf(w->out, "%s_total", w->row->family);
		put_label(w->out, &before, "kind", kind);
		put_label(w->out, &before, "source", source);
		put_label(w->out, &before, metric_label_name(label), word);
		strbuf_printf(w->out, "} %" PRIu64 "\n", counts[i]);
	}
}

void metrics_write(const struct metrics_samples *samples, enum metrics_format format, struct strbuf *out)
{
	for (enum metric metric = 0; metric < METRICS; metric++) {
		struct writing w = {.samples = samples, .format = format, .out = out, .metric = metric, .row = metric_row(metric)};
		if (w.row->from == METRIC_FROM_SAMPLED && !samples->known[metric])
			continue;
		put_head(&w);
		if (metric == METRIC_INGEST)
			metrics_sources_ingested(put_source, &w);
		else if (metric == METRIC_REJECTIONS)
			metrics_sources_rejected(put_source, &w);
		else
			put_series(&w);
	}
	if (format == METRICS_OPENMETRICS)
		strbuf_puts(out, "# EOF\n");
}
