/* Ranges of IP addresses. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128, IPV4_BYTES = 4, MAPPED_AT = 12 };

/* ::ffff:a.b.c.d is a.b.c.d. */
static struct cidr_address unmapped(const uint8_t six[16])
{
	static const uint8_t mapped[MAPPED_AT] = {[10] = 0xff, [11] = 0xff};
	struct cidr_address address = {.family = AF_INET6};
	if (memcmp(six, mapped, sizeof mapped) == 0) {
		address.family = AF_INET;
		memcpy(address.at, six + MAPPED_AT, IPV4_BYTES);
	} else {
		memcpy(address.at, six, sizeof address.at);
	}
	return address;
}

struct cidr_address cidr_address(const struct sockaddr *address)
{
	struct cidr_address out = {.family = AF_UNSPEC};
	if (address->sa_family == AF_INET) {
		out.family = AF_INET;
		memcpy(out.at, &((const struct sockaddr_in *)(const void *)address)->sin_addr, IPV4_BYTES);
	} else if (address->sa_family == AF_INET6) {
		out = unmapped(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
	}
	return out;
}

int cidr_address_parse(struct slice text, struct cidr_address *address)
{
	char copy[INET6_ADDRSTRLEN] = "";
	uint8_t bytes[16] = {0};
	if (text.len == 0 || text.len >= sizeof copy || memchr(text.at, '\0', text.len))
		return -1;
	memcpy(copy, text.at, text.len);
	if (inet_pton(AF_INET, copy, bytes) == 1) {
		*address = (struct cidr_address){.family = AF_INET};
		memcpy(address->at, bytes, IPV4_BYTES);
		return 0;
	}
	if (inet_pton(AF_INET6, copy, bytes) != 1)
		return -1;
	*address = unmapped(bytes);
	return 0;
}

static int parse_bits(struct slice text, unsigned max, unsigned *bits)
{
	unsigned value = 0;
	if (text.len == 0 || text.len > 3)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		value = value * 10 + (unsigned)(text.at[i] - '0');
	}
	*bits = value;
	return value <= max ? 0 : -1;
}

static bool bit_of(const struct cidr_address *address, unsigned bit)
{
	return address->at[bit / 8] >> (7 - bit % 8) & 1;
}

int cidr_parse(struct slice text, struct cidr *range, const char **why)
{
	const char *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
	struct slice head = {text.at, slash ? (size_t)(slash - text.at) : text.len};
	*why = "it is no address and no CIDR range such as 10.0.0.0/8 or fd00::/8";
	if (cidr_address_parse(head, &range->first))
		return -1;
	unsigned max = range->first.family == AF_INET ? IPV4_BITS : IPV6_BITS;
	range->bits = max;
	/* A mapped prefix would count other bits than it says. */
	if (slash && max == IPV4_BITS && memchr(head.at, ':', head.len))
		return -1;
	if (slash && parse_bits((struct slice){slash + 1, text.len - head.len - 1}, max, &range->bits))
		return -1;
	*why = "it has bits set beyond its prefix; write the first address of the range";
	for (unsigned bit = range->bits; bit < max; bit++)
		if (bit_of(&range->first, bit))
			return -1;
	return 0;
}

bool cidr_has(const struct cidr *range, const struct cidr_address *address)
{
	unsigned bytes = range->bits / 8, rest = range->bits % 8;
	if (address->family != range->first.family || memcmp(range->first.at, address->at, bytes) != 0)
		return false;
	return rest == 0 || (range->first.at[bytes] ^ address->at[bytes]) >> (8 - rest) == 0;
}
