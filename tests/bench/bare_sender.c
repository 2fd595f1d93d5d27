/* libcurl's multi interface on one epoll instance. Easy handles keep their fixed options; each request sets headers and body. */
#include <curl/curl.h>
#include <err.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bare.h"
#include "hist.h"

enum { EVENTS_MAX = 64, LINES = 8, LINE_BYTES = 160 };

struct exchange {
	struct exchange *next; /* in spare */
	CURL *easy;
	struct job *job;
	struct curl_slist list[LINES];
	char lines[LINES][LINE_BYTES];
};

static struct {
	struct bare_sender_config config;
	struct inbox inbox;
	int epoll_fd;
	CURLM *multi;
	int64_t timer_ns; /* when curl wants to be called; -1: never */
	struct exchange *spare;
	struct inbox_node *waiting, **waiting_end;
	unsigned running;
	EVP_MAC_CTX *mac;
} sender;

static size_t drop_body(char *bytes, size_t size, size_t count, void *unused)
{
	(void)bytes, (void)unused;
	return size * count;
}

static void new_exchange(void)
{
	struct exchange *exchange = calloc(1, sizeof *exchange);
	if (!exchange || !(exchange->easy = curl_easy_init()))
		abort();
	curl_easy_setopt(exchange->easy, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(exchange->easy, CURLOPT_URL, sender.config.url);
	curl_easy_setopt(exchange->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(exchange->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(exchange->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, 15000L);
	curl_easy_setopt(exchange->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(exchange->easy, CURLOPT_WRITEFUNCTION, drop_body);
	exchange->next = sender.spare;
	sender.spare = exchange;
}

static void sign(const struct job *job, int64_t now_s, char *to)
{
	char head[64];
	unsigned char code[32], base64[48];
	size_t code_len = sizeof code;
	int head_len = snprintf(head, sizeof head, "evt_%lld.%lld.", (long long)job->id, (long long)now_s);
	EVP_MAC_init(sender.mac, NULL, 0, NULL);
	EVP_MAC_update(sender.mac, (unsigned char *)head, (size_t)head_len);
	EVP_MAC_update(sender.mac, (const unsigned char *)job->data, job->data_len);
	EVP_MAC_final(sender.mac, code, &code_len, sizeof code);
	EVP_EncodeBlock(base64, code, (int)code_len);
	snprintf(to, LINE_BYTES, "webhook-signature: v1,%s", base64);
}

static void begin(struct job *job)
{
	struct exchange *exchange = sender.spare;
	int64_t now = wall_ms();
	unsigned lines = 4;
	sender.spare = exchange->next;
	sender.running++;
	exchange->job = job;
	job->started_ms = now;
	snprintf(exchange->lines[0], LINE_BYTES, "Expect:");
	snprintf(exchange->lines[1], LINE_BYTES, "Content-Type: application/json");
	snprintf(exchange->lines[2], LINE_BYTES, "webhook-id: evt_%lld", (long long)job->id);
	snprintf(exchange->lines[3], LINE_BYTES, "webhook-timestamp: %lld", (long long)now / 1000);
	if (sender.config.sign)
		sign(job, now / 1000, exchange->lines[lines++]);
	for (unsigned i = 0; i < lines; i++)
		exchange->list[i] = (struct curl_slist){exchange->lines[i], i + 1 < lines ? &exchange->list[i + 1] : NULL};
	if (sender.config.several) {
		char url[LINE_BYTES];
		snprintf(url, sizeof url, "%s%u", sender.config.url, job->endpoint);
		curl_easy_setopt(exchange->easy, CURLOPT_URL, url);
	}
	curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->list);
	curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->data_len);
	curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, job->data);
	if (curl_multi_add_handle(sender.multi, exchange->easy) != CURLM_OK)
		errx(1, "libcurl takes no more");
}

static void finish(const CURLMsg *message)
{
	struct exchange *exchange;
	CURL *easy = message->easy_handle;
	CURLcode code = message->data.result;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &exchange);
	struct job *job = exchange->job;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &job->status);
	curl_multi_remove_handle(sender.multi, easy);
	if (code != CURLE_OK || job->status != 200)
		errx(1, "a delivery failed: %s, status %ld", curl_easy_strerror(code), job->status);
	job->duration_ms = wall_ms() - job->started_ms;
	exchange->next = sender.spare;
	sender.spare = exchange;
	sender.running--;
	sender.config.done(job);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *unused, void *known)
{
	struct epoll_event event = {.data.fd = fd};
	(void)easy, (void)unused;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(sender.epoll_fd, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	epoll_ctl(sender.epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	curl_multi_assign(sender.multi, fd, &sender);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *unused)
{
	(void)multi, (void)unused;
	sender.timer_ns = timeout_ms < 0 ? -1 : clock_ns() + timeout_ms * 1000000;
	return 0;
}

static void take_inbox(void)
{
	*sender.waiting_end = inbox_take(&sender.inbox);
	while (*sender.waiting_end)
		sender.waiting_end = &(*sender.waiting_end)->next;
}

static void begin_waiting(void)
{
	while (sender.waiting && sender.running < sender.config.window) {
		struct job *job = CONTAINER_OF(sender.waiting, struct job, node);
		sender.waiting = sender.waiting->next;
		if (!sender.waiting)
			sender.waiting_end = &sender.waiting;
		begin(job);
	}
}

static void *run(void *unused)
{
	(void)unused;
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		int running, left;
		int64_t now = clock_ns();
		/* Rounded up, or curl finds that its time has not come. */
		int timeout = sender.timer_ns < 0 ? -1 : sender.timer_ns <= now ? 0 : (int)((sender.timer_ns - now + 999999) / 1000000);
		int ready = epoll_wait(sender.epoll_fd, events, EVENTS_MAX, inbox_may_sleep(&sender.inbox) ? timeout : 0);
		for (int i = 0; i < ready; i++) {
			int what = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0) |
			           (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
			if (events[i].data.fd != sender.inbox.fd)
				curl_multi_socket_action(sender.multi, events[i].data.fd, what, &running);
		}
		take_inbox();
		if (sender.timer_ns >= 0 && sender.timer_ns <= clock_ns()) {
			sender.timer_ns = -1; /* one-shot */
			curl_multi_socket_action(sender.multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		for (CURLMsg *message; (message = curl_multi_info_read(sender.multi, &left));)
			finish(message);
		begin_waiting();
	}
	return NULL;
}

static void prepare_mac(void)
{
	static const unsigned char key[] = "a secret as long as the real one";
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	sender.mac = EVP_MAC_CTX_new(hmac);
	if (!sender.mac || !EVP_MAC_init(sender.mac, key, sizeof key - 1, parameters))
		errx(1, "HMAC is missing");
}

struct inbox *bare_sender_start(const struct bare_sender_config *config)
{
	struct err err;
	pthread_t thread;
	sender.config = *config;
	sender.timer_ns = -1;
	sender.waiting_end = &sender.waiting;
	sender.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sender.multi = curl_multi_init();
	prepare_mac();
	curl_multi_setopt(sender.multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(sender.multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(sender.multi, CURLMOPT_MAXCONNECTS, (long)config->window + 1);
	for (unsigned i = 0; i < config->window; i++)
		new_exchange();
	if (inbox_init(&sender.inbox, &err))
		errx(1, "no inbox: %s", err.detail);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = sender.inbox.fd};
	if (epoll_ctl(sender.epoll_fd, EPOLL_CTL_ADD, sender.inbox.fd, &event) || pthread_create(&thread, NULL, run, NULL))
		errx(1, "the sender's thread cannot start");
	return &sender.inbox;
}
