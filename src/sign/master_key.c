/* The master key's file: 64 hex digits, readable by its owner alone. */
#include "sign/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "base/strbuf.h"

enum { HEX_DIGITS = 2 * MASTER_KEY_BYTES, FILE_MAX = HEX_DIGITS + 2 /* CR LF */, PATH_BYTES_MAX = 4096 };

static int file_error(struct err *err, const char *what, const char *path)
{
	return err_set(err, ERR_STORAGE, "cannot %s the master key file %s: %s", what, path, strerror(errno));
}

/* All bytes up to `size`; their number, or -1. */
static ssize_t read_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	while (len < size) {
		ssize_t got = read(fd, out + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(const char *text, size_t len, uint8_t out[MASTER_KEY_BYTES])
{
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len != HEX_DIGITS)
		return -1;
	for (size_t i = 0; i < MASTER_KEY_BYTES; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int check_mode(int fd, mode_t allowed, const char *path, struct err *err)
{
	struct stat status;
	if (fstat(fd, &status))
		return file_error(err, "examine", path);
	if (!S_ISREG(status.st_mode))
		return err_set(err, ERR_INVALID, "the master key %s is not a regular file", path);
	if (status.st_mode & (S_IRWXG | S_IRWXO) & ~allowed)
		return err_set(err, ERR_INVALID, "the master key file %s is open to its group or to others (mode %04o): chmod 600 it", path,
		               (unsigned)status.st_mode & 07777);
	return 0;
}

static int read_key(int fd, mode_t allowed, const char *path, struct master_key *key, struct err *err)
{
	char text[FILE_MAX + 1];
	struct master_key read = {{0}};
	int result = -1;
	if (check_mode(fd, allowed, path, err))
		goto out;
	ssize_t len = read_all(fd, text, sizeof text);
	if (len < 0) {
		file_error(err, "read", path);
		goto out;
	}
	if (decode(text, (size_t)len, read.bytes)) {
		err_set(err, ERR_INVALID,
		        "the master key file %s must hold %d hex digits and nothing else; bring it back from a backup: another key cannot "
		        "open the "
		        "stored secrets",
		        path, HEX_DIGITS);
		goto out;
	}
	*key = read;
	result = 0;
out:
	OPENSSL_cleanse(text, sizeof text);
	OPENSSL_cleanse(&read, sizeof read);
	return result;
}

/* So that the name is on the disk, too. */
static int sync_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_BYTES_MAX] = ".";
	if (slash)
		snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 || fsync(fd) ? file_error(err, "sync the folder of", path) : 0;
	if (fd >= 0)
		close(fd);
	return result;
}

static int write_key(int fd, const struct master_key *key, const char *path, struct err *err)
{
	char text[HEX_DIGITS + 2];
	codec_hex(key->bytes, MASTER_KEY_BYTES, text);
	memcpy(text + HEX_DIGITS, "\n", 2);
	/* So few bytes are written whole or not at all. */
	bool good = write(fd, text, HEX_DIGITS + 1) == HEX_DIGITS + 1 && fsync(fd) == 0;
	OPENSSL_cleanse(text, sizeof text);
	return good ? 0 : file_error(err, "write", path);
}

/* The file gets its name only when it is whole and on the disk. link() gives it, because it never takes the place of a file that
 * another process made meanwhile, as rename() would: 1 then. mkostemp() opens with O_EXCL and mode 0600. */
static int create_file(const char *path, const struct master_key *key, struct err *err)
{
	char temporary[PATH_BYTES_MAX];
	if ((size_t)snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= sizeof temporary)
		return err_set(err, ERR_INVALID, "the path of the master key file is too long");
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return file_error(err, "create", path);
	int result = write_key(fd, key, path, err);
	if (close(fd) && result == 0)
		result = file_error(err, "write", path);
	if (result == 0 && link(temporary, path))
		result = errno == EEXIST ? 1 : file_error(err, "name", path);
	unlink(temporary);
	return result == 0 ? sync_folder(path, err) : result;
}

static int create_key(const char *path, struct master_key *key, struct err *err)
{
	struct master_key fresh;
	codec_random(fresh.bytes, sizeof fresh.bytes);
	int result = create_file(path, &fresh, err);
	if (result == 0)
		*key = fresh;
	OPENSSL_cleanse(&fresh, sizeof fresh);
	return result == 1 ? master_key_load(path, false, key, err) : result;
}

static int load(const char *path, bool create, mode_t allowed, struct master_key *key, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && create)
		return create_key(path, key, err);
	if (fd < 0)
		return file_error(err, "open", path);
	int result = read_key(fd, allowed, path, key, err);
	close(fd);
	return result;
}

int master_key_load(const char *path, bool create, struct master_key *key, struct err *err)
{
	return load(path, create, 0, key, err);
}

int master_key_load_credential(const char *path, struct master_key *key, struct err *err)
{
	return load(path, false, S_IRGRP, key, err);
}
