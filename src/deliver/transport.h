/* The transport of one request: where it goes, guarded by the address policy. Every address that a name has is judged before it is pinned, and
 * again when a socket is made for it and when a connection is used again. With egress.proxy the target is judged and pinned all the
 * same: the proxy is asked for one of its judged addresses, so that it looks nothing up; its own address is not judged. Part of whatever
 * owns the easy handle; for one thread. */
#ifndef GRAPNEL_DELIVER_TRANSPORT_H
#define GRAPNEL_DELIVER_TRANSPORT_H

#include <curl/curl.h>
#include <netinet/in.h>

#include "deliver/egress.h"
#include "deliver/resolver.h"
#include "deliver/sockets.h"
#include "deliver/tls.h"

enum {
	TRANSPORT_PIN_SIZE = URL_HOST_MAX + 11 + RESOLVER_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3),
	TRANSPORT_TUNNEL_SIZE = URL_HOST_MAX + INET6_ADDRSTRLEN + 20,
	TRANSPORT_WHY_SIZE = 200,
};

struct transport {
	const struct egress *egress;
	struct sockets *sockets; /* told of new ones; NULL: nobody is */
	/* of this request */
	const char *host; /* borrowed */
	int port;
	bool https;
	bool proxied;
	bool tunnelled; /* the handle's options are those of a proxied request */
	bool fresh;     /* it shall use no connection again */
	struct egress_proxy proxy;
	struct curl_slist pin, tunnel;
	char pin_text[TRANSPORT_PIN_SIZE];       /* a host, its port and the addresses that curl may connect to; "": curl is to take the host as it is */
	char tunnel_text[TRANSPORT_TUNNEL_SIZE]; /* what the proxy is asked for */
	/* what became of it */
	char denied[TRANSPORT_WHY_SIZE]; /* why the address policy refused; "" */
	char unbound[TRANSPORT_WHY_SIZE]; /* why a socket could not be bound to egress.source; "" */
	bool out_of_sockets;             /* there was none for the last address that was tried */
	struct tls_note *tls;            /* of the connection that it made; NULL: none, or not TLS */
};

/* Sets what is the same for every request of the handle. False: libcurl refused. */
bool transport_init(struct transport *transport, CURL *easy, const struct egress *egress, struct sockets *sockets) ATTR_MUST_USE;
/* Forgets the request. */
void transport_clear(struct transport *transport, CURL *easy);
/* Aims at an address of the host, where there is one; `turn` chooses which one a proxy is asked for. False: the policy refuses, see `denied`. */
bool transport_aim(struct transport *transport, const char *host, int port, bool https, const struct resolved *resolved, unsigned turn)
    ATTR_MUST_USE;
/* The proxy's name, which is to be resolved after the aim; NULL: there is none. */
const char *transport_proxy(const struct transport *transport);
void transport_aim_proxy(struct transport *transport, const struct resolved *resolved);
/* Tells the handle. False: libcurl refused. */
bool transport_apply(struct transport *transport, CURL *easy) ATTR_MUST_USE;
/* Whether the policy refused a connection that was kept from before, though the present addresses are good: it is closed by now, and the
 * request can be sent by a new one, once. */
bool transport_retry(struct transport *transport, CURL *easy) ATTR_MUST_USE;

/* What a request failed of before any answer, as far as the way to the endpoint tells; FAILURE_NONE: not of that. */
enum attempt_failure transport_failure(const struct transport *transport, CURL *easy, CURLcode code, const char *message);

#endif
