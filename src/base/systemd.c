/* The protocols between systemd and a service. */
#include "base/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { MESSAGE_MAX_BYTES = 2048, SEND_TIMEOUT_S = 5, FIRST_FD = 3, WORKING_EVERY_US = 10 * 1000 * 1000, WORKING_MORE_US = 300 * 1000 * 1000 };

/* ---- Notification ---------------------------------------------------------------------------------------------------------- */

static struct {
	/* set by systemd_open(), never changed */
	int fd; /* 0: nobody listens */
	struct sockaddr_un address;
	socklen_t address_len;
	/* under the mutex */
	pthread_mutex_t mutex;
	int64_t working_us;
	char working[128];
} manager = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int systemd_open(struct err *err)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	if (len == 0)
		return 0;
	/* '@' is the name space without files. */
	if ((path[0] != '/' && path[0] != '@') || len < 2 || len > sizeof manager.address.sun_path - (path[0] == '/'))
		return err_set(err, ERR_INVALID, "NOTIFY_SOCKET is %.120s: an absolute path, or @ and a name, of at most %zu bytes is understood", path,
		               sizeof manager.address.sun_path - 1);
	struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience)) {
		err_set(err, ERR_INTERNAL, "cannot make a socket for the service manager: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	manager.address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(manager.address.sun_path, path, len);
	if (path[0] == '@')
		manager.address.sun_path[0] = '\0';
	manager.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
	manager.fd = fd;
	return 0;
}

bool systemd_listens(void)
{
	return manager.fd > 0;
}

void systemd_notify(const char *format, ...)
{
	char message[MESSAGE_MAX_BYTES];
	va_list arguments;

	if (!systemd_listens())
		return;
	va_start(arguments, format);
	int len = vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	if (len < 0 || (size_t)len >= sizeof message)
		log_fatal("base", "a message to the service manager is too long");
	while (sendto(manager.fd, message, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&manager.address, manager.address_len) < 0) {
		if (errno == EINTR)
			continue;
		log_warn("base", "the service manager cannot be told %.*s: %s", (int)strcspn(message, "\n"), message, strerror(errno));
		return;
	}
}

void systemd_working(const char *status)
{
	if (!systemd_listens())
		return;
	int64_t now_us = clock_mono_us(&clock_system);
	pthread_mutex_lock(&manager.mutex);
	bool tell = strcmp(status, manager.working) != 0 || now_us >= manager.working_us;
	if (tell) {
		manager.working_us = now_us + WORKING_EVERY_US;
		snprintf(manager.working, sizeof manager.working, "%s", status);
	}
	pthread_mutex_unlock(&manager.mutex);
	if (tell)
		systemd_notify("EXTEND_TIMEOUT_USEC=%d\nSTATUS=%s", WORKING_MORE_US, status);
}

/* ---- Variables --------------------------------------------------------------------------------------------------------------- */

/* A positive number; 0: the variable is not there, or is none. */
static int64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	if (!text || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	return errno || *end ? 0 : number;
}

/* A variable that is not for this process came down from one above. */
static bool is_for_us(const char *name)
{
	return number_of(name) == getpid();
}

int64_t systemd_watchdog_us(void)
{
	if (!systemd_listens() || (getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID")))
		return 0;
	return number_of("WATCHDOG_USEC");
}

bool systemd_credential(const char *name, char *path, size_t size)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || folder[0] != '/')
		return false;
	int len = snprintf(path, size, "%s/%s", folder, name);
	return len > 0 && (size_t)len < size && access(path, F_OK) == 0;
}

/* ---- Sockets ----------------------------------------------------------------------------------------------------------------- */

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;
	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* What is wrong with it; NULL: nothing. */
static const char *fault_of(int fd)
{
	int domain = option_of(fd, SO_DOMAIN);
	if (domain < 0)
		return "is no socket";
	if (domain != AF_INET && domain != AF_INET6)
		return "is no TCP socket: the hub's ports are those of an address and a port (ListenStream=127.0.0.1:8080)";
	if (option_of(fd, SO_TYPE) != SOCK_STREAM)
		return "is no TCP socket: ListenStream= makes one";
	if (option_of(fd, SO_ACCEPTCONN) != 1)
		return "does not listen: Accept= must be no, so that the hub accepts connections itself";
	return NULL;
}

static void put_address(int fd, char *out, size_t size)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof address;
	char host[INET6_ADDRSTRLEN] = "";
	out[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&address;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(out, size, "%s:%u", host, (unsigned)ntohs(in->sin_port));
	} else {
		const struct sockaddr_in6 *in = (const void *)&address;
		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
		snprintf(out, size, "[%s]:%u", host, (unsigned)ntohs(in->sin6_port));
	}
}

static int socket_take(struct systemd_socket *socket, int fd, struct err *err)
{
	socket->fd = fd;
	const char *fault = fault_of(fd);
	if (fault)
		return err_set(err, ERR_INVALID, "the service manager passed descriptor %d with the name \"%s\", which %s", fd, socket->name, fault);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
		return err_set(err, ERR_INTERNAL, "descriptor %d, which the service manager passed, cannot be set up: %s", fd, strerror(errno));
	put_address(fd, socket->address, sizeof socket->address);
	return 0;
}

int systemd_sockets(struct systemd_sockets *out, struct err *err)
{
	*out = (struct systemd_sockets){0};
	if (!is_for_us("LISTEN_PID"))
		return 0;
	int64_t count = number_of("LISTEN_FDS");
	if (count > SYSTEMD_SOCKETS_MAX)
		return err_set(err, ERR_INVALID, "the service manager passed %" PRId64 " sockets; the hub takes %d at most", count, SYSTEMD_SOCKETS_MAX);
	const char *names = getenv("LISTEN_FDNAMES");
	for (int i = 0; i < count; i++) {
		struct systemd_socket *socket = &out->at[out->len++];
		size_t len = names ? strcspn(names, ":") : 0;
		if (len > SYSTEMD_NAME_MAX)
			return err_set(err, ERR_INVALID, "LISTEN_FDNAMES holds a name that is too long");
		snprintf(socket->name, sizeof socket->name, "%.*s", (int)len, names ? names : "");
		if (names)
			names += len + (names[len] == ':');
		if (socket_take(socket, FIRST_FD + i, err))
			return -1;
	}
	return 0;
}
