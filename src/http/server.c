/* The HTTP server on libmicrohttpd. A shard is one thread: its epoll set holds the epoll descriptors of its daemons (one for each
 * listening socket), its inbox of answers, and each connection, edge-triggered, only to see the first byte of a request. */
#include "http/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/thread.h"
#include "http/complaint.h"
#include "http/exchange.h"
#include "http/listen.h"
#include "metrics/metrics.h"

enum {
	/* The head, a record for each of its headers, and the head of the answer fit; all of it is zeroed after each request. */
	CONNECTION_POOL_BYTES = 28 * 1024,
	LOCAL_CONNECTIONS_MAX = 128,
	STOP_FLUSH_MS = 1000,   /* for answers that are being sent when the server stops */
	ACCEPT_RETRY_MS = 1000, /* while descriptors are out */
	BARREN_TURNS = 3,       /* of a daemon that wants to be run at once: see daemon_timeout_ms() */
	BARREN_WAIT_MS = 2,
};

_Thread_local struct shard *shard_here;

/* Connections. */

static void connection_ready(struct loop_source *source)
{
	struct connection *connection = CONTAINER_OF(source, struct connection, source);
	if (connection->phase == CONNECTION_WAITING)
		connection_reading(connection);
}

static uint64_t connection_key(const struct server *server, const struct cidr_address *address)
{
	return proxies_trust(server->config.proxies, address) ? PEERS_TRUSTED : peers_key(address);
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
	struct listener *listener = cls;
	struct server *server = listener->shard->server;
	struct cidr_address peer = cidr_address(address);
	(void)len;
	return listener->local || peers_room(&server->peers, connection_key(server, &peer)) ? MHD_YES : MHD_NO;
}

static void connection_open(struct listener *listener, struct MHD_Connection *mhd, void **socket_context)
{
	struct connection *connection = mem_new(struct connection);
	const struct sockaddr *address = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	connection->source.ready = connection_ready;
	connection->shard = listener->shard;
	connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	connection->listener = listener;
	connection->address = cidr_address(address);
	connection->peer_key = listener->local ? 0 : connection_key(listener->shard->server, &connection->address);
	if (listener->tls) {
		void *session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
		connection->handshake = (struct handshake){.session = session, .fd = connection->fd};
		tls_watch(session);
		handshake_begin(&listener->shard->handshakes, &connection->handshake, clock_mono_us(listener->shard->server->config.clock));
	}
	connection->trusted = connection->peer_key == PEERS_TRUSTED;
	connection->peer_uid = listener->local ? listen_peer_uid(connection->fd) : -1;
	if (listener->local)
		snprintf(connection->peer, sizeof connection->peer, "local");
	else
		peers_format(&connection->address, connection->peer, sizeof connection->peer);
	peers_add(&listener->shard->server->peers, connection->peer_key);
	metrics_step(METRIC_HTTP_CONNECTIONS, 1);
	*socket_context = connection;
	struct err err = {0};
	if (loop_watch(listener->shard->epoll_fd, connection->fd, EPOLLIN | EPOLLET, &connection->source, &err)) {
		log_warn("http", "a connection was closed: %s", err.detail);
		shutdown(connection->fd, SHUT_RDWR);
	}
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_open(listener, mhd, socket_context);
		return;
	}
	struct connection *connection = *socket_context;
	/* A farewell's duplicate would keep it in the set. */
	loop_unwatch(listener->shard->epoll_fd, connection->fd);
	loop_queue_remove(&listener->shard->reading, &connection->deadline);
	handshake_end(&listener->shard->handshakes, &connection->handshake);
	peers_remove(&listener->shard->server->peers, connection->peer_key);
	metrics_step(METRIC_HTTP_CONNECTIONS, -1);
	listener->shard->again = true;
	listener->suspended = false;
	free(connection);
	*socket_context = NULL;
}

/* Targets are taken as they came; decoding is the router's business. */
static size_t on_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *format, va_list arguments)
{
	struct listener *listener = cls;
	struct shard *shard = listener->shard;
	if (complaint_log(shard->server->config.clock, &shard->warn_at_us, format, arguments) == COMPLAINT_SUSPENDED)
		listener->suspended = true;
}

/* The loop. */

/* With TLS, libmicrohttpd wants to be run again at once as long as a client is in the midst of its handshake, though there is nothing to do
 * before more of it comes: one that stalls would keep a processor busy. What it has decrypted and not taken is no event either, so a few turns
 * are for that. */
static int64_t daemon_timeout_ms(const struct shard *shard, const struct listener *listener)
{
	MHD_UNSIGNED_LONG_LONG daemon_ms;
	if (MHD_get_timeout(listener->daemon, &daemon_ms) != MHD_YES)
		return -1;
	if (daemon_ms == 0 && listener->tls && shard->barren >= BARREN_TURNS)
		return BARREN_WAIT_MS;
	return (int64_t)daemon_ms;
}

static int64_t shard_timeout_ms(const struct shard *shard)
{
	int64_t timeout_ms = shard->again ? 0 : -1, now_us = clock_mono_us(shard->server->config.clock);
	for (size_t i = 0; i < shard->listeners_len; i++) {
		int64_t daemon_ms = daemon_timeout_ms(shard, &shard->listeners[i]);
		if (daemon_ms >= 0)
			timeout_ms = loop_sooner(timeout_ms, daemon_ms);
		if (shard->listeners[i].suspended)
			timeout_ms = loop_sooner(timeout_ms, ACCEPT_RETRY_MS);
	}
	if (shard->reading.first)
		timeout_ms = loop_sooner(timeout_ms, loop_until(shard->reading.first->at_us, now_us));
	if (handshakes_due_us(&shard->handshakes))
		timeout_ms = loop_sooner(timeout_ms, loop_until(handshakes_due_us(&shard->handshakes), now_us));
	if (shard->farewells.queue.first)
		timeout_ms = loop_sooner(timeout_ms, loop_until(shard->farewells.queue.first->at_us, now_us));
	if (shard->stop_at_us)
		timeout_ms = loop_sooner(timeout_ms, loop_until(shard->stop_at_us, now_us));
	return timeout_ms;
}

static void shard_take_answers(struct shard *shard)
{
	struct inbox_node *next;
	for (struct inbox_node *node = inbox_take(&shard->inbox); node; node = next) {
		struct http_exchange *x = CONTAINER_OF(node, struct http_exchange, node);
		next = node->next;
		if (x->phase == EXCHANGE_ANSWERED) /* by a page of its stream */
			stream_arrived(x->stream, shard->server->config.budget);
		x->phase = EXCHANGE_ANSWERED;
		MHD_resume_connection(x->mhd);
	}
}

/* Ends every request whose time ran out; libmicrohttpd sees the end of its socket and closes. */
static void shard_reap(struct shard *shard, int64_t now_us)
{
	struct loop_deadline *expired;
	while ((expired = loop_queue_expired(&shard->reading, now_us))) {
		struct connection *connection = CONTAINER_OF(expired, struct connection, deadline);
		log_debug("http", "a request was too slow and was cut off; peer=%s", connection->peer);
		shutdown(connection->fd, SHUT_RDWR);
	}
}

static void shard_quiesce(struct shard *shard)
{
	if (shard->quiesced)
		return;
	shard->quiesced = true;
	for (size_t i = 0; i < shard->listeners_len; i++) {
		int fd = MHD_quiesce_daemon(shard->listeners[i].daemon);
		if (fd >= 0)
			close(fd);
	}
}

/* Whether the thread ends now: when it should, and all that was begun is sent or had its time. */
static bool shard_stops(struct shard *shard, int64_t now_us)
{
	if (!atomic_load(&shard->server->stopping))
		return false;
	if (!shard->stop_at_us) {
		shard->stop_at_us = now_us + (int64_t)STOP_FLUSH_MS * 1000;
		shard_reap(shard, INT64_MAX);
	}
	return shard->exchanges == 0 || now_us >= shard->stop_at_us;
}

/* For a daemon that is suspended: descriptors can come free elsewhere in the process while its last connection lives on. */
static void shard_accept(struct shard *shard, struct listener *listener)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof address;
	int fd;
	while (listener->suspended && !shard->quiesced &&
	       (fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		MHD_add_connection(listener->daemon, fd, (struct sockaddr *)&address, len);
		len = sizeof address;
	}
}

static void *shard_run(void *argument)
{
	struct shard *shard = argument;
	struct server *server = shard->server;
	bool stops = false;
	shard_here = shard;
	pulse_begin("http", &shard->inbox);
	while (!stops) {
		int events = loop_wait(shard->epoll_fd, inbox_may_sleep(&shard->inbox) ? shard_timeout_ms(shard) : 0);
		shard->barren = events > 0 ? 0 : shard->barren + 1;
		inbox_hold();
		shard_take_answers(shard);
		shard_reap(shard, clock_mono_us(server->config.clock));
		handshakes_expire(&shard->handshakes, clock_mono_us(server->config.clock));
		farewell_expire(&shard->farewells, clock_mono_us(server->config.clock));
		if (atomic_load(&server->quiescing))
			shard_quiesce(shard);
		shard->again = false;
		for (size_t i = 0; i < shard->listeners_len; i++) {
			shard_accept(shard, &shard->listeners[i]);
			MHD_run(shard->listeners[i].daemon);
		}
		inbox_release();
		pulse_beat();
		stops = shard_stops(shard, clock_mono_us(server->config.clock));
	}
	pulse_end();
	return NULL;
}

/* Start and stop. */

static int listener_socket(struct listener *listener, const struct http_listen *listen, int *port, struct err *err)
{
	const struct server *server = listener->shard->server;
	if (listen->fd > 0) {
		*port = listen_port(listen->fd);
		return listen_again(listen->fd, err);
	}
	if (!listen->socket_path) {
		int fd = listen_tcp(listen->address, *port, server->config.shards > 1, err);
		if (fd >= 0)
			*port = listen_port(fd);
		return fd;
	}
	int fd = listen_unix(listen->socket_dir_fd, listen->socket_path, listen->socket_group, err);
	if (fd >= 0) {
		listener->local = true;
		listener->dir_fd = listen->socket_dir_fd;
		listener->name = mem_text(listen->socket_path);
	}
	return fd;
}

static int listener_start(struct listener *listener, const struct http_listen *listen, int *port, struct err *err)
{
	struct shard *shard = listener->shard;
	const struct server_config *config = &shard->server->config;
	if (listen->tls && MHD_is_feature_supported(MHD_FEATURE_SSL) != MHD_YES)
		return err_set(err, ERR_INVALID, "tls.certificate: this libmicrohttpd was built without TLS; put a proxy before the hub instead");
	int fd = listener_socket(listener, listen, port, err);
	if (fd < 0)
		return -1;
	listener->fd = fd;
	listener->tls = listen->tls;
	listener->role = listen->role;
	const struct MHD_OptionItem tls[] = {
	    {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
	    {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tls_chooser()},
	    {MHD_OPTION_END, 0, NULL},
	};
	unsigned limit = listener->local ? LOCAL_CONNECTIONS_MAX : config->connections_max;
	listener->daemon =
	    MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (listen->tls ? MHD_USE_TLS : 0U), 0, on_accept, listener, exchange_on_request, listener,
	                     MHD_OPTION_EXTERNAL_LOGGER, on_log, listener, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
	                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(config->idle_timeout_ms + 999) / 1000,
	                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_POOL_BYTES, MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target,
	                     listener, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, listener,
	                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_ARRAY, listen->tls ? tls : &tls[2],
	                     MHD_OPTION_END);
	if (!listener->daemon) /* it closed the socket */
		return err_set(err, ERR_INTERNAL, "libmicrohttpd cannot serve %s",
		               listen->socket_path ? listen->socket_path : listen->address);
	int epoll_fd = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return loop_watch(shard->epoll_fd, epoll_fd, EPOLLIN, &listener->source, err);
}

/* The Unix socket is the first shard's alone. */
static int shard_start_listeners(struct shard *shard, const struct server_config *config, struct err *err)
{
	struct server *server = shard->server;
	shard->listeners = mem_alloc(config->listen_len * sizeof *shard->listeners);
	for (size_t i = 0; i < config->listen_len; i++) {
		if (config->listen[i].socket_path && shard != server->shards)
			continue;
		struct listener *listener = &shard->listeners[shard->listeners_len];
		listener->shard = shard;
		int failed = listener_start(listener, &config->listen[i], &server->ports[i], err);
		if (listener->daemon)
			shard->listeners_len++;
		else
			free(listener->name);
		if (failed)
			return -1;
	}
	return 0;
}

static int shard_open(struct shard *shard, struct server *server, const struct server_config *config, struct err *err)
{
	shard->server = server;
	shard->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (shard->epoll_fd < 0)
		return err_set(err, ERR_INTERNAL, "cannot make an epoll set: %s", strerror(errno));
	if (inbox_init(&shard->inbox, err)) {
		close(shard->epoll_fd);
		return -1;
	}
	shard->farewells = (struct farewells){.epoll_fd = shard->epoll_fd, .clock = config->clock};
	server->shards_len++;
	if (loop_watch(shard->epoll_fd, shard->inbox.fd, EPOLLIN, &shard->inbox_source, err))
		return -1;
	return shard_start_listeners(shard, config, err);
}

/* Once its thread has ended, or never was. */
static void shard_close(struct shard *shard)
{
	shard_quiesce(shard);
	for (size_t i = 0; i < shard->listeners_len; i++) {
		struct listener *listener = &shard->listeners[i];
		MHD_stop_daemon(listener->daemon);
		if (listener->local)
			unlinkat(listener->dir_fd, listener->name, 0);
		free(listener->name);
	}
	farewell_end_all(&shard->farewells);
	free(shard->listeners);
	inbox_destroy(&shard->inbox);
	close(shard->epoll_fd);
}

void server_limit(struct server *server, const struct server_limits *limits)
{
	peers_limit(&server->peers, limits->connections_per_ip_max);
	rates_change(server->rates, limits->requests_per_ip);
	atomic_store(&server->config.request_deadline_ms, limits->request_deadline_ms);
}

struct server *server_start(const struct server_config *config, struct err *err)
{
	struct server *server = mem_alloc(sizeof *server + config->shards * sizeof *server->shards);
	server->config = *config;
	server->config.listen = NULL;
	server->ports = mem_alloc((config->listen_len + 1) * sizeof *server->ports);
	server->in_place = strncmp(MHD_get_version(), "0.9.", 4) == 0;
	peers_init(&server->peers, config->connections_max, config->connections_per_ip_max);
	server->rates = rates_new(config->requests_per_ip, 1000);
	for (unsigned i = 0; i < config->shards; i++)
		if (shard_open(&server->shards[i], server, config, err))
			goto fail;
	if (config->bound)
		config->bound(config->bound_context, server);
	for (unsigned i = 0; i < config->shards; i++) {
		struct shard *shard = &server->shards[i];
		if (thread_start(&shard->thread, "http", shard_run, shard, err))
			goto fail;
		shard->started = true;
	}
	return server;
fail:
	server_stop(server);
	return NULL;
}

int server_port(const struct server *server, size_t i)
{
	return server->ports[i];
}

unsigned server_waiting(struct server *server)
{
	return atomic_load(&server->waiting);
}

static void server_wake(struct server *server)
{
	for (unsigned i = 0; i < server->shards_len; i++)
		inbox_wake(&server->shards[i].inbox);
}

void server_quiesce(struct server *server)
{
	atomic_store(&server->quiescing, true);
	server_wake(server);
}

void server_stop(struct server *server)
{
	if (server_waiting(server))
		log_fatal("http", "the server is to stop while %u exchanges wait for their answers", server_waiting(server));
	atomic_store(&server->stopping, true);
	server_quiesce(server);
	for (unsigned i = 0; i < server->shards_len; i++)
		if (server->shards[i].started)
			pthread_join(server->shards[i].thread, NULL);
	for (unsigned i = 0; i < server->shards_len; i++)
		shard_close(&server->shards[i]);
	peers_destroy(&server->peers);
	rates_free(server->rates);
	free(server->ports);
	free(server);
}
