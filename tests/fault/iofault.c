/* An LD_PRELOAD shim that makes writing calls on files of one folder fail, while a control file says so.
 *
 *   IOFAULT_FOLDER   the folder, absolute; calls on files anywhere below it are concerned, nothing else
 *   IOFAULT_CONTROL  the control file: absent, nothing happens; else its words say which calls fail and how:
 *                    "write" (write, pwrite, ftruncate and their kin), "sync" (fsync, fdatasync); "EIO" or "ENOSPC"; or "stall": the
 *                    call waits until the file says so no more, and the file IOFAULT_CONTROL.stalled is made when one does
 *
 * A failing call has no effect: not a byte is written. The control file is looked at in every call, so a test that has made or removed it
 * knows that all later calls obey. Thread-safe: no state but the real functions' addresses. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static bool below_folder(int fd)
{
	const char *folder = getenv("IOFAULT_FOLDER");
	char link[64], path[PATH_MAX];

	if (!folder)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof path - 1);
	if (len < 0)
		return false;
	path[len] = '\0';
	size_t folder_len = strlen(folder);
	return strncmp(path, folder, folder_len) == 0 && path[folder_len] == '/';
}

/* Whether the control file names this class; its words. */
static bool concerns(const char *control, int fd, const char *class, char words[128])
{
	int file = open(control, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	ssize_t len = read(file, words, 127);
	close(file);
	words[len > 0 ? len : 0] = '\0';
	return strstr(words, class) && below_folder(fd);
}

static void tell_stalled(const char *control)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s.stalled", control);
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file >= 0)
		close(file);
}

/* The errno that a call of this class gets now; 0: it goes through. */
static int fault(int fd, const char *class)
{
	const char *control = getenv("IOFAULT_CONTROL");
	const struct timespec look = {.tv_nsec = 5000000};
	char words[128];
	int saved = errno, result = 0;

	if (!control)
		return 0;
	while (concerns(control, fd, class, words)) {
		if (!strstr(words, "stall")) {
			result = strstr(words, "ENOSPC") ? ENOSPC : EIO;
			break;
		}
		tell_stalled(control);
		nanosleep(&look, NULL);
	}
	errno = saved;
	return result;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL_OR_CALL(class, fd, name, ...)                   \
	do {                                                 \
		static __typeof__(&name) real;               \
		int error = fault(fd, class);                \
		if (error) {                                 \
			errno = error;                       \
			return -1;                           \
		}                                            \
		if (!real)                                   \
			real = REAL(name);                   \
		return real(__VA_ARGS__);                    \
	} while (0)

ssize_t write(int fd, const void *bytes, size_t len)
{
	FAIL_OR_CALL("write", fd, write, fd, bytes, len);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	FAIL_OR_CALL("write", fd, pwrite, fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	FAIL_OR_CALL("write", fd, pwrite64, fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	FAIL_OR_CALL("write", fd, writev, fd, parts, count);
}

int ftruncate(int fd, off_t len)
{
	FAIL_OR_CALL("write", fd, ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	FAIL_OR_CALL("write", fd, ftruncate64, fd, len);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
	FAIL_OR_CALL("write", fd, fallocate, fd, mode, at, len);
}

int fsync(int fd)
{
	FAIL_OR_CALL("sync", fd, fsync, fd);
}

int fdatasync(int fd)
{
	FAIL_OR_CALL("sync", fd, fdatasync, fd);
}
