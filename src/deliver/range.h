/* Ranges of addresses (CIDR) and of ports, as options list them. Pure. */
#ifndef GRAPNEL_DELIVER_RANGE_H
#define GRAPNEL_DELIVER_RANGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum { RANGES_MAX = 256, PORT_RANGES_MAX = 64, RANGE_TEXT_SIZE = INET6_ADDRSTRLEN + 4 };

/* Bytes in network order; IPv4 uses the first four. Bits beyond the prefix are 0. */
struct range {
	int family;
	unsigned bits;
	uint8_t at[16];
};

struct ranges {
	size_t len;
	struct range at[RANGES_MAX];
};

struct port_ranges {
	size_t len;
	struct {
		int first, last;
	} at[PORT_RANGES_MAX];
};

bool range_has(const struct range *range, int family, const uint8_t *address);
void range_text(const struct range *range, char out[RANGE_TEXT_SIZE]);
/* The first range that has the address; NULL: none has. */
const struct range *ranges_find(const struct ranges *ranges, int family, const uint8_t *address);
/* CIDR ranges separated by commas or spaces ("127.0.0.0/8, ::1/128"); NULL: none. Errors name `option`. */
int ranges_parse(struct ranges *ranges, const char *text, const char *option, struct err *err) ATTR_MUST_USE;

bool port_ranges_have(const struct port_ranges *ranges, int port);
/* "443, 8000-8999"; likewise. */
int port_ranges_parse(struct port_ranges *ranges, const char *text, const char *option, struct err *err) ATTR_MUST_USE;

#endif
