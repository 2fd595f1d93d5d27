/* The transport: addresses, proxy and source. */
#include "deliver/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deliver/shortage.h"
#include "metrics/metrics.h"

/* ---- while curl connects ---- */

/* Of a proxied request only the proxy is connected to, which is pinned. */
static bool may_connect(struct transport *transport, const struct sockaddr *address)
{
	return transport->proxied || egress_judge(transport->egress, address, transport->port, transport->https, transport->denied,
	                                          sizeof transport->denied) == EGRESS_ADMITTED;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transport *transport = context;
	(void)purpose;
	if (!may_connect(transport, &address->addr))
		return CURL_SOCKET_BAD;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	transport->out_of_sockets = fd < 0 && shortage_errno(errno);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (egress_bind(transport->egress, fd, address->family, transport->unbound, sizeof transport->unbound)) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	transport->unbound[0] = '\0'; /* another address of the name could not be reached, but this one can */
	if (transport->sockets)
		sockets_opened(transport->sockets, fd);
	metrics_step(METRIC_OUTGOING, 1);
	return fd;
}

/* The connection may have outlived the transport that it was made for. */
static int close_socket(void *context, curl_socket_t fd)
{
	(void)context;
	metrics_step(METRIC_OUTGOING, -1);
	return close(fd);
}

static int before_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
	struct transport *transport = context;
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	struct sockaddr_in *in = (struct sockaddr_in *)&peer;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&peer;
	(void)local;
	(void)remote_port;
	(void)local_port;
	if (transport->https)
		tls_note_take(transport->easy, &transport->tls);
	/* An address of another form (with a zone, say) stays AF_UNSPEC, which is refused. */
	if (inet_pton(AF_INET, remote, &in->sin_addr) == 1)
		in->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, remote, &in6->sin6_addr) == 1)
		in6->sin6_family = AF_INET6;
	return may_connect(transport, (const struct sockaddr *)&peer) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- the handle ---- */

#define SET(option, value) (curl_easy_setopt(easy, option, value) != CURLE_OK)

static bool set_proxy(CURL *easy, const char *proxy)
{
	bool failed = false;
	failed |= SET(CURLOPT_PROXY, proxy);                 /* never unset, or http_proxy from the environment counts */
	failed |= SET(CURLOPT_NOPROXY, *proxy ? "" : "*");   /* or it looks for no_proxy there, at each request */
	failed |= SET(CURLOPT_HTTPPROXYTUNNEL, *proxy ? 1L : 0L);
	return !failed;
}

bool transport_init(struct transport *transport, CURL *easy, const struct egress *egress, struct sockets *sockets)
{
	bool failed = false;
	transport->easy = easy;
	transport->egress = egress;
	transport->sockets = sockets;
	failed |= !set_proxy(easy, "");
	failed |= SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	failed |= SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	failed |= SET(CURLOPT_OPENSOCKETDATA, transport);
	failed |= SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	failed |= SET(CURLOPT_PREREQFUNCTION, before_request);
	failed |= SET(CURLOPT_PREREQDATA, transport);
	tls_note_watch(easy, &transport->tls);
	return !failed;
}

void transport_clear(struct transport *transport, CURL *easy)
{
	/* Setting a pointer option back to nothing cannot fail. */
	(void)SET(CURLOPT_RESOLVE, NULL);
	if (transport->tunnelled) {
		(void)SET(CURLOPT_CONNECT_TO, NULL);
		(void)set_proxy(easy, "");
	}
	if (transport->fresh)
		(void)SET(CURLOPT_FRESH_CONNECT, 0L);
	tls_note_unref(transport->tls);
	transport->tls = NULL;
	transport->host = NULL;
	transport->proxied = transport->tunnelled = transport->fresh = false;
	transport->pin_text[0] = transport->tunnel_text[0] = '\0';
	transport->denied[0] = transport->unbound[0] = '\0';
	transport->out_of_sockets = false;
}

bool transport_apply(struct transport *transport, CURL *easy)
{
	bool failed = false;
	failed |= SET(CURLOPT_RESOLVE, transport->pin_text[0] ? &transport->pin : NULL);
	if (transport->proxied) {
		const struct egress_proxy *to = &transport->proxy;
		char proxy[EGRESS_USER_MAX + URL_HOST_MAX + 24];
		bool six = strchr(to->host, ':') != NULL;
		snprintf(proxy, sizeof proxy, "http://%s%s%s%s%s:%d", to->user, to->user[0] ? "@" : "", six ? "[" : "", to->host, six ? "]" : "", to->port);
		transport->tunnelled = true;
		failed |= !set_proxy(easy, proxy);
		failed |= SET(CURLOPT_CONNECT_TO, &transport->tunnel);
	}
	return !failed;
}

/* ---- the aim ---- */

static void address_text(const struct sockaddr_storage *at, bool brackets, char out[INET6_ADDRSTRLEN + 2])
{
	char text[INET6_ADDRSTRLEN] = "";
	bool six = at->ss_family == AF_INET6;
	const void *address = six ? (const void *)&((const struct sockaddr_in6 *)at)->sin6_addr : (const void *)&((const struct sockaddr_in *)at)->sin_addr;
	inet_ntop(at->ss_family, address, text, sizeof text);
	snprintf(out, INET6_ADDRSTRLEN + 2, six && brackets ? "[%s]" : "%s", text);
}

/* So that curl looks nothing up; "+": it forgets the entry as any other. */
static void pin_host(struct transport *transport, const char *host, int port, const struct resolved *resolved)
{
	int len = snprintf(transport->pin_text, sizeof transport->pin_text, "+%s:%d:", host, port);
	for (unsigned i = 0; i < resolved->len && len > 0 && (size_t)len < sizeof transport->pin_text; i++) {
		char text[INET6_ADDRSTRLEN + 2];
		address_text(&resolved->at[i], true, text);
		len += snprintf(transport->pin_text + len, sizeof transport->pin_text - (size_t)len, "%s%s", i ? "," : "", text);
	}
	transport->pin = (struct curl_slist){.data = transport->pin_text};
}

/* The proxy's way to IPv6 is not known: of a name that has both the IPv4 addresses are asked for, another one at each turn. */
static void aim_tunnel(struct transport *transport, const struct resolved *resolved, unsigned turn)
{
	const struct sockaddr_storage *at[RESOLVER_ADDRESSES_MAX] = {&resolved->at[0]};
	unsigned len = 0;
	for (unsigned i = 0; i < resolved->len; i++) {
		if (resolved->at[i].ss_family == AF_INET)
			at[len++] = &resolved->at[i];
	}
	for (unsigned i = 0; len == 0 && i < resolved->len; i++)
		at[i] = &resolved->at[i];
	char text[INET6_ADDRSTRLEN + 2];
	address_text(at[turn % (len ? len : resolved->len)], true, text);
	bool six = strchr(transport->host, ':') != NULL;
	snprintf(transport->tunnel_text, sizeof transport->tunnel_text, six ? "[%s]:%d:%s:%d" : "%s:%d:%s:%d", transport->host, transport->port, text,
	         transport->port);
	transport->tunnel = (struct curl_slist){.data = transport->tunnel_text};
}

bool transport_aim(struct transport *transport, const char *host, int port, bool https, const struct resolved *resolved, unsigned turn)
{
	transport->host = host;
	transport->port = port;
	transport->https = https;
	/* One refused address refuses the name: else who owns it chooses, by the order of the answer, what is reached. */
	for (unsigned i = 0; i < resolved->len; i++) {
		if (egress_judge(transport->egress, (const struct sockaddr *)&resolved->at[i], port, https, transport->denied,
		                 sizeof transport->denied) != EGRESS_ADMITTED)
			return false;
	}
	transport->proxied = egress_proxy(transport->egress, &transport->proxy);
	if (transport->proxied)
		aim_tunnel(transport, resolved, turn);
	else if (!resolved->literal)
		pin_host(transport, host, port, resolved);
	return true;
}

const char *transport_proxy(const struct transport *transport)
{
	return transport->proxied ? transport->proxy.host : NULL;
}

void transport_aim_proxy(struct transport *transport, const struct resolved *resolved)
{
	if (!resolved->literal)
		pin_host(transport, transport->proxy.host, transport->proxy.port, resolved);
}

/* ---- what became of it ---- */

bool transport_retry(struct transport *transport, CURL *easy)
{
	long made = 0;
	if (!transport->denied[0] || transport->fresh || curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &made) != CURLE_OK || made > 0)
		return false;
	transport->denied[0] = '\0';
	transport->fresh = true;
	return !SET(CURLOPT_FRESH_CONNECT, 1L);
}

/* Whether a connection was made: to the endpoint, or to the proxy. libcurl's times count it only when TLS is there, too. */
static bool was_connected(CURL *easy)
{
	long port = 0;
	return curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) == CURLE_OK && port > 0;
}

/* What a proxy answers that was asked for a way: its own refusal is one thing, that it finds no way another. */
static enum attempt_failure tunnel_failure(CURL *easy, CURLcode code)
{
	long status = 0;
	(void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status >= 502 && status <= 504)
		return status == 504 ? FAILURE_CONNECT_TIMEOUT : FAILURE_CONNECT;
	if (status >= 200 && status <= 299)
		return FAILURE_NONE;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return FAILURE_CONNECT_TIMEOUT;
	return status > 0 || code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY || code == CURLE_RECV_ERROR ||
	               code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING
	           ? FAILURE_PROXY
	           : FAILURE_NONE;
}

enum attempt_failure transport_failure(const struct transport *transport, CURL *easy, CURLcode code, const char *message)
{
	curl_off_t sent_us = 0;
	if (transport->denied[0])
		return FAILURE_ADDRESS_DENIED;
	if (transport->unbound[0])
		return FAILURE_INTERNAL;
	(void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
	if (code == CURLE_OPERATION_TIMEDOUT && sent_us == 0 && !was_connected(easy))
		return transport->proxied ? FAILURE_PROXY : FAILURE_CONNECT_TIMEOUT;
	enum attempt_failure failure = transport->proxied && sent_us == 0 ? tunnel_failure(easy, code) : FAILURE_NONE;
	if (failure == FAILURE_NONE && code == CURLE_COULDNT_CONNECT)
		failure = FAILURE_CONNECT;
	return failure != FAILURE_NONE ? failure : tls_failure(easy, code, message, transport->tls);
}
