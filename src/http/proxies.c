/* Trusted proxies. Each proxy appends the address that it was called from, so the list is read from its end: as long as who says so is
 * trusted, what he says is believed. */
#include "http/proxies.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { PROXIES_MAX = 256, HOPS_MAX = 32 };

struct proxies {
	pthread_rwlock_t lock;
	/* under the lock */
	size_t len;
	struct cidr ranges[PROXIES_MAX];
};

static int add(struct proxies *proxies, struct slice text, struct err *err)
{
	const char *why;
	if (proxies->len == PROXIES_MAX)
		return err_set(err, ERR_INVALID, "http.trusted_proxies: at most %d ranges are taken", PROXIES_MAX);
	if (cidr_parse(text, &proxies->ranges[proxies->len], &why))
		return err_set(err, ERR_INVALID, "http.trusted_proxies: \"%.*s\" cannot be understood: %s", text.len < 80 ? (int)text.len : 80,
		               text.at, why);
	proxies->len++;
	return 0;
}

struct proxies *proxies_new(const char *list, struct err *err)
{
	struct proxies *proxies = mem_new(struct proxies);
	pthread_rwlock_init(&proxies->lock, NULL);
	for (const char *at = list ? list : ""; *at;) {
		size_t len = strcspn(at, ", ");
		if (len && add(proxies, (struct slice){at, len}, err)) {
			proxies_free(proxies);
			return NULL;
		}
		at += len;
		at += strspn(at, ", ");
	}
	return proxies;
}

void proxies_free(struct proxies *proxies)
{
	if (!proxies)
		return;
	pthread_rwlock_destroy(&proxies->lock);
	free(proxies);
}

void proxies_become(struct proxies *proxies, struct proxies *other)
{
	pthread_rwlock_wrlock(&proxies->lock);
	proxies->len = other->len;
	memcpy(proxies->ranges, other->ranges, other->len * sizeof *other->ranges);
	pthread_rwlock_unlock(&proxies->lock);
	proxies_free(other);
}

bool proxies_trust(const struct proxies *proxies, const struct cidr_address *address)
{
	bool trusted = false;
	if (!proxies)
		return false;
	/* Who holds it may have it const: asking changes nothing of it but the lock. */
	pthread_rwlock_rdlock((pthread_rwlock_t *)&proxies->lock);
	for (size_t i = 0; !trusted && i < proxies->len; i++)
		trusted = cidr_has(&proxies->ranges[i], address);
	pthread_rwlock_unlock((pthread_rwlock_t *)&proxies->lock);
	return trusted;
}

static struct slice trimmed(struct slice text)
{
	while (text.len && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = (struct slice){text.at + 1, text.len - 1};
	while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static bool is_port(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return text.len > 0 && text.len <= 5;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711": all of these are seen. */
static int parse_hop(struct slice text, struct cidr_address *address)
{
	if (text.len && text.at[0] == '[') {
		const char *end = memchr(text.at, ']', text.len);
		if (!end)
			return -1;
		struct slice inside = {text.at + 1, (size_t)(end - text.at) - 1}, rest = {end + 1, text.len - inside.len - 2};
		if (rest.len && (rest.at[0] != ':' || !is_port((struct slice){rest.at + 1, rest.len - 1})))
			return -1;
		return memchr(inside.at, ':', inside.len) ? cidr_address_parse(inside, address) : -1;
	}
	const char *colon = text.len ? memchr(text.at, ':', text.len) : NULL;
	size_t before = colon ? (size_t)(colon - text.at) : 0;
	struct slice port = {colon ? colon + 1 : NULL, colon ? text.len - before - 1 : 0};
	if (colon && memchr(text.at, '.', before) && is_port(port))
		return cidr_address_parse((struct slice){text.at, before}, address);
	return cidr_address_parse(text, address);
}

/* Takes the last item off a list. */
static struct slice last_item(struct slice *list)
{
	size_t at = list->len;
	while (at > 0 && list->at[at - 1] != ',')
		at--;
	struct slice item = trimmed((struct slice){list->at + at, list->len - at});
	list->len = at > 0 ? at - 1 : 0;
	return item;
}

static bool is_header(const struct http_header *header, const char *name)
{
	return header->name.len == strlen(name) && strncasecmp(header->name.at, name, header->name.len) == 0;
}

struct cidr_address proxies_client(const struct proxies *proxies, const struct http_request *request, struct cidr_address peer)
{
	unsigned hops = 0;
	for (unsigned i = request->headers_len; i > 0; i--) {
		const struct http_header *header = &request->headers[i - 1];
		if (!is_header(header, "X-Forwarded-For"))
			continue;
		for (struct slice rest = header->value; rest.len > 0;) {
			struct cidr_address next;
			if (++hops > HOPS_MAX || parse_hop(last_item(&rest), &next))
				return peer;
			peer = next;
			if (!proxies_trust(proxies, &peer))
				return peer;
		}
	}
	return peer;
}

bool proxies_secure(const struct http_request *request)
{
	for (unsigned i = request->headers_len; i > 0; i--) {
		struct slice value = request->headers[i - 1].value;
		if (!is_header(&request->headers[i - 1], "X-Forwarded-Proto"))
			continue;
		struct slice said = last_item(&value);
		return said.len == strlen("https") && strncasecmp(said.at, "https", said.len) == 0;
	}
	return false;
}
