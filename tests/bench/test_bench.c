/* What the figures of `make bench` rest on: quantiles, which deliveries were seen, marks in payloads, ends of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hist.h"
#include "http1.h"
#include "load.h"
#include "seen.h"

static void assert_about(uint64_t value, uint64_t expected)
{
	assert_in_range(value, expected, expected + expected / 60);
}

static void quantiles_are_right_within_two_percent(void **state)
{
	static struct hist hist;
	(void)state;
	assert_int_equal(hist_quantile(&hist, 0.99), 0);
	for (int64_t i = 1; i <= 100000; i++)
		hist_add(&hist, i * 1000);
	assert_int_equal(hist.count, 100000);
	assert_about(hist_quantile(&hist, 0.5), 50000000);
	assert_about(hist_quantile(&hist, 0.99), 99000000);
	assert_about(hist_quantile(&hist, 0.999), 99900000);
	assert_int_equal(hist_quantile(&hist, 1), 100000000);
}

static void spans_of_every_size_have_a_bucket(void **state)
{
	(void)state;
	for (int64_t ns = 1; ns < INT64_C(1) << 46; ns *= 3) {
		struct hist *hist = calloc(1, sizeof *hist);
		hist_add(hist, 0);
		hist_add(hist, -5);
		hist_add(hist, ns);
		assert_int_equal(hist_quantile(hist, 0.5), 0);
		assert_int_equal(hist_quantile(hist, 1), ns);
		free(hist);
	}
}

static void a_pair_is_seen_once(void **state)
{
	struct seen seen = {0};
	(void)state;
	for (uint64_t endpoint = 0; endpoint < 300; endpoint++) {
		for (uint64_t number = 0; number < 700; number++)
			assert_true(seen_add(&seen, endpoint, number * number));
	}
	for (uint64_t endpoint = 0; endpoint < 300; endpoint++)
		assert_false(seen_add(&seen, endpoint, 699 * 699));
	assert_true(seen_add(&seen, 300, 699 * 699));
	seen_clear(&seen);
	assert_true(seen_add(&seen, 0, 0));
	seen_clear(&seen);
}

static void what_is_published_is_recognized(void **state)
{
	struct load load;
	uint64_t n;
	int64_t at_ns;
	(void)state;
	for (unsigned batch = 1; batch <= 3; batch += 2) {
		load_init(&load, &(struct load_shape){.data_bytes = 200, .batch = batch, .types = 7, .subscribers = 5, .uids = true});
		load_fill(&load, load.body, 41, 123456789, "prefix-1");
		load.body[load.body_bytes] = '\0';
		assert_non_null(strstr(load.body, "\"uid\":\"prefix-1-00000000000000000041\""));
		char *last = load.body;
		for (unsigned i = 0; i < batch; i++)
			last = strstr(last, "\"data\":") + 7;
		assert_true(load_read(last, strlen(last), &n, &at_ns));
		assert_int_equal(n, 41 + batch - 1);
		assert_int_equal(at_ns, 123456789);
		assert_string_equal(last + 200, batch > 1 ? "}]" : "}");
		assert_false(load_read(last, 40, &n, &at_ns));
		assert_false(load_read(last + 1, 199, &n, &at_ns));
		load_free(&load);
	}
}

static void heads_are_whole_or_not(void **state)
{
	static const char request[] = "POST /ok/1 HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 12\r\nWebhook-Signature: v1,x\r\n\r\nbody";
	static const char reply[] = "HTTP/1.1 202 Accepted\r\n\r\n";
	struct http1_head head;
	(void)state;
	for (size_t len = 0; len < sizeof request - 5; len++)
		assert_int_equal(http1_parse(request, len, &head), 0);
	assert_int_equal(http1_parse(request, sizeof request - 1, &head), 1);
	assert_int_equal(head.head_bytes, sizeof request - 5);
	assert_int_equal(head.body_bytes, 12);
	assert_true(head.is_signed);
	assert_int_equal(head.status, 0);
	assert_int_equal(http1_parse(reply, sizeof reply - 1, &head), 1);
	assert_int_equal(head.status, 202);
	assert_int_equal(head.body_bytes, 0);
	assert_false(head.is_signed);
	assert_int_equal(http1_parse("HTTP/1.1 200\n\r\n", 15, &head), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_are_right_within_two_percent),
	    cmocka_unit_test(spans_of_every_size_have_a_bucket),
	    cmocka_unit_test(a_pair_is_seen_once),
	    cmocka_unit_test(what_is_published_is_recognized),
	    cmocka_unit_test(heads_are_whole_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
