/* Fetching, one document after the other. */
#include "deliver/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/thread.h"
#include "deliver/resolver.h"
#include "model/url.h"

enum { KEPT_MAX = 16, KEPT_MS = 3600000, PIN_SIZE = 2048, URL_SIZE = 4097 };

struct kept {
	char *url;
	struct strbuf body;
	int64_t until_us;
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
	struct resolver *resolver;
	CURL *easy;
	struct fetch *fetch; /* the present one */
	struct kept kept[KEPT_MAX];
	unsigned next_kept;
};

static int fail(struct fetch *fetch, const char *why)
{
	snprintf(fetch->why, sizeof fetch->why, "%s", why);
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

static bool kept_give(struct fetcher *fetcher, struct fetch *fetch)
{
	struct kept *kept = fetch->keep ? kept_find(fetcher, fetch->url) : NULL;
	if (!kept || kept->until_us <= clock_mono_us(fetcher->config.clock))
		return false;
	strbuf_append(&fetch->body, strbuf_text(&kept->body), kept->body.len);
	fetch->ok = !fetch->body.failed;
	return true;
}

static void kept_put(struct fetcher *fetcher, const struct fetch *fetch)
{
	struct kept *kept = kept_find(fetcher, fetch->url);
	if (!kept)
		kept = &fetcher->kept[fetcher->next_kept++ % KEPT_MAX];
	free(kept->url);
	strbuf_free(&kept->body);
	kept->url = mem_text_of(fetch->url);
	kept->body = STRBUF_INIT(FETCH_BYTES_MAX);
	strbuf_append(&kept->body, strbuf_text(&fetch->body), fetch->body.len);
	kept->until_us = clock_mono_us(fetcher->config.clock) + KEPT_MS * INT64_C(1000);
}

/* ---- One request ---- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct fetcher *fetcher = context;
	(void)purpose;
	if (!egress_allows(fetcher->config.egress, &address->addr, NULL, 0))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_bytes(char *bytes, size_t size, size_t len, void *context)
{
	struct fetch *fetch = context;
	strbuf_append(&fetch->body, bytes, size * len);
	return fetch->body.failed ? 0 : size * len;
}

/* The host with the judged addresses, in the form of CURLOPT_RESOLVE. */
static int pin(struct fetcher *fetcher, const struct url *url, char out[PIN_SIZE])
{
	struct resolved resolved = {.len = 0};
	resolver_wait(fetcher->resolver, url->host, fetcher->config.timeout_ms / 2, &resolved);
	if (resolved.len == 0)
		return fail(fetcher->fetch, "the host does not resolve");
	int len = snprintf(out, PIN_SIZE, "+%s:%d:", url->host, url->port);
	for (unsigned i = 0; i < resolved.len; i++) {
		char text[INET6_ADDRSTRLEN] = "";
		bool six = resolved.at[i].ss_family == AF_INET6;
		const void *address = six ? (const void *)&((const struct sockaddr_in6 *)&resolved.at[i])->sin6_addr
		                          : (const void *)&((const struct sockaddr_in *)&resolved.at[i])->sin_addr;
		if (!egress_allows(fetcher->config.egress, (const struct sockaddr *)&resolved.at[i], fetcher->fetch->why,
		                   sizeof fetcher->fetch->why))
			return -1;
		inet_ntop(resolved.at[i].ss_family, address, text, sizeof text);
		if (len < PIN_SIZE)
			len += snprintf(out + len, (size_t)(PIN_SIZE - len), six ? "%s[%s]" : "%s%s", i ? "," : "", text);
	}
	return len < PIN_SIZE ? 0 : fail(fetcher->fetch, "the host has too many addresses");
}

#define SET(option, value) (curl_easy_setopt(fetcher->easy, option, value) != CURLE_OK)

static bool set_options(struct fetcher *fetcher, const char *url, struct curl_slist *pinned)
{
	bool failed = false;
	curl_easy_reset(fetcher->easy);
	failed |= SET(CURLOPT_URL, url);
	failed |= SET(CURLOPT_HTTPGET, 1L);
	failed |= SET(CURLOPT_NOSIGNAL, 1L);
	failed |= SET(CURLOPT_PROXY, ""); /* or http_proxy from the environment counts */
	failed |= SET(CURLOPT_PROTOCOLS_STR, "http,https");
	failed |= SET(CURLOPT_FOLLOWLOCATION, 0L);
	failed |= SET(CURLOPT_HTTP09_ALLOWED, 0L);
	failed |= SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	failed |= SET(CURLOPT_FORBID_REUSE, 1L);
	if (fetcher->config.authorities)
		failed |= SET(CURLOPT_CAINFO, fetcher->config.authorities);
	failed |= SET(CURLOPT_RESOLVE, pinned);
	failed |= SET(CURLOPT_TIMEOUT_MS, (long)fetcher->config.timeout_ms);
	failed |= SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	failed |= SET(CURLOPT_OPENSOCKETDATA, fetcher);
	failed |= SET(CURLOPT_WRITEFUNCTION, on_bytes);
	failed |= SET(CURLOPT_WRITEDATA, fetcher->fetch);
	failed |= SET(CURLOPT_USERAGENT, "grapnel");
	return !failed;
}

static int get(struct fetcher *fetcher)
{
	struct fetch *fetch = fetcher->fetch;
	struct err err = {.code = ERR_NONE};
	char url[URL_SIZE], pin_text[PIN_SIZE];
	struct url parts;
	struct curl_slist pinned = {.data = pin_text};
	struct in6_addr literal;
	long status = 0;
	if (fetch->url.len >= sizeof url || url_parse(fetch->url, "url", &parts, &err))
		return fail(fetch, "the URL is malformed");
	memcpy(url, fetch->url.at, fetch->url.len);
	url[fetch->url.len] = '\0';
	if (pin(fetcher, &parts, pin_text))
		return -1;
	bool named = inet_pton(AF_INET, parts.host, &literal) != 1 && inet_pton(AF_INET6, parts.host, &literal) != 1;
	if (!set_options(fetcher, url, named ? &pinned : NULL))
		return fail(fetch, "libcurl refused the request");
	CURLcode code = curl_easy_perform(fetcher->easy);
	if (code != CURLE_OK)
		return fail(fetch, fetch->body.failed ? "the document is too large" : curl_easy_strerror(code));
	curl_easy_getinfo(fetcher->easy, CURLINFO_RESPONSE_CODE, &status);
	fetch->ok = status >= 200 && status <= 299;
	if (!fetch->ok)
		snprintf(fetch->why, sizeof fetch->why, "the answer is %ld", status);
	return fetch->ok ? 0 : -1;
}

static void run_one(struct fetcher *fetcher, struct fetch *fetch)
{
	fetcher->fetch = fetch;
	fetch->body = STRBUF_INIT(FETCH_BYTES_MAX);
	fetch->ok = false;
	fetch->why[0] = '\0';
	if (atomic_load(&fetcher->stopping))
		fail(fetch, "the hub is stopping");
	else if (!kept_give(fetcher, fetch) && get(fetcher) == 0 && fetch->keep)
		kept_put(fetcher, fetch);
	fetcher->fetch = NULL;
	atomic_fetch_sub(&fetcher->waiting, 1);
	fetch->done(fetch);
}

static void *run(void *argument)
{
	struct fetcher *fetcher = argument;
	for (;;) {
		struct inbox_node *node = inbox_take(&fetcher->inbox);
		if (!node && atomic_load(&fetcher->stopping) && atomic_load(&fetcher->waiting) == 0)
			return NULL;
		if (!node)
			inbox_wait(&fetcher->inbox, -1);
		while (node) {
			struct fetch *fetch = CONTAINER_OF(node, struct fetch, node);
			node = node->next;
			run_one(fetcher, fetch);
		}
	}
}

struct fetcher *fetcher_start(const struct fetch_config *config, struct err *err)
{
	struct fetcher *fetcher = mem_new(struct fetcher);
	fetcher->config = *config;
	if (fetcher->config.timeout_ms == 0)
		fetcher->config.timeout_ms = FETCH_TIMEOUT_MS;
	fetcher->inbox.fd = -1;
	if (inbox_init(&fetcher->inbox, err))
		goto failed;
	fetcher->resolver = resolver_new(config->dns_servers, config->clock, -1, err);
	if (!fetcher->resolver)
		goto failed;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		fetcher->easy = curl_easy_init();
	if (!fetcher->easy) {
		err_set(err, ERR_INTERNAL, "libcurl cannot be started");
		goto failed;
	}
	if (thread_start(&fetcher->thread, "fetch", run, fetcher, err))
		goto failed;
	fetcher->started = true;
	return fetcher;
failed:
	fetcher_stop(fetcher);
	return NULL;
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
	resolver_free(fetcher->resolver);
	curl_easy_cleanup(fetcher->easy);
	if (fetcher->inbox.fd >= 0)
		inbox_destroy(&fetcher->inbox);
	free(fetcher);
}
