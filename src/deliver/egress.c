/* The address policy. Two judgements: the address as it stands, and any IPv4 address that an IPv6 one carries inside. Both must
 * pass. What egress.deny closes comes first, then what egress.allow opens, then the refused ranges. */
#include "deliver/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/slice.h"
#include "deliver/range.h"

/* Immutable. */
struct policy {
	struct ranges allow, deny;
	struct port_ranges ports;
	bool allow_http;
	struct egress_proxy proxy; /* port 0: none */
	struct sockaddr_in source4; /* of no family: none */
	struct sockaddr_in6 source6;
	char interface[IF_NAMESIZE]; /* "": none */
};

struct egress {
	pthread_rwlock_t lock;
	struct policy *policy; /* under the lock */
};

/* The registries' special blocks, most telling names first where blocks nest. */
static const struct {
	struct range range;
	const char *text;
	const char *name;
} refused4[] = {
#define REFUSED4(a, b, c, d, bits, name)                                                                                                   \
	{                                                                                                                                  \
		{AF_INET, bits, {a, b, c, d}}, #a "." #b "." #c "." #d "/" #bits, name                                                     \
	}
    REFUSED4(0, 0, 0, 0, 8, "this network"),
    REFUSED4(10, 0, 0, 0, 8, "private use"),
    REFUSED4(100, 64, 0, 0, 10, "shared address space"),
    REFUSED4(127, 0, 0, 0, 8, "loopback"),
    REFUSED4(169, 254, 0, 0, 16, "link local"),
    REFUSED4(172, 16, 0, 0, 12, "private use"),
    REFUSED4(192, 0, 0, 0, 24, "IETF protocol assignments"),
    REFUSED4(192, 0, 2, 0, 24, "documentation"),
    REFUSED4(192, 31, 196, 0, 24, "AS112"),
    REFUSED4(192, 52, 193, 0, 24, "AMT"),
    REFUSED4(192, 88, 99, 0, 24, "6to4 relay anycast"),
    REFUSED4(192, 168, 0, 0, 16, "private use"),
    REFUSED4(192, 175, 48, 0, 24, "AS112"),
    REFUSED4(198, 18, 0, 0, 15, "benchmarking"),
    REFUSED4(198, 51, 100, 0, 24, "documentation"),
    REFUSED4(203, 0, 113, 0, 24, "documentation"),
    REFUSED4(224, 0, 0, 0, 4, "multicast"),
    REFUSED4(240, 0, 0, 0, 4, "reserved"),
#undef REFUSED4
};

static const struct {
	struct range range;
	const char *text;
	const char *name;
} refused6[] = {
    {{AF_INET6, 23, {0x20, 0x01}}, "2001::/23", "IETF protocol assignments"},
    {{AF_INET6, 32, {0x20, 0x01, 0x0d, 0xb8}}, "2001:db8::/32", "documentation"},
    {{AF_INET6, 16, {0x20, 0x02}}, "2002::/16", "6to4"},
    {{AF_INET6, 48, {0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}}, "2620:4f:8000::/48", "AS112"},
    {{AF_INET6, 20, {0x3f, 0xff}}, "3fff::/20", "documentation"},
};

static const struct range global6 = {AF_INET6, 3, {0x20}};

/* IPv6 forms that carry an IPv4 address at byte `offset`, its bits inverted where `invert` says so. */
static const struct {
	struct range range;
	unsigned offset;
	bool invert;
	const char *name;
} carriers[] = {
    {{AF_INET6, 96, {[10] = 0xff, [11] = 0xff}}, 12, false, "IPv4-mapped"},
    {{AF_INET6, 96, {0x00, 0x64, 0xff, 0x9b}}, 12, false, "NAT64"},
    {{AF_INET6, 16, {0x20, 0x02}}, 2, false, "6to4"},
    {{AF_INET6, 32, {0x20, 0x01}}, 4, false, "Teredo server"},
    {{AF_INET6, 32, {0x20, 0x01}}, 12, true, "Teredo client"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What web browsers refuse, too (the Fetch standard's port blocking): services that take the lines of an HTTP request for commands. */
static const uint16_t foreign_ports[] = {
    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,   25,   37,   42,   43,   53,   69,   77,   79,   87,
    95,   101,  102,  103,  104,  109,  110,  111,  113,  115,  117,  119,  123,  135,  137,  139,  143,  161,  179,  389,  427,
    465,  512,  513,  514,  515,  526,  530,  531,  532,  540,  548,  554,  556,  563,  587,  601,  636,  989,  990,  993,  995,
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
};

/* ---- the source ---- */

static int bind_source(const struct policy *policy, int fd, int family, char *why, size_t why_size)
{
	bool any = policy->source4.sin_family != AF_UNSPEC || policy->source6.sin6_family != AF_UNSPEC;
	const struct sockaddr *source = family == AF_INET ? (const struct sockaddr *)&policy->source4 : (const struct sockaddr *)&policy->source6;
	socklen_t source_len = family == AF_INET ? sizeof policy->source4 : sizeof policy->source6;
	int late = 1;
	if (policy->interface[0] &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, policy->interface, (socklen_t)strlen(policy->interface)) != 0) {
		snprintf(why, why_size, "egress.source: the interface %s cannot be bound to: %s", policy->interface, strerror(errno));
		return -1;
	}
	if (!any)
		return 0;
	if (source->sa_family != family) {
		snprintf(why, why_size, "egress.source has no address to reach %s ones from", family == AF_INET ? "IPv4" : "IPv6");
		return -1;
	}
	/* The port is chosen at connect: the same one will do for many destinations. An old kernel just has fewer. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
	if (bind(fd, source, source_len) == 0)
		return 0;
	snprintf(why, why_size, "egress.source: the address cannot be bound to: %s", strerror(errno));
	return -1;
}

/* As a request will do it: a source that does not work is told at the start, not by the first delivery. */
static int try_source(const struct policy *policy, const char *text, struct err *err)
{
	bool four = policy->source4.sin_family != AF_UNSPEC, six = policy->source6.sin6_family != AF_UNSPEC;
	char why[160] = "";
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? AF_INET : AF_INET6;
		if (!(i == 0 ? four || (!six && policy->interface[0]) : six))
			continue;
		int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			snprintf(why, sizeof why, "egress.source: %s", strerror(errno));
		int result = fd < 0 ? -1 : bind_source(policy, fd, family, why, sizeof why);
		if (fd >= 0)
			close(fd);
		if (result)
			return err_set(err, ERR_INVALID, "%s (\"%s\"); accepted are addresses and interfaces of this machine", why, text);
	}
	return 0;
}

/* ---- the options ---- */

/* "user:password@", as a URL may have it before its host; it is never shown again. */
static int take_user(struct slice *authority, char user[EGRESS_USER_MAX + 1])
{
	static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:%";
	const char *end = memchr(authority->at, '@', authority->len);
	size_t len = end ? (size_t)(end - authority->at) : 0;
	if (!end)
		return 0;
	if (len < 1 || len > EGRESS_USER_MAX)
		return -1;
	memcpy(user, authority->at, len);
	if (strspn(user, accepted) != len)
		return -1;
	*authority = (struct slice){end + 1, authority->len - len - 1};
	return 0;
}

static int parse_proxy(struct policy *policy, const char *text, struct err *err)
{
	static const char scheme[] = "http://";
	struct url url;
	struct err why = {.code = ERR_NONE};
	char bare[sizeof scheme + URL_HOST_MAX + 16];
	struct egress_proxy *proxy = &policy->proxy;
	if (!text || !*text)
		return 0;
	bool plain = strncmp(text, scheme, sizeof scheme - 1) == 0;
	struct slice authority = slice_of(plain ? text + sizeof scheme - 1 : text);
	authority.len -= authority.len > 0 && authority.at[authority.len - 1] == '/';
	bool bad = !plain || take_user(&authority, proxy->user) || authority.len >= sizeof bare - sizeof scheme || memchr(authority.at, '/', authority.len) ||
	           memchr(authority.at, '?', authority.len);
	if (!bad) {
		snprintf(bare, sizeof bare, "%s%.*s", scheme, (int)authority.len, authority.at);
		bad = url_parse(slice_of(bare), "", &url, &why);
	}
	if (bad)
		return err_set(err, ERR_INVALID, "egress.proxy: \"%s\" is no proxy; accepted is http://host:port, or http://user:password@host:port with what is not a "
		               "letter or digit as %%XX%s%s", strchr(text, '@') ? "…" : text, why.code ? ": " : "", why.code ? why.fields[0].detail : "");
	memcpy(proxy->host, url.host, sizeof proxy->host);
	proxy->port = url.port;
	return 0;
}

static int parse_source(struct policy *policy, const char *text, struct err *err)
{
	static const char separators[] = ", \t";
	const char *at = text ? text : "";
	while (*(at += strspn(at, separators))) {
		char word[INET6_ADDRSTRLEN] = "";
		size_t len = strcspn(at, separators);
		memcpy(word, at, len < sizeof word ? len : sizeof word - 1);
		at += len;
		if (policy->source4.sin_family == AF_UNSPEC && inet_pton(AF_INET, word, &policy->source4.sin_addr) == 1)
			policy->source4.sin_family = AF_INET;
		else if (policy->source6.sin6_family == AF_UNSPEC && inet_pton(AF_INET6, word, &policy->source6.sin6_addr) == 1)
			policy->source6.sin6_family = AF_INET6;
		else if (!policy->interface[0] && len < IF_NAMESIZE && if_nametoindex(word) > 0)
			memcpy(policy->interface, word, len);
		else
			return err_set(err, ERR_INVALID,
			               "egress.source: \"%s\" is no address and no network interface of this machine; accepted are an address, one of "
			               "each family, and an interface's name",
			               word);
	}
	return try_source(policy, text, err);
}

static struct policy *policy_new(const struct egress_rules *rules, struct err *err)
{
	struct policy *policy = mem_new(struct policy);
	policy->allow_http = rules->allow_http;
	if (ranges_parse(&policy->allow, rules->allow, "egress.allow", err) || ranges_parse(&policy->deny, rules->deny, "egress.deny", err) ||
	    port_ranges_parse(&policy->ports, rules->ports, "egress.ports", err) || parse_proxy(policy, rules->proxy, err) ||
	    parse_source(policy, rules->source, err)) {
		free(policy);
		return NULL;
	}
	return policy;
}

struct egress *egress_new(const struct egress_rules *rules, struct err *err)
{
	struct policy *policy = policy_new(rules, err);
	if (!policy)
		return NULL;
	struct egress *egress = mem_new(struct egress);
	pthread_rwlock_init(&egress->lock, NULL);
	egress->policy = policy;
	return egress;
}

/* Returns the one before. */
static struct policy *put_policy(struct egress *egress, struct policy *policy)
{
	pthread_rwlock_wrlock(&egress->lock);
	struct policy *before = egress->policy;
	egress->policy = policy;
	pthread_rwlock_unlock(&egress->lock);
	return before;
}

int egress_change(struct egress *egress, const struct egress_rules *rules, struct err *err)
{
	struct policy *policy = policy_new(rules, err);
	if (!policy)
		return -1;
	free(put_policy(egress, policy));
	return 0;
}

void egress_become(struct egress *egress, struct egress *other)
{
	other->policy = put_policy(egress, other->policy);
	egress_free(other);
}

void egress_free(struct egress *egress)
{
	if (!egress)
		return;
	pthread_rwlock_destroy(&egress->lock);
	free(egress->policy);
	free(egress);
}

/* Who holds a struct egress may have it const: asking changes nothing of it but the lock. */
static const struct policy *policy_hold(const struct egress *egress)
{
	pthread_rwlock_rdlock((pthread_rwlock_t *)&egress->lock);
	return egress->policy;
}

static void policy_release(const struct egress *egress)
{
	pthread_rwlock_unlock((pthread_rwlock_t *)&egress->lock);
}

/* ---- the judgement of an address ---- */

/* The refused range that an address is in; NULL: it is a public one. */
static const char *refused_range(int family, const uint8_t *address, const char **name)
{
	if (family == AF_INET) {
		for (size_t i = 0; i < COUNT(refused4); i++) {
			if (range_has(&refused4[i].range, family, address)) {
				*name = refused4[i].name;
				return refused4[i].text;
			}
		}
		return NULL;
	}
	for (size_t i = 0; i < COUNT(refused6); i++) {
		if (range_has(&refused6[i].range, family, address)) {
			*name = refused6[i].name;
			return refused6[i].text;
		}
	}
	*name = "not global unicast";
	return range_has(&global6, family, address) ? NULL : "::/0 outside 2000::/3";
}

/* What is being judged, and where the reason goes. */
struct case_of {
	const struct policy *policy;
	char *why;
	size_t why_size;
	bool opened; /* the address as it stands, by egress.allow */
};

static bool admits(struct case_of *c, int family, const uint8_t *address, const char *form)
{
	char text[INET6_ADDRSTRLEN] = "", closed[RANGE_TEXT_SIZE];
	const char *name = "";
	const struct range *denied = ranges_find(&c->policy->deny, family, address);
	bool opened = ranges_find(&c->policy->allow, family, address) != NULL;
	const char *range = denied || opened ? NULL : refused_range(family, address, &name);
	if (!*form)
		c->opened = opened;
	if (!denied && !range)
		return true;
	if (!c->why)
		return false;
	inet_ntop(family, address, text, sizeof text);
	if (denied) {
		range_text(denied, closed);
		snprintf(c->why, c->why_size, "%s%s is in %s, which egress.deny (--egress-deny) closes", text, form, closed);
	} else {
		snprintf(c->why, c->why_size, "%s%s is in %s (%s); egress.allow (--egress-allow) opens it", text, form, range, name);
	}
	return false;
}

static bool admits6(struct case_of *c, const uint8_t *address)
{
	if (!admits(c, AF_INET6, address, ""))
		return false;
	for (size_t i = 0; i < COUNT(carriers); i++) {
		if (!range_has(&carriers[i].range, AF_INET6, address))
			continue;
		uint8_t inner[4];
		char form[40];
		for (unsigned byte = 0; byte < sizeof inner; byte++)
			inner[byte] = (uint8_t)(address[carriers[i].offset + byte] ^ (carriers[i].invert ? 0xff : 0));
		snprintf(form, sizeof form, " (in a %s address)", carriers[i].name);
		if (!admits(c, AF_INET, inner, form))
			return false;
	}
	return true;
}

static bool admits_address(struct case_of *c, const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof in);
		return admits(c, AF_INET, (const uint8_t *)&in.sin_addr, "");
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, address, sizeof in);
		return admits6(c, in.sin6_addr.s6_addr);
	}
	if (c->why)
		snprintf(c->why, c->why_size, "only IPv4 and IPv6 addresses are delivered to");
	return false;
}

/* ---- ports and schemes ---- */

static bool admits_port(const struct case_of *c, int port)
{
	bool listed = c->policy->ports.len > 0, foreign = false;
	if (listed && port_ranges_have(&c->policy->ports, port))
		return true;
	for (size_t i = 0; i < COUNT(foreign_ports); i++)
		foreign |= foreign_ports[i] == port;
	if (!listed && (c->opened || !foreign))
		return true;
	if (c->why && listed)
		snprintf(c->why, c->why_size, "the port %d is not one of --egress-ports", port);
	else if (c->why)
		snprintf(c->why, c->why_size, "the port %d is that of a service which is not HTTP; --egress-ports opens it", port);
	return false;
}

static bool admits_scheme(const struct case_of *c, bool https)
{
	if (https || c->opened || c->policy->allow_http)
		return true;
	if (c->why)
		snprintf(c->why, c->why_size,
		         "plain http:// is only for addresses that egress.allow (--egress-allow) opens; use https://, or egress.allow_http "
		         "(--egress-allow-http)");
	return false;
}

enum egress_verdict egress_judge(const struct egress *egress, const struct sockaddr *address, int port, bool https, char *why, size_t why_size)
{
	struct case_of c = {.policy = policy_hold(egress), .why = why, .why_size = why_size};
	enum egress_verdict verdict = !admits_address(&c, address) ? EGRESS_ADDRESS
	                              : !admits_port(&c, port)     ? EGRESS_PORT
	                              : !admits_scheme(&c, https)  ? EGRESS_HTTP
	                                                           : EGRESS_ADMITTED;
	policy_release(egress);
	return verdict;
}

/* ---- the way ---- */

bool egress_proxy(const struct egress *egress, struct egress_proxy *proxy)
{
	const struct policy *policy = policy_hold(egress);
	bool any = policy->proxy.port > 0;
	if (any)
		*proxy = policy->proxy;
	policy_release(egress);
	return any;
}

int egress_bind(const struct egress *egress, int fd, int family, char *why, size_t why_size)
{
	int result = bind_source(policy_hold(egress), fd, family, why, why_size);
	policy_release(egress);
	return result;
}
