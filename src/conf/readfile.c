/* Reads small files whole. */
#include "conf/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, const char *path, struct strbuf *out, struct err *err)
{
	char chunk[16384];

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, ERR_INVALID, "%s cannot be read: %s", path, strerror(errno));
		if (got == 0)
			return 0;
		strbuf_append(out, chunk, (size_t)got);
		if (out->failed)
			return err_set(err, ERR_INVALID, "%s is larger than the %zu bytes that are read", path, out->max_bytes);
	}
}

static int cannot_open(const char *path, struct err *err)
{
	int why = errno;
	err_set(err, ERR_INVALID, "%s cannot be opened: %s", path, strerror(why));
	errno = why;
	return -1;
}

int readfile(const char *path, bool allow_stdin, struct strbuf *out, struct err *err)
{
	bool from_stdin = allow_stdin && strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cannot_open(path, err);
	int result = read_all(fd, from_stdin ? "the standard input" : path, out, err);
	if (!from_stdin)
		close(fd);
	errno = 0;
	return result;
}

/* A folder passes: to read it says what it is. */
static bool is_regular(int fd)
{
	struct stat file, null;

	if (fstat(fd, &file) != 0)
		return false;
	if (S_ISCHR(file.st_mode))
		return stat("/dev/null", &null) == 0 && S_ISCHR(null.st_mode) && file.st_rdev == null.st_rdev;
	return S_ISREG(file.st_mode) || S_ISDIR(file.st_mode);
}

int readfile_regular(const char *path, struct strbuf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result = -1;

	if (fd < 0)
		return cannot_open(path, err);
	if (is_regular(fd))
		result = read_all(fd, path, out, err);
	else
		err_set(err, ERR_INVALID, "%s is no regular file, but a pipe, a socket or a device: what is read again must be one", path);
	close(fd);
	errno = 0;
	return result;
}
