/* Where the hub listens: on the addresses of the options, on the sockets that systemd passed in their place, and on the admin socket. */
#ifndef GRAPNEL_PORTS_H
#define GRAPNEL_PORTS_H

#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/systemd.h"
#include "conf/conf.h"
#include "http/server.h"

enum { TLS_ALL, TLS_PUBLIC, TLS_API }; /* tls.ports */

struct ports {
	size_t len;
	struct http_listen at[SYSTEMD_SOCKETS_MAX + 3];
	struct systemd_sockets passed;
	gid_t group; /* of the admin socket */
};

/* From the options, and, when it serves, from what was passed to the process. What `ports` holds points into itself: it must stay where it is. */
int ports_plan(struct ports *ports, const struct conf *conf, bool serves, struct err *err) ATTR_MUST_USE;
/* Adds the admin socket, to be made in the data folder. */
int ports_add_admin(struct ports *ports, const struct conf *conf, int folder_fd, struct err *err) ATTR_MUST_USE;
/* Whether one of them is only for the doors of sources, or for everything but them. */
bool ports_have(const struct ports *ports, enum http_role role);
/* Whether socket.group is a group of this machine. */
int ports_check_group(const struct conf *conf, struct err *err) ATTR_MUST_USE;

#endif
