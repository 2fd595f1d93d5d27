/* Reads small files whole. */
#include "conf/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

int readfile(const char *path, bool allow_stdin, struct strbuf *out, struct err *err)
{
	bool from_stdin = allow_stdin && strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		int why = errno;
		err_set(err, ERR_INVALID, "%s cannot be opened: %s", path, strerror(why));
		errno = why;
		return -1;
	}
	int result = read_all(fd, from_stdin ? "the standard input" : path, out, err);
	if (!from_stdin)
		close(fd);
	errno = 0;
	return result;
}
