/* Listening sockets. */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024, HOST_MAX = 256, PORT_MAX = 6 };

/* "host:port", "[v6]:port", ":port" → host (may be empty) and port, both as text. */
static int split(const char *address, char host[HOST_MAX], char port[PORT_MAX])
{
	const char *colon = strrchr(address, ':');
	if (!colon)
		return -1;
	size_t host_len = (size_t)(colon - address), port_len = strlen(colon + 1);
	if (port_len == 0 || port_len >= PORT_MAX || strspn(colon + 1, "0123456789") != port_len)
		return -1;
	if (host_len >= 2 && address[0] == '[' && address[host_len - 1] == ']') {
		address++;
		host_len -= 2;
	} else if (memchr(address, ':', host_len)) {
		return -1;
	}
	if (host_len >= HOST_MAX)
		return -1;
	memcpy(host, address, host_len);
	host[host_len] = '\0';
	memcpy(port, colon + 1, port_len + 1);
	return 0;
}

static void set_port(struct sockaddr *address, int port)
{
	if (address->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
	else
		((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
}

static int bound_socket(const struct addrinfo *info, bool all, bool shared)
{
	int on = 1, off = 0;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
	    (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)) ||
	    (info->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? &off : &on, sizeof on)) ||
	    bind(fd, info->ai_addr, info->ai_addrlen)) {
		int failure = errno;
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

/* SO_REUSEPORT would let a second hub of the same user join the port silently and take half of the connections: so the first
 * socket of an address is tried without it. */
static int listening_socket(const struct addrinfo *info, bool all, bool first, bool shared)
{
	if (first && shared) {
		int probe = bound_socket(info, all, false);
		if (probe < 0)
			return -1;
		close(probe);
	}
	int fd = bound_socket(info, all, shared);
	if (fd >= 0 && listen(fd, LISTEN_BACKLOG)) {
		int failure = errno;
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

static int resolve(const char *host, const char *port, int family, struct addrinfo **found)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	return getaddrinfo(host[0] ? host : NULL, port, &hints, found);
}

/* All addresses is one IPv6 socket that takes IPv4 too; on a machine without IPv6 an IPv4 socket. */
static int listen_family(const char *host, const char *port, int family, int real_port, bool first, bool shared)
{
	struct addrinfo *found = NULL;
	if (resolve(host, port, family, &found)) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	if (real_port)
		set_port(found->ai_addr, real_port);
	int fd = listening_socket(found, host[0] == '\0', first, shared);
	int failure = errno;
	freeaddrinfo(found);
	errno = failure;
	return fd;
}

static int parse(const char *address, char host[HOST_MAX], char port_text[PORT_MAX], unsigned *number, struct err *err)
{
	if (split(address, host, port_text) == 0 && sscanf(port_text, "%u", number) == 1 && *number <= UINT16_MAX)
		return 0;
	return err_set(err, ERR_INVALID,
		       "cannot listen on \"%s\" (options listen, listen.public, listen.api; arguments --listen, …): accepted: host:port, [IPv6]:port or :port "
		       "(all addresses)",
		       address);
}

int listen_check(const char *address, struct err *err)
{
	char host[HOST_MAX], port[PORT_MAX];
	unsigned number;
	return parse(address, host, port, &number, err);
}

int listen_tcp(const char *address, int port, bool shared, struct err *err)
{
	char host[HOST_MAX], port_text[PORT_MAX];
	unsigned number = 0;
	if (parse(address, host, port_text, &number, err))
		return -1;
	int real_port = port > 0 ? port : (int)number;
	bool first = port <= 0;
	int fd = listen_family(host, port_text, host[0] ? AF_UNSPEC : AF_INET6, real_port, first, shared);
	if (fd < 0 && !host[0] && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = listen_family(host, port_text, AF_INET, real_port, first, shared);
	int failure = errno;
	if (fd < 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot listen on %s (options listen, listen.public, listen.api; arguments --listen, …): %s%s", address,
			       strerror(failure),
			       failure == EACCES ? ": a port below 1024 needs grapnel.socket or CAP_NET_BIND_SERVICE; systemctl cat grapnel says how" : "");
	return fd;
}

/* Nobody can connect before listen(), so nobody gets in before these are right. A group that the socket has already is not set: a sandbox
 * may refuse that. */
static int socket_open_to(int dir_fd, const char *name, const gid_t *group)
{
	struct stat status;
	if (!group)
		return fchmodat(dir_fd, name, S_IRUSR | S_IWUSR, 0);
	if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (status.st_gid != *group && fchownat(dir_fd, name, (uid_t)-1, *group, AT_SYMLINK_NOFOLLOW))
		return -1;
	return fchmodat(dir_fd, name, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP, 0);
}

int listen_unix(int dir_fd, const char *name, const gid_t *group, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = -1;
	int len = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
	if (len < 0 || (size_t)len >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		goto fail;
	}
	if (unlinkat(dir_fd, name, 0) && errno != ENOENT)
		goto fail;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address))
		goto fail;
	if (socket_open_to(dir_fd, name, group)) {
		err_set(err, ERR_UNAVAILABLE, group ? "the socket %s cannot be given to the group of socket.group: %s; the hub's user must be a member of it"
		                                    : "the mode of the socket %s cannot be set: %s",
		        name, strerror(errno));
		close(fd);
		return -1;
	}
	if (listen(fd, LISTEN_BACKLOG))
		goto fail;
	return fd;
fail:
	err_set(err, ERR_UNAVAILABLE, "cannot listen on the socket %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int listen_again(int fd, struct err *err)
{
	int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return again >= 0 ? again : err_set(err, ERR_UNAVAILABLE, "cannot listen on a socket that was passed: %s", strerror(errno));
}

int64_t listen_peer_uid(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? -1 : (int64_t)peer.uid;
}

int listen_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
	return 0;
}
