/* Fetching: one libcurl multi handle, and an errand for each document that is under way. */
#include "deliver/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/thread.h"
#include "deliver/transport.h"

enum { KEPT_MAX = 16, KEPT_MS = 3600000, URL_SIZE = 4097, POLL_MAX_MS = 60000 };

struct kept {
	char *url;
	struct strbuf body;
	int64_t until_us;
};

/* One document, and all who want it. */
struct errand {
	struct errand *next; /* among the running ones */
	struct fetcher *fetcher;
	struct inbox_node *wanted; /* by these fetches, the first one of which asked for it; NULL: given up while a name is resolved */
	struct transport transport;
	struct url to;
	char url[URL_SIZE];
	char error[CURL_ERROR_SIZE];
	CURL *easy;
	bool keep;
	bool resolving, sending;
	int64_t until_us; /* monotonic */
	struct strbuf body;
	bool ok;
	char why[sizeof((struct fetch *)NULL)->why];
};

struct fetcher {
	/* shared */
	struct inbox inbox;
	atomic_uint waiting;
	atomic_bool stopping;
	pthread_t thread;
	bool started;
	/* owned by the thread */
	struct fetch_config config;
	int epoll_fd; /* the resolver's place, for curl's poll to watch */
	struct resolver *resolver;
	CURLM *multi;
	struct errand *running;
	struct kept kept[KEPT_MAX];
	unsigned next_kept;
};

static int fail(struct errand *errand, const char *why)
{
	snprintf(errand->why, sizeof errand->why, "%s", why);
	return -1;
}

/* ---- What is kept ---- */

static struct kept *kept_find(struct fetcher *fetcher, struct slice url)
{
	for (unsigned i = 0; i < KEPT_MAX; i++)
		if (fetcher->kept[i].url && slice_is(url, fetcher->kept[i].url))
			return &fetcher->kept[i];
	return NULL;
}

static struct kept *kept_fresh(struct fetcher *fetcher, struct slice url)
{
	struct kept *kept = kept_find(fetcher, url);
	return kept && kept->until_us > clock_mono_us(fetcher->config.clock) ? kept : NULL;
}

static void kept_put(struct fetcher *fetcher, struct slice url, const struct strbuf *body)
{
	struct kept *kept = kept_find(fetcher, url);
	if (!kept)
		kept = &fetcher->kept[fetcher->next_kept++ % KEPT_MAX];
	free(kept->url);
	strbuf_free(&kept->body);
	kept->url = mem_text_of(url);
	kept->body = STRBUF_INIT(FETCH_BYTES_MAX);
	strbuf_append(&kept->body, strbuf_text(body), body->len);
	kept->until_us = clock_mono_us(fetcher->config.clock) + KEPT_MS * INT64_C(1000);
}

/* ---- The end of an errand ---- */

static void give(struct fetcher *fetcher, struct fetch *fetch, const struct strbuf *body, const char *why)
{
	fetch->body = STRBUF_INIT(FETCH_BYTES_MAX);
	if (body)
		strbuf_append(&fetch->body, strbuf_text(body), body->len);
	fetch->ok = body && !fetch->body.failed;
	snprintf(fetch->why, sizeof fetch->why, "%s", fetch->ok ? "" : why && *why ? why : "out of memory");
	atomic_fetch_sub(&fetcher->waiting, 1);
	fetch->done(fetch);
}

static void errand_free(struct errand *errand)
{
	struct errand **at = &errand->fetcher->running;
	while (*at != errand)
		at = &(*at)->next;
	*at = errand->next;
	if (errand->sending)
		curl_multi_remove_handle(errand->fetcher->multi, errand->easy);
	curl_easy_cleanup(errand->easy);
	tls_note_unref(errand->transport.tls);
	strbuf_free(&errand->body);
	free(errand);
}

/* Everybody gets what came; the errand stays until nobody knows it any more. */
static void finish(struct errand *errand)
{
	struct fetcher *fetcher = errand->fetcher;
	struct inbox_node *next;
	if (errand->ok && errand->keep)
		kept_put(fetcher, slice_of(errand->url), &errand->body);
	for (struct inbox_node *node = errand->wanted; node; node = next) {
		next = node->next;
		give(fetcher, CONTAINER_OF(node, struct fetch, node), errand->ok ? &errand->body : NULL, errand->why);
	}
	errand->wanted = NULL;
	if (!errand->resolving)
		errand_free(errand);
}

static void finish_failed(struct errand *errand, const char *why)
{
	fail(errand, why);
	finish(errand);
}

/* ---- One request ---- */

static size_t on_bytes(char *bytes, size_t size, size_t len, void *context)
{
	struct errand *errand = context;
	strbuf_append(&errand->body, bytes, size * len);
	return errand->body.failed ? 0 : size * len;
}

#define SET(option, value) (curl_easy_setopt(errand->easy, option, value) != CURLE_OK)

static int64_t left_ms(const struct errand *errand)
{
	int64_t left_us = errand->until_us - clock_mono_us(errand->fetcher->config.clock);
	return left_us > 0 ? (left_us + 999) / 1000 : 0;
}

static bool set_options(struct errand *errand)
{
	const char *authorities = errand->fetcher->config.authorities;
	bool failed = false;
	failed |= SET(CURLOPT_PRIVATE, errand);
	failed |= SET(CURLOPT_ERRORBUFFER, errand->error);
	failed |= SET(CURLOPT_URL, errand->url);
	failed |= SET(CURLOPT_HTTPGET, 1L);
	failed |= SET(CURLOPT_NOSIGNAL, 1L);
	failed |= SET(CURLOPT_PROTOCOLS_STR, "http,https");
	failed |= SET(CURLOPT_FOLLOWLOCATION, 0L);
	failed |= SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	failed |= SET(CURLOPT_HTTP09_ALLOWED, 0L);
	failed |= SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	failed |= SET(CURLOPT_FORBID_REUSE, 1L);
	if (authorities)
		failed |= SET(CURLOPT_CAINFO, authorities);
	failed |= SET(CURLOPT_TIMEOUT_MS, (long)left_ms(errand));
	failed |= SET(CURLOPT_WRITEFUNCTION, on_bytes);
	failed |= SET(CURLOPT_WRITEDATA, errand);
	failed |= SET(CURLOPT_USERAGENT, "grapnel");
	failed |= !transport_apply(&errand->transport, errand->easy);
	return !failed;
}

static void send_request(struct errand *errand)
{
	if (left_ms(errand) == 0) {
		finish_failed(errand, curl_easy_strerror(CURLE_OPERATION_TIMEDOUT));
	} else if (!set_options(errand) || curl_multi_add_handle(errand->fetcher->multi, errand->easy) != CURLM_OK) {
		finish_failed(errand, "libcurl refused the request");
	} else {
		errand->sending = true;
	}
}

static bool resolved_well(struct errand *errand, const struct resolved *resolved, const char *otherwise)
{
	errand->resolving = false;
	if (!errand->wanted)
		errand_free(errand);
	else if (resolved->len == 0)
		finish_failed(errand, otherwise);
	else
		return true;
	return false;
}

static void proxy_resolved(void *context, const struct resolved *resolved)
{
	struct errand *errand = context;
	if (!resolved_well(errand, resolved, "the outgoing proxy's host does not resolve"))
		return;
	transport_aim_proxy(&errand->transport, resolved);
	send_request(errand);
}

static void name_resolved(void *context, const struct resolved *resolved)
{
	struct errand *errand = context;
	struct transport *transport = &errand->transport;
	if (!resolved_well(errand, resolved, "the host does not resolve"))
		return;
	if (!transport_aim(transport, errand->to.host, errand->to.port, errand->to.https, resolved, 0)) {
		finish_failed(errand, transport->denied);
	} else if (transport_proxy(transport)) {
		errand->resolving = true;
		resolver_query(errand->fetcher->resolver, transport_proxy(transport), proxy_resolved, errand);
	} else {
		send_request(errand);
	}
}

static void completed(struct errand *errand, CURLcode code)
{
	const struct transport *transport = &errand->transport;
	long status = 0;
	curl_easy_getinfo(errand->easy, CURLINFO_RESPONSE_CODE, &status);
	errand->ok = code == CURLE_OK && status >= 200 && status <= 299;
	if (code != CURLE_OK)
		fail(errand, errand->body.failed    ? "the document is too large"
		             : transport->denied[0]  ? transport->denied
		             : transport->unbound[0] ? transport->unbound
		                                     : curl_easy_strerror(code));
	else if (!errand->ok)
		snprintf(errand->why, sizeof errand->why, "the answer is %ld", status);
	finish(errand);
}

/* ---- What is asked for ---- */

static struct errand *errand_new(struct fetcher *fetcher, struct fetch *fetch)
{
	struct err err = {.code = ERR_NONE};
	struct errand *errand = mem_new(struct errand);
	errand->fetcher = fetcher;
	errand->wanted = &fetch->node;
	fetch->node.next = NULL;
	errand->keep = fetch->keep;
	errand->until_us = clock_mono_us(fetcher->config.clock) + fetcher->config.timeout_ms * INT64_C(1000);
	errand->body = STRBUF_INIT(FETCH_BYTES_MAX);
	errand->next = fetcher->running;
	fetcher->running = errand;
	errand->easy = curl_easy_init();
	if (fetch->url.len >= sizeof errand->url || url_parse(fetch->url, "url", &errand->to, &err))
		fail(errand, "the URL is malformed");
	else if (!errand->easy || !transport_init(&errand->transport, errand->easy, fetcher->config.egress, NULL))
		fail(errand, "libcurl refused the request");
	else
		memcpy(errand->url, fetch->url.at, fetch->url.len);
	return errand;
}

/* One that is kept, or on its way, will do for all who take a kept one. */
static bool is_at_hand(struct fetcher *fetcher, struct fetch *fetch)
{
	const struct kept *kept = fetch->keep ? kept_fresh(fetcher, fetch->url) : NULL;
	if (kept) {
		give(fetcher, fetch, &kept->body, NULL);
		return true;
	}
	for (struct errand *errand = fetcher->running; fetch->keep && errand; errand = errand->next) {
		if (!errand->keep || !errand->wanted || !slice_is(fetch->url, errand->url))
			continue;
		fetch->node.next = errand->wanted;
		errand->wanted = &fetch->node;
		return true;
	}
	return false;
}

static void take(struct fetcher *fetcher, struct fetch *fetch)
{
	if (atomic_load(&fetcher->stopping)) {
		give(fetcher, fetch, NULL, "the hub is stopping");
		return;
	}
	if (is_at_hand(fetcher, fetch))
		return;
	struct errand *errand = errand_new(fetcher, fetch);
	if (errand->why[0]) {
		finish(errand);
		return;
	}
	errand->resolving = true;
	resolver_query(fetcher->resolver, errand->to.host, name_resolved, errand);
}

/* ---- The thread ---- */

static int wait_ms(struct fetcher *fetcher)
{
	int64_t ms = POLL_MAX_MS;
	int resolver_ms = resolver_timeout_ms(fetcher->resolver);
	if (resolver_ms >= 0 && resolver_ms < ms)
		ms = resolver_ms;
	for (const struct errand *errand = fetcher->running; errand; errand = errand->next) {
		if (errand->resolving && errand->wanted && left_ms(errand) < ms)
			ms = left_ms(errand);
	}
	return (int)ms;
}

/* Of what is being sent libcurl keeps the time. */
static void expire_names(struct fetcher *fetcher)
{
	struct errand *next;
	for (struct errand *errand = fetcher->running; errand; errand = next) {
		next = errand->next;
		if (errand->resolving && errand->wanted && left_ms(errand) == 0)
			finish_failed(errand, "the host does not resolve: the name server did not answer in time");
	}
}

static void take_completed(struct fetcher *fetcher)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(fetcher->multi, &left));) {
		struct errand *errand = NULL;
		CURLcode code = message->data.result;
		if (message->msg == CURLMSG_DONE && curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &errand) == CURLE_OK)
			completed(errand, code);
	}
}

static void break_off(struct fetcher *fetcher)
{
	struct errand *next;
	for (struct errand *errand = fetcher->running; errand; errand = next) {
		next = errand->next;
		if (errand->wanted)
			finish_failed(errand, "the hub is stopping");
	}
}

static void turn(struct fetcher *fetcher)
{
	struct curl_waitfd watched[] = {{.fd = fetcher->inbox.fd, .events = CURL_WAIT_POLLIN}, {.fd = fetcher->epoll_fd, .events = CURL_WAIT_POLLIN}};
	int running, ms = inbox_may_sleep(&fetcher->inbox) ? wait_ms(fetcher) : 0;
	struct inbox_node *next;
	(void)curl_multi_poll(fetcher->multi, watched, sizeof watched / sizeof *watched, ms, NULL);
	resolver_process(fetcher->resolver);
	for (struct inbox_node *node = inbox_take(&fetcher->inbox); node; node = next) {
		next = node->next;
		take(fetcher, CONTAINER_OF(node, struct fetch, node));
	}
	(void)curl_multi_perform(fetcher->multi, &running);
	take_completed(fetcher);
	expire_names(fetcher);
}

static void *run(void *argument)
{
	struct fetcher *fetcher = argument;
	while (!atomic_load(&fetcher->stopping) || atomic_load(&fetcher->waiting) > 0) {
		turn(fetcher);
		if (atomic_load(&fetcher->stopping))
			break_off(fetcher);
	}
	return NULL;
}

static int set_up(struct fetcher *fetcher, struct err *err)
{
	fetcher->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (fetcher->epoll_fd < 0)
		return err_set(err, ERR_INTERNAL, "cannot set up polling: %s", strerror(errno));
	fetcher->resolver = resolver_new(fetcher->config.dns_servers, fetcher->config.clock, fetcher->epoll_fd, err);
	if (!fetcher->resolver)
		return -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		fetcher->multi = curl_multi_init();
	return fetcher->multi ? 0 : err_set(err, ERR_INTERNAL, "libcurl cannot be started");
}

struct fetcher *fetcher_start(const struct fetch_config *config, struct err *err)
{
	struct fetcher *fetcher = mem_new(struct fetcher);
	fetcher->config = *config;
	if (fetcher->config.timeout_ms == 0)
		fetcher->config.timeout_ms = FETCH_TIMEOUT_MS;
	fetcher->inbox.fd = fetcher->epoll_fd = -1;
	if (inbox_init(&fetcher->inbox, err) || set_up(fetcher, err) || thread_start(&fetcher->thread, "fetch", run, fetcher, err)) {
		fetcher_stop(fetcher);
		return NULL;
	}
	fetcher->started = true;
	return fetcher;
}

int fetcher_get(struct fetcher *fetcher, struct fetch *fetch)
{
	/* In this order: who stops sets `stopping` first and then waits until nothing waits. */
	if (atomic_fetch_add(&fetcher->waiting, 1) >= FETCH_QUEUE_MAX || atomic_load(&fetcher->stopping)) {
		atomic_fetch_sub(&fetcher->waiting, 1);
		return -1;
	}
	inbox_post(&fetcher->inbox, &fetch->node);
	return 0;
}

void fetcher_stop(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	atomic_store(&fetcher->stopping, true);
	if (fetcher->started) {
		inbox_wake(&fetcher->inbox);
		pthread_join(fetcher->thread, NULL);
	}
	for (unsigned i = 0; i < KEPT_MAX; i++) {
		free(fetcher->kept[i].url);
		strbuf_free(&fetcher->kept[i].body);
	}
	resolver_free(fetcher->resolver); /* errands that waited for it end with it */
	curl_multi_cleanup(fetcher->multi);
	if (fetcher->epoll_fd >= 0)
		close(fetcher->epoll_fd);
	if (fetcher->inbox.fd >= 0)
		inbox_destroy(&fetcher->inbox);
	free(fetcher);
}
