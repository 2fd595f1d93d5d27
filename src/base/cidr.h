/* Ranges of IP addresses, written as in options: "10.0.0.0/8", "2001:db8::/32", or one address. Plain memory; pure functions. */
#ifndef GRAPNEL_BASE_CIDR_H
#define GRAPNEL_BASE_CIDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/slice.h"

/* An address in network order: IPv4 in the first four bytes. An IPv4 address that came as IPv6 (::ffff:…) is IPv4. */
struct cidr_address {
	int family; /* AF_INET, AF_INET6; AF_UNSPEC: none */
	uint8_t at[16];
};

struct cidr {
	struct cidr_address first;
	unsigned bits;
};

struct cidr_address cidr_address(const struct sockaddr *address);
/* The text of one address, as inet_pton() takes it; -1: it is none. */
int cidr_address_parse(struct slice text, struct cidr_address *address) ATTR_MUST_USE;
/* -1 and `why`, a static phrase. */
int cidr_parse(struct slice text, struct cidr *range, const char **why) ATTR_MUST_USE;
bool cidr_has(const struct cidr *range, const struct cidr_address *address);

#endif
