/* Datagrams to the journal. The socket is not connected: its other end may be another one tomorrow. */
#include "base/log_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

bool log_journal_is(const char *journal_stream, int fd)
{
	struct stat status;
	char *end = NULL;
	if (!journal_stream || fstat(fd, &status))
		return false;
	uintmax_t device = strtoumax(journal_stream, &end, 10);
	if (end == journal_stream || *end != ':')
		return false;
	const char *second = end + 1;
	uintmax_t inode = strtoumax(second, &end, 10);
	return end != second && !*end && device == (uintmax_t)status.st_dev && inode == (uintmax_t)status.st_ino;
}

int log_journal_open(const char *path)
{
	struct sockaddr_un address;
	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

enum log_journal_sent log_journal_send(int fd, const char *path, const char *entry, size_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	ssize_t sent;
	memcpy(address.sun_path, path, strlen(path) + 1);
	do
		sent = sendto(fd, entry, len, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof address);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return LOG_JOURNAL_SENT;
	return errno == EMSGSIZE || errno == ENOBUFS ? LOG_JOURNAL_TOO_LARGE : LOG_JOURNAL_FAILED;
}
