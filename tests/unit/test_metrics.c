/* The cells, the counters by source, and the two formats. Counters are the process's: each test uses metrics of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "metrics/format.h"
#include "metrics/sources.h"

static char *written(enum metrics_format format)
{
	static struct metrics_samples samples;
	struct strbuf out = STRBUF_INIT(1 << 22);
	size_t len;
	metrics_sample(&samples, METRIC_OLDEST, 0, 12.5);
	metrics_write(&samples, format, &out);
	assert_false(out.failed);
	return strbuf_steal(&out, &len);
}

static void has(const char *text, const char *line)
{
	char whole[512];
	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("there is no line: %s", line);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("there should be no: %s", part);
}

/* Every family ends with its unit, and no table is larger than what is written of it. */
static void the_table_is_sound(void **state)
{
	static const char *const units[] = {"", "_seconds", "_bytes"};
	(void)state;
	for (enum metric metric = 0; metric < METRICS; metric++) {
		const struct metric_row *row = metric_row(metric);
		const char *unit = units[row->unit];
		assert_true(strlen(row->family) > strlen(unit));
		assert_string_equal(row->family + strlen(row->family) - strlen(unit), unit);
		assert_true(row->help[0] >= 'A' && row->help[0] <= 'Z' ? row->help[strlen(row->help) - 1] == '.' : row->help[0] == '1');
		assert_true(row->buckets->len <= METRICS_BOUNDS_MAX);
		for (unsigned i = 1; i < row->buckets->len; i++)
			assert_true(row->buckets->bounds[i] > row->buckets->bounds[i - 1]);
		if (row->from == METRIC_FROM_SAMPLED)
			assert_true(metric_label_most(row->labels[0]) * metric_label_most(row->labels[1]) <= METRICS_SAMPLED_MAX);
		if (row->type == METRIC_TYPE_HISTOGRAM)
			assert_int_equal(row->labels[1], LABEL_NONE);
	}
}

static void a_histogram_has_the_sum_the_count_and_growing_buckets(void **state)
{
	(void)state;
	metrics_observe(METRIC_ATTEMPT_DURATION, RESULT_FAILED, 5);      /* at most 5 ms */
	metrics_observe(METRIC_ATTEMPT_DURATION, RESULT_FAILED, 6);      /* at most 10 */
	metrics_observe(METRIC_ATTEMPT_DURATION, RESULT_FAILED, 500000); /* more than all */
	char *text = written(METRICS_PROMETHEUS);
	has(text, "grapnel_attempt_duration_seconds_bucket{result=\"failed\",le=\"0.005\"} 1");
	has(text, "grapnel_attempt_duration_seconds_bucket{result=\"failed\",le=\"0.01\"} 2");
	has(text, "grapnel_attempt_duration_seconds_bucket{result=\"failed\",le=\"1.0\"} 2");
	has(text, "grapnel_attempt_duration_seconds_bucket{result=\"failed\",le=\"120.0\"} 2");
	has(text, "grapnel_attempt_duration_seconds_bucket{result=\"failed\",le=\"+Inf\"} 3");
	has(text, "grapnel_attempt_duration_seconds_sum{result=\"failed\"} 500.011");
	has(text, "grapnel_attempt_duration_seconds_count{result=\"failed\"} 3");
	has(text, "grapnel_attempt_duration_seconds_count{result=\"succeeded\"} 0");
	free(text);
}

static void the_formats_differ_in_what_they_say_of_families_alone(void **state)
{
	(void)state;
	char *plain = written(METRICS_PROMETHEUS), *opened = written(METRICS_OPENMETRICS);
	has(plain, "# TYPE grapnel_rejections_dropped_total counter");
	has(opened, "# TYPE grapnel_rejections_dropped counter");
	has(opened, "# UNIT grapnel_attempt_duration_seconds seconds");
	has_not(plain, "# UNIT");
	has_not(plain, "# EOF");
	assert_string_equal(opened + strlen(opened) - strlen("# EOF\n"), "# EOF\n");
	has(plain, "grapnel_backlog_oldest_age_seconds 12.5");
	has(opened, "grapnel_backlog_oldest_age_seconds 12.5");
	/* What was not looked up is left out, not 0. */
	has_not(plain, "grapnel_dead_letters gauge");
	has_not(plain, "\ngrapnel_dead_letters ");
	free(plain);
	free(opened);
}

static void zeros_are_shown_where_a_rate_needs_them(void **state)
{
	(void)state;
	metrics_count(METRIC_HTTP_REQUESTS, metrics_pair(ROUTE_KIND_PUBLISH, 202, LABEL_CODE_MAX));
	char *text = written(METRICS_PROMETHEUS);
	has(text, "grapnel_http_requests_total{route=\"publish\",code=\"202\"} 1");
	has_not(text, "code=\"203\"");
	has(text, "grapnel_writer_failed_transactions_total{fault=\"storage\"} 0");
	free(text);
}

static void a_gauge_goes_down_again(void **state)
{
	(void)state;
	metrics_step(METRIC_IN_FLIGHT, 1);
	metrics_step(METRIC_IN_FLIGHT, 1);
	metrics_step(METRIC_IN_FLIGHT, -1);
	metrics_set(METRIC_DEDUPE_KEYS, 7);
	char *text = written(METRICS_OPENMETRICS);
	has(text, "grapnel_attempts_in_flight 1");
	has(text, "grapnel_dedupe_keys 7");
	free(text);
}

static void names_of_sources_are_escaped_bounded_and_forgotten(void **state)
{
	(void)state;
	metrics_source(1, "github", "a \"quoted\\\nname");
	metrics_ingested(1, INGEST_ACCEPTED, 2);
	metrics_ingested(METRICS_SOURCE_API, INGEST_DUPLICATE, 3);
	metrics_rejected(1, 0);
	char name[16];
	for (int64_t id = 2; id <= METRICS_SOURCES_MAX + 2; id++) {
		snprintf(name, sizeof name, "s%d", (int)id);
		metrics_source(id, "none", name);
		metrics_ingested(id, INGEST_ACCEPTED, 1);
	}
	char *text = written(METRICS_PROMETHEUS);
	has(text, "grapnel_ingest_events_total{kind=\"github\",source=\"a \\\"quoted\\\\\\nname\",result=\"accepted\"} 2");
	has(text, "grapnel_ingest_events_total{kind=\"github\",source=\"a \\\"quoted\\\\\\nname\",result=\"refused\"} 1");
	has(text, "grapnel_ingest_events_total{kind=\"api\",source=\"\",result=\"duplicate\"} 3");
	has(text, "grapnel_ingest_events_total{kind=\"none\",source=\"s100\",result=\"accepted\"} 1");
	has(text, "grapnel_ingest_events_total{kind=\"other\",source=\"other\",result=\"accepted\"} 2");
	has_not(text, "s101");
	free(text);
	metrics_source(1, "github", "renamed");
	metrics_source_gone(2);
	metrics_source(500, "none", "late");
	text = written(METRICS_PROMETHEUS);
	has(text, "grapnel_ingest_events_total{kind=\"github\",source=\"renamed\",result=\"accepted\"} 2");
	has(text, "grapnel_ingest_events_total{kind=\"none\",source=\"late\",result=\"accepted\"} 0");
	has_not(text, "\"s2\"");
	free(text);
}

static void the_better_format_is_chosen(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
	    {NULL, METRICS_PROMETHEUS},
	    {"", METRICS_PROMETHEUS},
	    {",,;;q=,", METRICS_PROMETHEUS},
	    {"APPLICATION/OPENMETRICS-TEXT", METRICS_OPENMETRICS},
	    {"application/openmetrics-text ; version=\"1.0.0\" ; q=0.001", METRICS_OPENMETRICS},
	    {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.2", METRICS_OPENMETRICS},
	    {"application/openmetrics-text;q=0.5,text/*;q=0.6", METRICS_PROMETHEUS},
	    {"application/openmetrics-text;q=1.5x", METRICS_PROMETHEUS},
	    {"application/openmetrics-text;q=2", METRICS_PROMETHEUS},
	    {"application/openmetrics-textual", METRICS_PROMETHEUS},
	    {"text/plain;q=1,application/openmetrics-text", METRICS_OPENMETRICS},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(metrics_negotiate(slice_of(cases[i].accept)), cases[i].format);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count(void *argument)
{
	(void)argument;
	for (int i = 0; i < ROUNDS; i++) {
		metrics_count(METRIC_REOPENED, 0);
		metrics_observe(METRIC_COMMIT, 0, 1000);
		metrics_ingested(METRICS_SOURCE_UNKNOWN, INGEST_REFUSED, 1);
	}
	return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
	pthread_t threads[THREADS];
	struct metrics_histogram histogram;
	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	free(written(METRICS_OPENMETRICS));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(metrics_value(METRIC_REOPENED, 0), THREADS * ROUNDS);
	metrics_histogram(METRIC_COMMIT, 0, &histogram);
	assert_int_equal(histogram.counts[2], THREADS * ROUNDS);
	assert_int_equal(histogram.sum, (uint64_t)THREADS * ROUNDS * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_is_sound),
	    cmocka_unit_test(a_histogram_has_the_sum_the_count_and_growing_buckets),
	    cmocka_unit_test(the_formats_differ_in_what_they_say_of_families_alone),
	    cmocka_unit_test(zeros_are_shown_where_a_rate_needs_them),
	    cmocka_unit_test(a_gauge_goes_down_again),
	    cmocka_unit_test(names_of_sources_are_escaped_bounded_and_forgotten),
	    cmocka_unit_test(the_better_format_is_chosen),
	    cmocka_unit_test(nothing_is_lost_between_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
