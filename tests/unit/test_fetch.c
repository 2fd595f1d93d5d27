/* Fetching: the address policy, TLS, bounds, and what is kept. */
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
#include "tls_server.h"

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

static void begin(struct waiting *waiting, const char *url, bool keep)
{
	*waiting = (struct waiting){.done = false};
	pthread_mutex_init(&waiting->mutex, NULL);
	pthread_cond_init(&waiting->cond, NULL);
	waiting->fetch = (struct fetch){.url = slice_of(url), .keep = keep, .done = came, .context = waiting};
	assert_int_equal(fetcher_get(fetcher, &waiting->fetch), 0);
}

static bool is_done(struct waiting *waiting)
{
	pthread_mutex_lock(&waiting->mutex);
	bool done = waiting->done;
	pthread_mutex_unlock(&waiting->mutex);
	return done;
}

static bool end(struct waiting *waiting, char why[200])
{
	pthread_mutex_lock(&waiting->mutex);
	while (!waiting->done)
		pthread_cond_wait(&waiting->cond, &waiting->mutex);
	pthread_mutex_unlock(&waiting->mutex);
	if (why)
		snprintf(why, 200, "%s", waiting->fetch.why);
	strbuf_free(&waiting->fetch.body);
	pthread_cond_destroy(&waiting->cond);
	pthread_mutex_destroy(&waiting->mutex);
	return waiting->fetch.ok;
}

static bool get_url(const char *url, bool keep, char why[200])
{
	struct waiting waiting;
	begin(&waiting, url, keep);
	return end(&waiting, why);
}

static bool get(const char *host, const char *path, bool keep, char why[200])
{
	char url[256];
	snprintf(url, sizeof url, "http://%s:%d%s", host, sink_port(sink), path);
	return get_url(url, keep, why);
}

static void start_with(const char *allow, const char *authorities, int timeout_ms)
{
	struct err err = {.code = ERR_NONE};
	sink = sink_start();
	names = name_server_start(60);
	egress = egress_new(&(struct egress_rules){.allow = allow}, &err);
	struct fetch_config config = {.egress = egress,
	                              .dns_servers = name_server_address(names),
	                              .clock = &clock_system,
	                              .authorities = authorities,
	                              .timeout_ms = timeout_ms};
	fetcher = fetcher_start(&config, &err);
	if (!fetcher)
		fail_msg("%s", err.detail);
}

static void start(const char *allow)
{
	start_with(allow, NULL, 0);
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

/* From a server whose certificate is for loopback.example, valid from `from_s` to `until_s` from now. `trusted`: that it is. */
static bool get_by_tls(const char *allow, const char *host, long from_s, long until_s, bool trusted, char why[200], unsigned *requests)
{
	char url[256];
	struct tls_server *server = tls_server_start("loopback.example", from_s, until_s);
	snprintf(url, sizeof url, "https://%s:%d/certificate.pem", host, tls_server_port(server));
	start_with(allow, trusted ? tls_server_authorities(server) : NULL, 0);
	bool ok = get_url(url, true, why);
	/* What is kept is not fetched again; what failed is, and fails again. */
	assert_int_equal(get_url(url, true, why), ok);
	stop();
	*requests = tls_server_stop(server);
	return ok;
}

static void a_certificate_is_fetched_by_tls_and_kept(void **state)
{
	char why[200];
	unsigned requests;
	(void)state;
	assert_true(get_by_tls("127.0.0.0/8", "loopback.example", -60, 3600, true, why, &requests));
	assert_int_equal(requests, 1);
}

static void a_server_that_is_not_who_it_should_be_is_asked_for_nothing(void **state)
{
	static const struct {
		const char *allow, *host;
		long from_s, until_s;
		bool trusted;
		const char *why;
	} cases[] = {
	    {"127.0.0.0/8", "loopback.example", -60, 3600, false, "cert"},   /* nobody vouches for it */
	    {"127.0.0.0/8", "loopback.example", -7200, -3600, true, "cert"}, /* it has expired */
	    {"127.0.0.0/8", "loopback.example", 3600, 7200, true, "cert"},   /* it is not valid yet */
	    {"127.0.0.0/8", "loopback.other", -60, 3600, true, "cert"},      /* it is another's */
	    {"127.0.0.0/8", "127.0.0.1", -60, 3600, true, "cert"},
	    {NULL, "loopback.example", -60, 3600, true, "--egress-allow"}, /* the address policy */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char why[200] = "";
		unsigned requests;
		bool ok = get_by_tls(cases[i].allow, cases[i].host, cases[i].from_s, cases[i].until_s, cases[i].trusted, why, &requests);
		if (ok || requests != 0 || !strstr(why, cases[i].why))
			fail_msg("case %zu: %d, %u requests, %s", i, ok, requests, why);
	}
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
	char why[200];
	(void)state;
	start_with("127.0.0.0/8", NULL, 200);
	assert_false(get("127.0.0.1", "/silent", true, why));
	assert_non_null(strstr(why, "Timeout"));
	assert_true(get("127.0.0.1", "/status/200", false, NULL));
	stop();
}

static void a_server_that_hangs_holds_up_nobody(void **state)
{
	struct waiting hanging[FETCH_QUEUE_MAX / 2], nameless;
	char url[100], why[200];
	(void)state;
	start("127.0.0.0/8");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", sink_port(sink));
	for (size_t i = 0; i < FETCH_QUEUE_MAX / 2; i++)
		begin(&hanging[i], url, false);
	begin(&nameless, "http://silent.example/", false); /* its name server hangs */
	assert_true(get("127.0.0.1", "/status/200", false, NULL));
	assert_false(is_done(&hanging[0]));
	assert_false(is_done(&nameless));
	/* A stop waits for none of them. */
	stop();
	for (size_t i = 0; i < FETCH_QUEUE_MAX / 2; i++) {
		assert_false(end(&hanging[i], why));
		assert_non_null(strstr(why, "stopping"));
	}
	assert_false(end(&nameless, why));
	assert_non_null(strstr(why, "stopping"));
}

static void those_who_want_the_same_get_it_from_one_request(void **state)
{
	struct waiting waiting[3], other;
	char url[100];
	(void)state;
	start_with("127.0.0.0/8", NULL, 500);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", sink_port(sink));
	for (size_t i = 0; i < 3; i++)
		begin(&waiting[i], url, true);
	begin(&other, url, false); /* wants one of its own */
	for (size_t i = 0; i < 3; i++)
		assert_false(end(&waiting[i], NULL));
	assert_false(end(&other, NULL));
	assert_int_equal(sink_requests(sink), 2);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_document_is_fetched_and_kept),
	    cmocka_unit_test(what_is_too_large_or_refused_fails),
	    cmocka_unit_test(nothing_goes_to_an_address_that_is_not_allowed),
	    cmocka_unit_test(a_certificate_is_fetched_by_tls_and_kept),
	    cmocka_unit_test(a_server_that_is_not_who_it_should_be_is_asked_for_nothing),
	    cmocka_unit_test(a_server_that_does_not_answer_is_given_up),
	    cmocka_unit_test(a_server_that_hangs_holds_up_nobody),
	    cmocka_unit_test(those_who_want_the_same_get_it_from_one_request),
	};
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
