/* The address policy: where the hub delivers to, and how it gets there. The refused ranges are those of the IANA special-purpose
 * registries (www.iana.org/assignments/iana-ipv4-special-registry, …-ipv6-…): of IPv6 only 2000::/3 less its special blocks; mapped,
 * NAT64, 6to4 and Teredo addresses are unwrapped and the embedded IPv4 address is judged. Options open ranges and close others; what they
 * say is judged on the address itself, and what closes wins. What egress.allow opens is taken for the operator's own network, where plain
 * http:// and every port are usual: everywhere else they are refused unless options say otherwise.
 *
 * It is asked at registration, at resolution and at connect, on connections that are used again as well; always anew, so that a change
 * counts for all that begins after it. Thread-safe. */
#ifndef GRAPNEL_DELIVER_EGRESS_H
#define GRAPNEL_DELIVER_EGRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "model/url.h"

/* The options, as text; NULL: unset. */
struct egress_rules {
	const char *allow, *deny; /* range.h */
	const char *ports;        /* range.h; unset: every port but those that web browsers refuse */
	bool allow_http;          /* plain http:// also where egress.allow does not open */
	const char *proxy;        /* http://[user:password@]host:port */
	const char *source;       /* an address, one of each family, or an interface */
};

struct egress;
struct egress *egress_new(const struct egress_rules *rules, struct err *err) ATTR_MUST_USE;
void egress_free(struct egress *egress);
/* Other rules from now on. When they are wrong, those before stay. */
int egress_change(struct egress *egress, const struct egress_rules *rules, struct err *err) ATTR_MUST_USE;

/* The rules of `other` from now on; takes it over. */
void egress_become(struct egress *egress, struct egress *other);

enum egress_verdict { EGRESS_ADMITTED, EGRESS_ADDRESS, EGRESS_PORT, EGRESS_HTTP };
/* Whether a request may go to this address, at this port, by https or not; if not, what is against it, and `why` (may be NULL) names the rule and
 * the option: for the admin's eyes. */
enum egress_verdict egress_judge(const struct egress *egress, const struct sockaddr *address, int port, bool https, char *why,
                                 size_t why_size);

/* The way: the proxy that requests go through. False: none. Its address is the administrator's choice and not judged. */
enum { EGRESS_USER_MAX = 255 };
struct egress_proxy {
	char user[EGRESS_USER_MAX + 1]; /* user:password, as in a URL; "": none */
	char host[URL_HOST_MAX + 1];
	int port;
};
bool egress_proxy(const struct egress *egress, struct egress_proxy *proxy);
/* Binds a new socket to egress.source. -1 and `why` when that cannot be. */
int egress_bind(const struct egress *egress, int fd, int family, char *why, size_t why_size) ATTR_MUST_USE;

#endif
