/* Fetching: the address policy, bounds, and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "deliver/fetch.h"
#include "name_server.h"
#include "sink.h"

static struct sink *sink;
static struct name_server *names;
static struct fetcher *fetcher;
static struct egress *egress;

struct waiting {
	struct fetch fetch;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void came(struct fetch *fetch)
{
	struct waiting *waiting = fetch->context;
	pthread_mutex_lock(&waiting->mutex);
	waiting->done = true;
	pthread_cond_signal(&waiting->cond);
	pthread_mutex_unlock(&waiting->mutex);
}

static bool get(const char *host, const char *path, bool keep, char why[200])
{
	char url[256];
	struct waiting waiting = {.done = false};
	snprintf(url, sizeof url, "http://%s:%d%s", host, sink_port(sink), path);
	pthread_mutex_init(&waiting.mutex, NULL);
	pthread_cond_init(&waiting.cond, NULL);
	waiting.fetch = (struct fetch){.url = slice_of(url), .keep = keep, .done = came, .context = &waiting};
	assert_int_equal(fetcher_get(fetcher, &waiting.fetch), 0);
	pthread_mutex_lock(&waiting.mutex);
	while (!waiting.done)
		pthread_cond_wait(&waiting.cond, &waiting.mutex);
	pthread_mutex_unlock(&waiting.mutex);
	if (why)
		snprintf(why, 200, "%s", waiting.fetch.why);
	strbuf_free(&waiting.fetch.body);
	pthread_cond_destroy(&waiting.cond);
	pthread_mutex_destroy(&waiting.mutex);
	return waiting.fetch.ok;
}

static void start(const char *allow)
{
	struct err err = {.code = ERR_NONE};
	sink = sink_start();
	names = name_server_start(60);
	egress = egress_new(allow, &err);
	fetcher = fetcher_start(egress, name_server_address(names), &clock_system, &err);
	if (!fetcher)
		fail_msg("%s", err.detail);
}

static void stop(void)
{
	fetcher_stop(fetcher);
	egress_free(egress);
	name_server_stop(names);
	sink_stop(sink);
}

static void a_document_is_fetched_and_kept(void **state)
{
	char why[200];
	(void)state;
	start("127.0.0.0/8");
	assert_true(get("127.0.0.1", "/status/200", false, NULL));
	assert_true(get("loopback.example", "/status/200", true, NULL));
	assert_true(get("loopback.example", "/status/200", true, NULL));
	assert_int_equal(sink_requests(sink), 2);
	assert_true(get("loopback.example", "/status/200", false, NULL));
	assert_int_equal(sink_requests(sink), 3);
	assert_false(get("127.0.0.1", "/status/404", true, why));
	assert_non_null(strstr(why, "404"));
	assert_false(get("127.0.0.1", "/status/404", true, why));
	assert_int_equal(sink_requests(sink), 5); /* a failure is not kept */
	assert_false(get("127.0.0.1", "/status/302", false, why));
	assert_int_equal(sink_requests(sink), 6); /* nor a redirect followed */
	stop();
}

static void what_is_too_large_or_refused_fails(void **state)
{
	char why[200];
	(void)state;
	start("127.0.0.0/8");
	assert_false(get("127.0.0.1", "/endless/200", false, why));
	assert_non_null(strstr(why, "too large"));
	assert_false(get("missing.example", "/status/200", false, why));
	assert_non_null(strstr(why, "resolve"));
	assert_false(get("mixed.example", "/status/200", false, why));
	stop();
}

static void nothing_goes_to_an_address_that_is_not_allowed(void **state)
{
	char why[200];
	(void)state;
	start(NULL);
	assert_false(get("127.0.0.1", "/status/200", false, why));
	assert_false(get("loopback.example", "/status/200", false, why));
	assert_int_equal(sink_connections(sink), 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_document_is_fetched_and_kept),
	    cmocka_unit_test(what_is_too_large_or_refused_fails),
	    cmocka_unit_test(nothing_goes_to_an_address_that_is_not_allowed),
	};
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
