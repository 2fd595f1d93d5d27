/* Listening sockets. */
#ifndef GRAPNEL_HTTP_LISTEN_H
#define GRAPNEL_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* A listening TCP socket for "127.0.0.1:8080", "[::1]:8080", "name:8080" or ":8080" (all addresses). `port` > 0 is that of an
 * earlier socket for the same address, to which this one is added; 0: this is the first. With `shared` more will be added; an address
 * that another process listens on is an error even then. -1 on error, which names the address. */
int listen_tcp(const char *address, int port, bool shared, struct err *err) ATTR_MUST_USE;
/* Whether an address has one of these forms; nothing is looked up or bound. */
int listen_check(const char *address, struct err *err) ATTR_MUST_USE;
/* A listening Unix socket in the folder of dir_fd, however long its path; replaces a stale one. Its mode is 0600, or, for the members of a
 * group (NULL: none), 0660. */
int listen_unix(int dir_fd, const char *name, const gid_t *group, struct err *err) ATTR_MUST_USE;
/* The user at the other end of a connection over one; -1: not known. */
int64_t listen_peer_uid(int fd);
/* Another descriptor of a socket that listens. */
int listen_again(int fd, struct err *err) ATTR_MUST_USE;
/* The TCP port a socket is bound to; 0 when it is none. */
int listen_port(int fd);

#endif
