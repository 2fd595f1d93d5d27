/* The table as a page: docs/METRICS.md, but for what is said around it. */
#include "metrics/format.h"

/* The values of a label that stand in its own table; others are told of in words. */
static void put_values(struct strbuf *out, enum metric_label label)
{
	static const char *const told[LABELS] = {
	    [LABEL_REASON] = "see [REASONS.md](REASONS.md)",
	    [LABEL_FAILURE] = "see [REASONS.md](REASONS.md)",
	    [LABEL_REJECTION] = "see [REASONS.md](REASONS.md)",
	    [LABEL_CODE] = "HTTP status",
	    [LABEL_VERSION] = "such as `0.1.0`",
	};
	char scratch[METRIC_WORD_SIZE];
	strbuf_printf(out, "`%s`: ", metric_label_name(label));
	if (told[label]) {
		strbuf_puts(out, told[label]);
		return;
	}
	const char *word;
	for (unsigned i = 0; (word = metric_word(label, i, scratch)); i++)
		strbuf_printf(out, "%s`%s`", i ? ", " : "", word);
}

static void put_labels(struct strbuf *out, const struct metric_row *row)
{
	const char *between = "";
	if (row->from == METRIC_FROM_SOURCES) {
		strbuf_puts(out, "`kind`; `source`");
		between = "; ";
	}
	for (size_t i = 0; i < 2; i++) {
		if (row->labels[i] == LABEL_NONE)
			continue;
		strbuf_puts(out, between);
		put_values(out, row->labels[i]);
		between = "; ";
	}
}

void metrics_document(struct strbuf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram", "gauge"};
	static const char *const ends[] = {"_total", "", "", "_info"};
	strbuf_puts(out, "| metric | type | labels | what it says |\n|---|---|---|---|\n");
	for (enum metric metric = 0; metric < METRICS; metric++) {
		const struct metric_row *row = metric_row(metric);
		strbuf_printf(out, "| `%s%s` | %s | ", row->family, ends[row->type], types[row->type]);
		put_labels(out, row);
		strbuf_printf(out, " | %s |\n", row->help);
	}
}
