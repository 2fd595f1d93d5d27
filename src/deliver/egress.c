/* The address policy. Two judgements: the address as it stands, and any IPv4 address that an IPv6 one carries inside. Both must
 * pass. What the option opens is looked up before the refused ranges. */
#include "deliver/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/slice.h"

enum { ALLOW_MAX = 256, IPV4_BITS = 32, IPV6_BITS = 128, RANGE_TEXT_SIZE = INET6_ADDRSTRLEN + 4 };

/* Bytes in network order; IPv4 uses the first four. */
struct range {
	int family;
	unsigned bits;
	uint8_t at[16];
};

struct egress {
	size_t len;
	struct range allow[ALLOW_MAX];
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

static bool in_range(const struct range *range, int family, const uint8_t *address)
{
	if (family != range->family)
		return false;
	unsigned bytes = range->bits / 8;
	if (memcmp(range->at, address, bytes) != 0)
		return false;
	unsigned rest = range->bits % 8;
	return rest == 0 || (range->at[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

/* ---- the option ---- */

static int parse_bits(const char *text, unsigned max, unsigned *bits)
{
	if (!*text || strlen(text) > 3 || strspn(text, "0123456789") != strlen(text))
		return -1;
	unsigned long value = strtoul(text, NULL, 10);
	if (value > max)
		return -1;
	*bits = (unsigned)value;
	return 0;
}

static bool has_bits_beyond(const struct range *range, unsigned max)
{
	for (unsigned bit = range->bits; bit < max; bit++) {
		if (range->at[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	}
	return false;
}

static int parse_range(struct slice text, struct range *range, struct err *err)
{
	char copy[RANGE_TEXT_SIZE] = "";
	if (text.len < sizeof copy)
		memcpy(copy, text.at, text.len);
	char *slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	range->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	unsigned max = range->family == AF_INET ? IPV4_BITS : IPV6_BITS;
	range->bits = max;
	if (inet_pton(range->family, copy, range->at) != 1 || (slash && parse_bits(slash + 1, max, &range->bits)))
		return err_set(err, ERR_INVALID,
		               "egress.allow: \"%.*s\" is not an address range; accepted are CIDR ranges such as 127.0.0.0/8 or fd00::/8",
		               (int)(text.len < sizeof copy ? text.len : sizeof copy), text.at);
	if (has_bits_beyond(range, max))
		return err_set(err, ERR_INVALID, "egress.allow: \"%.*s\" has bits set beyond its /%u; write the first address of the range",
		               (int)text.len, text.at, range->bits);
	return 0;
}

struct egress *egress_new(const char *allow, struct err *err)
{
	static const char separators[] = ", \t\r\n";
	struct egress *egress = mem_new(struct egress);
	const char *at = allow ? allow : "";
	while (*(at += strspn(at, separators))) {
		struct slice text = {at, strcspn(at, separators)};
		if (egress->len >= ALLOW_MAX) {
			err_set(err, ERR_INVALID, "egress.allow: more than %d ranges", ALLOW_MAX);
			goto out;
		}
		if (parse_range(text, &egress->allow[egress->len], err))
			goto out;
		egress->len++;
		at += text.len;
	}
	return egress;
out:
	egress_free(egress);
	return NULL;
}

void egress_free(struct egress *egress)
{
	free(egress);
}

/* ---- the judgement ---- */

static bool is_opened(const struct egress *egress, int family, const uint8_t *address)
{
	for (size_t i = 0; i < egress->len; i++) {
		if (in_range(&egress->allow[i], family, address))
			return true;
	}
	return false;
}

/* The refused range that an address is in; NULL: it is a public one. */
static const char *refused_range(int family, const uint8_t *address, const char **name)
{
	if (family == AF_INET) {
		for (size_t i = 0; i < COUNT(refused4); i++) {
			if (in_range(&refused4[i].range, family, address)) {
				*name = refused4[i].name;
				return refused4[i].text;
			}
		}
		return NULL;
	}
	for (size_t i = 0; i < COUNT(refused6); i++) {
		if (in_range(&refused6[i].range, family, address)) {
			*name = refused6[i].name;
			return refused6[i].text;
		}
	}
	*name = "not global unicast";
	return in_range(&global6, family, address) ? NULL : "::/0 outside 2000::/3";
}

static bool judge(const struct egress *egress, int family, const uint8_t *address, const char *form, char *why, size_t why_size)
{
	const char *name;
	const char *range = is_opened(egress, family, address) ? NULL : refused_range(family, address, &name);
	if (!range)
		return true;
	char text[INET6_ADDRSTRLEN] = "";
	inet_ntop(family, address, text, sizeof text);
	if (why)
		snprintf(why, why_size, "%s%s is in %s (%s); --egress-allow opens it", text, form, range, name);
	return false;
}

static bool judge6(const struct egress *egress, const uint8_t *address, char *why, size_t why_size)
{
	if (!judge(egress, AF_INET6, address, "", why, why_size))
		return false;
	for (size_t i = 0; i < COUNT(carriers); i++) {
		if (!in_range(&carriers[i].range, AF_INET6, address))
			continue;
		uint8_t inner[4];
		char form[40];
		for (unsigned byte = 0; byte < sizeof inner; byte++)
			inner[byte] = (uint8_t)(address[carriers[i].offset + byte] ^ (carriers[i].invert ? 0xff : 0));
		snprintf(form, sizeof form, " (in a %s address)", carriers[i].name);
		if (!judge(egress, AF_INET, inner, form, why, why_size))
			return false;
	}
	return true;
}

bool egress_allows(const struct egress *egress, const struct sockaddr *address, char *why, size_t why_size)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof in);
		return judge(egress, AF_INET, (const uint8_t *)&in.sin_addr, "", why, why_size);
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, address, sizeof in);
		return judge6(egress, in.sin6_addr.s6_addr, why, why_size);
	}
	if (why)
		snprintf(why, why_size, "only IPv4 and IPv6 addresses are delivered to");
	return false;
}
