/* Ranges of addresses and of ports. */
#include "deliver/range.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

enum { IPV4_BITS = 32, IPV6_BITS = 128, PORT_MAX = 65535 };

static const char separators[] = ", \t\r\n";

bool range_has(const struct range *range, int family, const uint8_t *address)
{
	if (family != range->family)
		return false;
	unsigned bytes = range->bits / 8;
	if (memcmp(range->at, address, bytes) != 0)
		return false;
	unsigned rest = range->bits % 8;
	return rest == 0 || (range->at[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

void range_text(const struct range *range, char out[RANGE_TEXT_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";
	inet_ntop(range->family, range->at, address, sizeof address);
	snprintf(out, RANGE_TEXT_SIZE, "%s/%u", address, range->bits);
}

const struct range *ranges_find(const struct ranges *ranges, int family, const uint8_t *address)
{
	for (size_t i = 0; i < ranges->len; i++) {
		if (range_has(&ranges->at[i], family, address))
			return &ranges->at[i];
	}
	return NULL;
}

/* ---- options ---- */

/* Digits alone, as many as the largest value has at most. */
static int parse_number(struct slice text, size_t digits_max, unsigned long max, unsigned long *value)
{
	char copy[8] = "";
	if (text.len < 1 || text.len > digits_max || text.len >= sizeof copy)
		return -1;
	memcpy(copy, text.at, text.len);
	if (strspn(copy, "0123456789") != text.len)
		return -1;
	*value = strtoul(copy, NULL, 10);
	return *value > max ? -1 : 0;
}

static bool has_bits_beyond(const struct range *range, unsigned max)
{
	for (unsigned bit = range->bits; bit < max; bit++) {
		if (range->at[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	}
	return false;
}

static int parse_range(struct slice text, const char *option, struct range *range, struct err *err)
{
	char copy[RANGE_TEXT_SIZE] = "";
	unsigned long bits;
	if (text.len < sizeof copy)
		memcpy(copy, text.at, text.len);
	char *slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	range->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	unsigned max = range->family == AF_INET ? IPV4_BITS : IPV6_BITS;
	bits = max;
	if (inet_pton(range->family, copy, range->at) != 1 || (slash && parse_number(slice_of(slash + 1), 3, max, &bits)))
		return err_set(err, ERR_INVALID,
		               "%s: \"%.*s\" is not an address range; accepted are CIDR ranges such as 127.0.0.0/8 or fd00::/8", option,
		               (int)(text.len < sizeof copy ? text.len : sizeof copy), text.at);
	range->bits = (unsigned)bits;
	if (has_bits_beyond(range, max))
		return err_set(err, ERR_INVALID, "%s: \"%.*s\" has bits set beyond its /%u; write the first address of the range", option,
		               (int)text.len, text.at, range->bits);
	return 0;
}

/* The next word of a list; {NULL, 0} at its end. */
static struct slice next_word(const char **at)
{
	*at += strspn(*at, separators);
	struct slice word = {*at, strcspn(*at, separators)};
	*at += word.len;
	return word.len > 0 ? word : (struct slice){NULL, 0};
}

int ranges_parse(struct ranges *ranges, const char *text, const char *option, struct err *err)
{
	const char *at = text ? text : "";
	ranges->len = 0;
	for (struct slice word; (word = next_word(&at)).at; ranges->len++) {
		if (ranges->len >= RANGES_MAX)
			return err_set(err, ERR_INVALID, "%s: more than %d ranges", option, RANGES_MAX);
		if (parse_range(word, option, &ranges->at[ranges->len], err))
			return -1;
	}
	return 0;
}

bool port_ranges_have(const struct port_ranges *ranges, int port)
{
	for (size_t i = 0; i < ranges->len; i++) {
		if (port >= ranges->at[i].first && port <= ranges->at[i].last)
			return true;
	}
	return false;
}

int port_ranges_parse(struct port_ranges *ranges, const char *text, const char *option, struct err *err)
{
	const char *at = text ? text : "";
	ranges->len = 0;
	for (struct slice word; (word = next_word(&at)).at; ranges->len++) {
		const char *dash = memchr(word.at, '-', word.len);
		struct slice low = {word.at, dash ? (size_t)(dash - word.at) : word.len};
		struct slice high = dash ? (struct slice){dash + 1, word.len - low.len - 1} : low;
		unsigned long first, last;
		if (ranges->len >= PORT_RANGES_MAX)
			return err_set(err, ERR_INVALID, "%s: more than %d ranges", option, PORT_RANGES_MAX);
		if (parse_number(low, 5, PORT_MAX, &first) || parse_number(high, 5, PORT_MAX, &last) || first < 1 || first > last)
			return err_set(err, ERR_INVALID,
			               "%s: \"%.*s\" is no port and no range of ports; accepted are numbers from 1 to 65535, as 443 or 8000-8999",
			               option, (int)(word.len < 40 ? word.len : 40), word.at);
		ranges->at[ranges->len].first = (int)first;
		ranges->at[ranges->len].last = (int)last;
	}
	return 0;
}
