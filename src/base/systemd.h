/* What systemd gives to a service, and is told by it: the protocols of sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) and
 * systemd.exec(5), CREDENTIALS. They are a few variables and one datagram, documented as stable, for programs to do by themselves: libsystemd
 * would bring five libraries (cap, gcrypt, lz4, lzma, zstd) into a process that is to be small while it is idle.
 *
 * Without systemd all of this does nothing and costs nothing. Nothing here takes a variable out of the environment: the hub starts no
 * other program. */
#ifndef GRAPNEL_BASE_SYSTEMD_H
#define GRAPNEL_BASE_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum { SYSTEMD_SOCKETS_MAX = 8, SYSTEMD_NAME_MAX = 255 };

/* By the process that is the service, once, before its threads: from here on systemd_notify() speaks to whoever $NOTIFY_SOCKET names. */
int systemd_open(struct err *err) ATTR_MUST_USE;
/* Whether somebody listens. */
bool systemd_listens(void);
/* Lines of the form NAME=value, joined by newlines. Any thread; waits for a manager that is busy, but not for ever. */
void systemd_notify(const char *format, ...) ATTR_PRINTF(1, 2);
/* Long work of the start or the stop goes on: `status` says what, and the manager is asked for time for more of it. Cheap: it may be called
 * again and again, and tells at most once in ten seconds, or when there is something else to say. */
void systemd_working(const char *status);
/* How often WATCHDOG=1 is expected at least, in µs; 0: it is not. */
int64_t systemd_watchdog_us(void);

/* The path of a credential; false: there is none of this name. */
bool systemd_credential(const char *name, char *path, size_t size);

/* The sockets that were passed to this process. A fault names the descriptor, the name that it has, and what was expected. */
struct systemd_sockets {
	size_t len;
	struct systemd_socket {
		int fd; /* listening, TCP, non-blocking, close-on-exec */
		char name[SYSTEMD_NAME_MAX + 1];
		char address[64]; /* "127.0.0.1:8080", "[::]:443" */
	} at[SYSTEMD_SOCKETS_MAX];
};
int systemd_sockets(struct systemd_sockets *out, struct err *err) ATTR_MUST_USE;

#endif
