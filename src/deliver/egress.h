/* The address policy: which addresses the hub delivers to. The refused ranges are those of the IANA special-purpose registries
 * (www.iana.org/assignments/iana-ipv4-special-registry, …-ipv6-…): of IPv6 only 2000::/3 less its special blocks; mapped, NAT64,
 * 6to4 and Teredo addresses are unwrapped and the embedded IPv4 address is judged. Options open ranges; what they open is
 * judged on the address itself. Immutable after egress_new(); thread-safe. */
#ifndef GRAPNEL_DELIVER_EGRESS_H
#define GRAPNEL_DELIVER_EGRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

struct egress;
/* `allow`: CIDR ranges separated by commas or spaces ("127.0.0.0/8, ::1/128"), may be NULL. */
struct egress *egress_new(const char *allow, struct err *err) ATTR_MUST_USE;
void egress_free(struct egress *egress);
/* Whether it may be delivered to; if not, `why` (may be NULL) names the range and the option that opens it: for the admin's eyes. */
bool egress_allows(const struct egress *egress, const struct sockaddr *address, char *why, size_t why_size);

#endif
