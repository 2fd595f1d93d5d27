/* A worker's thread. A job goes: payload read if the scheduler did not pass it, name resolved, addresses judged, signed, handed to
 * curl, answer judged, outcome posted. One epoll instance watches the inbox, the resolver and curl's sockets. */
#include "deliver/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/codec.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/thread.h"
#include "deliver/exchange.h"
#include "deliver/handshake.h"
#include "deliver/recent.h"
#include "deliver/room.h"
#include "deliver/signers.h"
#include "deliver/tokens.h"
#include "deliver/verdict.h"
#include "metrics/metrics.h"
#include "store/read.h"

enum { SPARE_MAX = 256, EVENTS_MAX = 64, STARTS_MAX = EVENTS_MAX / 2, FEW_RUNNING = 64, PATIENCE_MS = 1, WARN_EVERY_US = 1000000 };

struct worker {
	/* shared */
	struct deliver_config config;
	struct inbox inbox;
	atomic_bool stopping;
	pthread_t thread;
	/* owned by the thread */
	int epoll_fd;
	CURLM *multi;
	struct sockets sockets; /* curl's */
	struct resolver *resolver;
	struct store_reader *reader;
	struct signers signers;
	struct accesses accesses;
	struct tokens *tokens;
	struct room room;
	struct recent recent;
	struct inbox_node *posted, *posted_last; /* jobs that were taken out of the inbox and not begun */
	struct exchange *running;
	unsigned running_len;
	struct exchange *spare;
	unsigned spare_len;
	struct heap deadlines; /* exchanges whose name is being resolved or that await a token, by the end of their time */
	int64_t timer_us;      /* when curl wants to be called, monotonic; INT64_MAX: not */
	int64_t warn_at_us;    /* of a shortage, not before this */
	unsigned short random[3];
};

/* ---- the end of a job ---- */

static void post(struct worker *worker, struct job *job)
{
	if (job->event)
		job->outcome.request = job->event->f.request;
	/* A job may wait long for its commit: not with its payload. */
	event_unref(job->event);
	job->event = NULL;
	room_leave(&worker->room, job);
	if (job->handshake) {
		job->handshake->over(job->handshake, true);
		return;
	}
	worker->config.freed(job);
	store_post(worker->config.store, &job->outcome.cmd);
}

/* Its handshakes are no attempts. */
static void count(const struct job *job, int64_t ended_ms)
{
	const struct outcome *outcome = &job->outcome;
	unsigned result = outcome->failure == FAILURE_NONE ? RESULT_SUCCEEDED : RESULT_FAILED;
	if (job->handshake)
		return;
	metrics_count(METRIC_ATTEMPTS, metrics_pair(result, outcome->failure, LABEL_FAILURE_MAX));
	metrics_observe(METRIC_ATTEMPT_DURATION, result, (uint64_t)outcome->duration_ms);
	if (outcome->change != DELIVERY_SUCCEED || outcome->due.round != DELIVERY_ROUND_FIRST)
		return;
	int64_t from_ms = id_time_ms(outcome->due.event), deliver_at_ms = job->event ? job->event->f.deliver_at_ms : 0;
	if (deliver_at_ms > from_ms)
		from_ms = deliver_at_ms;
	metrics_observe(METRIC_LATENCY, 0, ended_ms > from_ms ? (uint64_t)(ended_ms - from_ms) : 0);
}

static void conclude(struct worker *worker, struct job *job, int64_t retry_after_ms)
{
	int64_t event_ms = job->event ? job->event->f.time_ms : id_time_ms(job->outcome.due.event);
	job->outcome.attempted = true;
	int64_t now_ms = clock_wall_ms(worker->config.clock);
	verdict(&job->outcome, job->endpoint, event_ms, retry_after_ms, now_ms, erand48(worker->random));
	count(job, now_ms);
	post(worker, job);
}

/* Our own stop, or our own trouble: the row stays as it is. */
static void abandon(struct worker *worker, struct job *job)
{
	room_leave(&worker->room, job);
	if (job->handshake) {
		job->handshake->over(job->handshake, false);
		return;
	}
	worker->config.freed(job);
	job->outcome.cmd.fate = ERR_UNAVAILABLE;
	job->outcome.applied = false;
	job->outcome.cmd.done(&job->outcome.cmd);
}

/* The delivery's turn comes again; nothing is recorded. */
static void put_back(struct worker *worker, struct job *job)
{
	int64_t now_us = clock_mono_us(worker->config.clock);
	if (now_us >= worker->warn_at_us) {
		worker->warn_at_us = now_us + WARN_EVERY_US;
		log_warn("deliver",
		         "no file descriptor or memory for another socket: deliveries wait for one; raise the limit of open files");
	}
	abandon(worker, job);
}

/* ---- exchanges ---- */

/* curl counts the connections in use, too, among those it may keep: with a fixed number it would close one at the end of each request
 * whenever more than that are in flight. */
static void keep_connections(struct worker *worker)
{
	(void)curl_multi_setopt(worker->multi, CURLMOPT_MAXCONNECTS, (long)worker->config.idle_connections_max + (long)worker->running_len);
}

static struct exchange *exchange_begin(struct worker *worker, struct job *job)
{
	struct exchange *exchange = worker->spare;
	if (exchange) {
		worker->spare = exchange->next;
		worker->spare_len--;
	} else {
		exchange = exchange_new(&worker->config, worker, &worker->sockets);
		if (!exchange)
			return NULL;
	}
	exchange->job = job;
	exchange_charge(exchange, exchange_made_bytes(job->endpoint, job->event->charged_bytes));
	exchange->started_ms = job->outcome.started_ms;
	exchange->started_us = clock_mono_us(worker->config.clock);
	exchange->previous = NULL;
	exchange->next = worker->running;
	if (worker->running)
		worker->running->previous = exchange;
	worker->running = exchange;
	worker->running_len++;
	metrics_step(METRIC_IN_FLIGHT, 1);
	keep_connections(worker);
	return exchange;
}

/* Nobody may know the exchange any more: neither curl nor the resolver. */
static void exchange_end(struct exchange *exchange)
{
	struct worker *worker = exchange->worker;
	*(exchange->previous ? &exchange->previous->next : &worker->running) = exchange->next;
	if (exchange->next)
		exchange->next->previous = exchange->previous;
	worker->running_len--;
	metrics_step(METRIC_IN_FLIGHT, -1);
	keep_connections(worker);
	if (exchange_clear(exchange) || worker->spare_len >= SPARE_MAX) {
		exchange_free(exchange);
		return;
	}
	exchange->next = worker->spare;
	worker->spare = exchange;
	worker->spare_len++;
}

static int64_t elapsed_ms(const struct exchange *exchange)
{
	return (clock_mono_us(exchange->config->clock) - exchange->started_us) / 1000;
}

/* The attempt is over; takes the job away from the exchange. */
static void finish(struct exchange *exchange, int64_t retry_after_ms)
{
	struct job *job = exchange->job;
	exchange->job = NULL;
	job->outcome.duration_ms = elapsed_ms(exchange);
	conclude(exchange->worker, job, retry_after_ms);
	if (!exchange->resolving)
		exchange_end(exchange);
}

static void finish_without_socket(struct exchange *exchange)
{
	struct job *job = exchange->job;
	exchange->job = NULL;
	put_back(exchange->worker, job);
	exchange_end(exchange);
}

static void fail(struct exchange *exchange, enum attempt_failure failure, const char *detail)
{
	exchange_set_failure(&exchange->job->outcome, failure, detail);
	finish(exchange, -1);
}

static void renew_token(struct exchange *exchange);

/* What the endpoint is to be shown, for as long as nobody else's is asked for. */
static int open_access(struct exchange *exchange, struct err *err)
{
	const struct endpoint *endpoint = exchange->job->endpoint;
	if (!access_needed(endpoint))
		return 0;
	exchange->access = access_get(&exchange->worker->accesses, endpoint, err);
	return exchange->access ? 0 : -1;
}

static void hand_to_curl(struct exchange *exchange)
{
	exchange->error[0] = '\0';
	CURLMcode status = curl_multi_add_handle(exchange->worker->multi, exchange->easy);
	if (status == CURLM_OK)
		exchange->sending = true;
	else
		fail(exchange, FAILURE_INTERNAL, curl_multi_strerror(status));
}

static void completed(struct exchange *exchange, CURLcode code)
{
	struct worker *worker = exchange->worker;
	curl_multi_remove_handle(worker->multi, exchange->easy);
	exchange->sending = false;
	if (transport_retry(&exchange->transport, exchange->easy)) {
		hand_to_curl(exchange);
		return;
	}
	if (exchange_lacked_socket(exchange)) {
		finish_without_socket(exchange);
		return;
	}
	if (exchange->token && exchange->status == 401 && !exchange->renewed) {
		renew_token(exchange);
		return;
	}
	/* It was opened for the request, and can be again: else a response would be kept that may repeat a secret. */
	if (open_access(exchange, NULL))
		strbuf_clear(&exchange->body);
	int64_t retry_after_ms = exchange_result(exchange, code, &exchange->job->outcome, clock_wall_ms(worker->config.clock));
	exchange->access = NULL;
	if (exchange->job->handshake)
		handshake_judge(exchange);
	finish(exchange, retry_after_ms);
}

static void send_request(struct exchange *exchange)
{
	struct worker *worker = exchange->worker;
	const struct endpoint *endpoint = exchange->job->endpoint;
	struct err err = {0};
	int64_t left_ms = endpoint_timeout_ms(endpoint) - elapsed_ms(exchange);
	if (left_ms <= 0) {
		fail(exchange, FAILURE_TIMEOUT, "the time was used up before the request was sent");
		return;
	}
	struct prepared *prepared = open_access(exchange, &err) ? NULL : signers_get(&worker->signers, endpoint, &err);
	bool failed = !prepared || exchange_request(exchange, prepared, (int)left_ms, &err);
	exchange->access = NULL;
	if (failed) {
		fail(exchange, FAILURE_INTERNAL, err.detail);
		return;
	}
	hand_to_curl(exchange);
}

static void watch_deadline(struct exchange *exchange)
{
	int64_t until_us = exchange->started_us + (int64_t)endpoint_timeout_ms(exchange->job->endpoint) * 1000;
	heap_push(&exchange->worker->deadlines, &exchange->deadline, until_us, 0);
}

static void resolve(struct exchange *exchange, const char *host, void (*done)(void *context, const struct resolved *resolved))
{
	exchange->resolving = true;
	watch_deadline(exchange);
	resolver_query(exchange->worker->resolver, host, done, exchange);
}

/* False when the exchange ends here. */
static bool resolved_well(struct exchange *exchange, const struct resolved *resolved, enum attempt_failure otherwise)
{
	exchange->resolving = false;
	heap_remove(&exchange->worker->deadlines, &exchange->deadline);
	if (!exchange->job)
		exchange_end(exchange);
	else if (resolved->out_of_sockets)
		finish_without_socket(exchange);
	else if (resolved->len == 0)
		fail(exchange, otherwise, resolved->why);
	else
		return true;
	return false;
}

static void proxy_resolved(void *context, const struct resolved *resolved)
{
	struct exchange *exchange = context;
	if (!resolved_well(exchange, resolved, FAILURE_PROXY))
		return;
	transport_aim_proxy(&exchange->transport, resolved);
	send_request(exchange);
}

static void name_resolved(void *context, const struct resolved *resolved)
{
	struct exchange *exchange = context;
	struct transport *transport = &exchange->transport;
	if (!resolved_well(exchange, resolved, FAILURE_DNS))
		return;
	const struct endpoint *endpoint = exchange->job->endpoint;
	unsigned turn = (unsigned)exchange->job->outcome.due.attempts;
	if (!transport_aim(transport, endpoint->host, endpoint->port, endpoint->https, resolved, turn))
		fail(exchange, FAILURE_ADDRESS_DENIED, transport->denied);
	else if (transport_proxy(transport))
		resolve(exchange, transport_proxy(transport), proxy_resolved);
	else
		send_request(exchange);
}

static void look_up(struct exchange *exchange)
{
	resolve(exchange, exchange->job->endpoint->host, name_resolved);
}

static void token_came(struct token_waiter *waiter, const char *token, const char *why, bool no_socket)
{
	struct exchange *exchange = CONTAINER_OF(waiter, struct exchange, waiter);
	exchange->awaiting = false;
	heap_remove(&exchange->worker->deadlines, &exchange->deadline);
	if (no_socket) {
		finish_without_socket(exchange);
		return;
	}
	if (!token) {
		fail(exchange, FAILURE_TOKEN, why);
		return;
	}
	exchange->token = mem_text(token);
	look_up(exchange);
}

/* `refused`: one that the endpoint did not take. The exchange may be over when this returns. */
static void await_token(struct exchange *exchange, const char *refused)
{
	struct worker *worker = exchange->worker;
	const struct endpoint *endpoint = exchange->job->endpoint;
	struct err err = {0};
	const struct access *access = access_get(&worker->accesses, endpoint, &err);
	if (!access) {
		fail(exchange, FAILURE_INTERNAL, err.detail);
		return;
	}
	exchange->awaiting = true;
	exchange->waiter = (struct token_waiter){.done = token_came};
	watch_deadline(exchange);
	tokens_get(worker->tokens, endpoint, access, refused, &exchange->waiter);
}

/* The token may have ended before its time: once in an attempt the request is made again with another. */
static void renew_token(struct exchange *exchange)
{
	char *refused = mem_text(exchange->token);
	exchange->renewed = true;
	exchange_again(exchange);
	await_token(exchange, refused);
	explicit_bzero(refused, strlen(refused));
	free(refused);
}

static void expire_waiting(struct worker *worker)
{
	int64_t now_us = clock_mono_us(worker->config.clock);
	for (struct heap_node *top; (top = heap_top(&worker->deadlines)) && top->key <= now_us;) {
		struct exchange *exchange = CONTAINER_OF(top, struct exchange, deadline);
		heap_pop(&worker->deadlines);
		bool awaiting = exchange->awaiting;
		exchange->awaiting = false;
		tokens_leave(&exchange->waiter);
		if (awaiting)
			fail(exchange, FAILURE_TOKEN, TOKENS_UNREACHED);
		else
			fail(exchange, transport_proxy(&exchange->transport) ? FAILURE_PROXY : FAILURE_DNS, "the name server did not answer in time");
	}
}

/* ---- the start of a job ---- */

/* A job at the door: one that waited goes in, of the others those that fit. */
struct entry {
	struct worker *worker;
	struct job *job;
	bool waited;
	bool refused;
};

static bool may_enter(struct entry *entry, size_t bytes)
{
	entry->job->room_bytes = bytes;
	entry->refused = !entry->waited && !room_has(&entry->worker->room, bytes);
	return !entry->refused;
}

static bool event_fits(void *context, size_t bytes)
{
	struct entry *entry = context;
	return may_enter(entry, bytes + exchange_made_bytes(entry->job->endpoint, bytes));
}

/* The event of a job whose payload the scheduler did not pass; NULL and err. */
static struct event *read_back(struct worker *worker, struct job *job, struct entry *entry, struct err *err)
{
	struct event *event =
	    reader_event_if(worker->reader, job->outcome.due.event, worker->config.budget, event_fits, entry, err);
	if (event)
		recent_put(&worker->recent, event, worker->config.budget);
	return event;
}

/* What was read back lately is not kept when others wait for memory. */
static void park(struct worker *worker, struct job *job)
{
	recent_clear(&worker->recent);
	room_park(&worker->room, job);
}

/* False when the job was ended here, or waits. A payload that is gone or damaged stays so; what else fails may pass. */
static bool load_payload(struct worker *worker, struct job *job, bool waited)
{
	struct err err = {0};
	struct entry entry = {.worker = worker, .job = job, .waited = waited};
	if (!job->event)
		job->event = recent_get(&worker->recent, job->outcome.due.event);
	if (job->event)
		may_enter(&entry, exchange_made_bytes(job->endpoint, job->event->charged_bytes));
	else
		job->event = read_back(worker, job, &entry, &err);
	if (entry.refused) {
		park(worker, job);
		return false;
	}
	if (job->event) {
		room_enter(&worker->room, job);
		return true;
	}
	exchange_set_failure(&job->outcome, FAILURE_PAYLOAD, err.detail);
	if (err.code != ERR_NOT_FOUND && err.code != ERR_INTERNAL) {
		conclude(worker, job, -1);
		return false;
	}
	log_error("deliver", "the payload of event %lld cannot be read, its delivery ends: %s", (long long)job->outcome.due.event,
	          err.detail);
	job->outcome.attempted = true;
	job->outcome.change = DELIVERY_DIE;
	job->outcome.reason = REASON_CORRUPT;
	count(job, job->outcome.started_ms);
	post(worker, job);
	return false;
}

static void take(struct worker *worker, struct job *job, bool waited)
{
	job->outcome.started_ms = clock_wall_ms(worker->config.clock);
	if (!load_payload(worker, job, waited))
		return;
	if (verdict_expired(&job->outcome, job->endpoint, job->event->f.time_ms, job->outcome.started_ms)) {
		post(worker, job);
		return;
	}
	struct exchange *exchange = exchange_begin(worker, job);
	if (!exchange) {
		exchange_set_failure(&job->outcome, FAILURE_INTERNAL, "out of memory for the request");
		conclude(worker, job, -1);
		return;
	}
	if (job->endpoint->auth && job->endpoint->auth->type == AUTH_OAUTH2)
		await_token(exchange, NULL);
	else
		look_up(exchange);
}

/* Whether answers come as fast as they can be handled: then more requests at a time would only wait longer, and cost more, for their handles
 * and connections do not fit into the processor's caches, and libcurl walks all connections to a host for each request. Where endpoints
 * take their time, few of those that are under way are ready at once, and there soon are as many as the windows allow. */
static bool keeps_up(const struct worker *worker, int ready)
{
	return worker->running_len < FEW_RUNNING || (ready < EVENTS_MAX && ready <= (int)(worker->running_len / 8));
}

/* Some of what was posted; `ready`: how many sockets were. */
static void take_some(struct worker *worker, int ready)
{
	bool more = keeps_up(worker, ready);
	for (int i = 0; i < STARTS_MAX && worker->posted && (more || worker->running_len < FEW_RUNNING); i++) {
		struct job *job = CONTAINER_OF(worker->posted, struct job, to_worker);
		worker->posted = worker->posted->next;
		take(worker, job, false);
	}
}

/* Behind what was not taken yet. */
static void gather(struct worker *worker)
{
	struct inbox_node **end = worker->posted ? &worker->posted_last->next : &worker->posted;
	for (*end = inbox_take(&worker->inbox); *end; end = &(*end)->next)
		worker->posted_last = *end;
}

/* Those that waited for memory and may have it now. */
static void take_waiting(struct worker *worker)
{
	for (struct job *job; (job = room_next(&worker->room, false));)
		take(worker, job, true);
}

/* ---- curl ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	struct worker *worker = context;
	(void)easy;
	(void)socket_context;
	/* Neither of them with CURL_POLL_REMOVE. */
	sockets_want(&worker->sockets, fd, (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u));
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct worker *worker = context;
	(void)multi;
	worker->timer_us = timeout_ms < 0 ? INT64_MAX : clock_mono_us(worker->config.clock) + (int64_t)timeout_ms * 1000;
	return 0;
}

static void act(struct worker *worker, curl_socket_t fd, int events)
{
	int running;
	CURLMcode status = curl_multi_socket_action(worker->multi, fd, events, &running);
	if (status != CURLM_OK)
		log_error("deliver", "libcurl: %s", curl_multi_strerror(status));
}

static void act_on_event(struct worker *worker, const struct epoll_event *event)
{
	int events = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) | (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	             (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	curl_socket_t fd = (curl_socket_t)(event->data.u64 & ~SOCKETS_TAG);
	if (sockets_reported(&worker->sockets, fd))
		act(worker, fd, events);
}

/* The timer is one-shot: forgotten before curl is called, which may set it again. */
static void act_on_timer(struct worker *worker)
{
	if (worker->timer_us > clock_mono_us(worker->config.clock))
		return;
	worker->timer_us = INT64_MAX;
	act(worker, CURL_SOCKET_TIMEOUT, 0);
}

static void take_completed(struct worker *worker)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(worker->multi, &left));) {
		void *whose = NULL;
		CURLcode code = message->data.result;
		if (message->msg == CURLMSG_DONE && curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &whose) == CURLE_OK &&
		    !tokens_completed(worker->tokens, whose, code))
			completed(whose, code);
	}
}

/* ---- the thread ---- */

static int wait_ms(struct worker *worker)
{
	if (worker->posted)
		return worker->running_len < FEW_RUNNING ? 0 : PATIENCE_MS; /* an answer may come and make room */
	const struct heap_node *deadline = heap_top(&worker->deadlines);
	int64_t until_us = deadline && deadline->key < worker->timer_us ? deadline->key : worker->timer_us;
	int resolver_ms = resolver_timeout_ms(worker->resolver);
	if (room_awaited(&worker->room) && (resolver_ms < 0 || resolver_ms > ROOM_LOOK_MS))
		resolver_ms = ROOM_LOOK_MS;
	if (until_us == INT64_MAX)
		return resolver_ms;
	int64_t left_ms = (until_us - clock_mono_us(worker->config.clock) + 999) / 1000;
	if (left_ms < 0)
		left_ms = 0;
	return resolver_ms >= 0 && resolver_ms < left_ms ? resolver_ms : (int)left_ms;
}

static void turn(struct worker *worker)
{
	struct epoll_event events[EVENTS_MAX];
	int len = epoll_wait(worker->epoll_fd, events, EVENTS_MAX, inbox_may_sleep(&worker->inbox) ? wait_ms(worker) : 0);
	if (len < 0 && errno != EINTR)
		log_fatal("deliver", "cannot wait for sockets: %s", strerror(errno));
	inbox_hold();
	bool names = resolver_timeout_ms(worker->resolver) == 0;
	for (int i = 0; i < len; i++) {
		if (events[i].data.u64 & SOCKETS_TAG)
			act_on_event(worker, &events[i]);
		else if (events[i].data.ptr == worker->resolver)
			names = true;
	}
	if (names)
		resolver_process(worker->resolver);
	gather(worker);
	take_some(worker, len);
	act_on_timer(worker);
	expire_waiting(worker);
	take_completed(worker);
	take_waiting(worker);
	if (worker->running_len == 0 && !worker->posted)
		recent_clear(&worker->recent);
	inbox_release();
}

/* Ends all that runs. What waits for the resolver is freed when that is. */
static void break_off(struct worker *worker)
{
	struct exchange *next;
	struct inbox_node *next_node;
	tokens_stop(worker->tokens);
	for (struct exchange *exchange = worker->running; exchange; exchange = next) {
		next = exchange->next;
		struct job *job = exchange->job;
		exchange->job = NULL;
		if (exchange->sending)
			curl_multi_remove_handle(worker->multi, exchange->easy);
		if (exchange->awaiting)
			heap_remove(&worker->deadlines, &exchange->deadline);
		exchange->awaiting = false;
		if (!exchange->resolving)
			exchange_end(exchange);
		if (job)
			abandon(worker, job);
	}
	gather(worker);
	for (struct inbox_node *at = worker->posted; at; at = next_node) {
		next_node = at->next;
		abandon(worker, CONTAINER_OF(at, struct job, to_worker));
	}
	for (struct job *job; (job = room_next(&worker->room, true));)
		abandon(worker, job);
}

static void *run(void *argument)
{
	struct worker *worker = argument;
	pulse_begin("deliver", &worker->inbox);
	while (!atomic_load(&worker->stopping)) {
		turn(worker);
		pulse_beat();
	}
	pulse_end();
	break_off(worker);
	return NULL;
}

/* ---- from outside ---- */

static void worker_free(struct worker *worker)
{
	resolver_free(worker->resolver);
	tokens_free(worker->tokens);
	while (worker->spare) {
		struct exchange *exchange = worker->spare;
		worker->spare = exchange->next;
		exchange_free(exchange);
	}
	curl_multi_cleanup(worker->multi);
	sockets_free(&worker->sockets);
	heap_free(&worker->deadlines);
	signers_free(&worker->signers);
	accesses_free(&worker->accesses);
	recent_clear(&worker->recent);
	reader_close(worker->reader);
	if (worker->epoll_fd >= 0)
		close(worker->epoll_fd);
	inbox_destroy(&worker->inbox);
	free(worker);
}

static int set_up_multi(struct worker *worker, struct err *err)
{
	worker->multi = curl_multi_init();
	if (!worker->multi || curl_multi_setopt(worker->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
	    curl_multi_setopt(worker->multi, CURLMOPT_SOCKETDATA, worker) != CURLM_OK ||
	    curl_multi_setopt(worker->multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
	    curl_multi_setopt(worker->multi, CURLMOPT_TIMERDATA, worker) != CURLM_OK)
		return err_set(err, ERR_INTERNAL, "cannot set up libcurl");
	return 0;
}

struct worker *worker_start(const struct deliver_config *config, struct err *err)
{
	struct worker *worker = mem_new(struct worker);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &worker->inbox};
	worker->config = *config;
	worker->signers.master = config->master;
	worker->accesses.master = config->master;
	worker->room.budget = config->budget;
	worker->timer_us = INT64_MAX;
	codec_random((uint8_t *)worker->random, sizeof worker->random);
	if (inbox_init(&worker->inbox, err)) {
		free(worker);
		return NULL;
	}
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll_fd < 0 || epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->inbox.fd, &event) != 0) {
		err_set(err, ERR_INTERNAL, "cannot set up polling: %s", strerror(errno));
		goto out;
	}
	worker->sockets.epoll_fd = worker->epoll_fd;
	if (set_up_multi(worker, err))
		goto out;
	worker->resolver = resolver_new(config->dns_servers, config->clock, worker->epoll_fd, err);
	worker->tokens = tokens_new(&worker->config, worker->multi, worker->resolver, &worker->sockets);
	worker->reader = worker->resolver ? reader_open(config->store, err) : NULL;
	if (!worker->reader || thread_start(&worker->thread, "deliver", run, worker, err))
		goto out;
	return worker;
out:
	worker_free(worker);
	return NULL;
}

void worker_post(struct worker *worker, struct job *job)
{
	inbox_post(&worker->inbox, &job->to_worker);
}

void worker_ask_stop(struct worker *worker)
{
	atomic_store(&worker->stopping, true);
	inbox_wake(&worker->inbox);
}

void worker_join(struct worker *worker)
{
	if (!worker)
		return;
	pthread_join(worker->thread, NULL);
	worker_free(worker);
}
