/* Secrets at rest, and the master key's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "sign/seal.h"

static const struct master_key master = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
#define PLACE SLICE_LITERAL("endpoint:1:secrets")
static const char secret[] = "thirty-two bytes of pure secret!";
enum { LEN = sizeof secret - 1 };

static void what_was_sealed_is_unsealed(void **state)
{
	(void)state;
	uint8_t sealed[LEN + SEAL_OVERHEAD], again[LEN + SEAL_OVERHEAD], plain[LEN];
	assert_int_equal(seal(&master, PLACE, (const uint8_t *)secret, LEN, sealed), sizeof sealed);
	assert_int_equal(sealed[0], 1);
	assert_null(memmem(sealed, sizeof sealed, secret, 8));
	assert_int_equal(unseal(&master, PLACE, sealed, sizeof sealed, plain, sizeof plain), LEN);
	assert_memory_equal(plain, secret, LEN);
	/* A nonce is never used twice. */
	seal(&master, PLACE, (const uint8_t *)secret, LEN, again);
	assert_memory_not_equal(sealed, again, sizeof sealed);
	assert_int_equal(seal(&master, PLACE, (const uint8_t *)"", 0, again), SEAL_OVERHEAD);
	assert_int_equal(unseal(&master, PLACE, again, SEAL_OVERHEAD, plain, sizeof plain), 0);
}

static void every_flipped_bit_is_seen(void **state)
{
	(void)state;
	uint8_t sealed[LEN + SEAL_OVERHEAD], plain[LEN];
	seal(&master, PLACE, (const uint8_t *)secret, LEN, sealed);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		memset(plain, 'x', sizeof plain);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(unseal(&master, PLACE, sealed, sizeof sealed, plain, sizeof plain), -1);
		assert_memory_not_equal(plain, secret, LEN);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof sealed; len++)
		assert_int_equal(unseal(&master, PLACE, sealed, len, plain, sizeof plain), -1);
	assert_int_equal(unseal(&master, PLACE, sealed, sizeof sealed, plain, LEN - 1), -1);
	assert_int_equal(unseal(&master, PLACE, sealed, sizeof sealed, plain, LEN), LEN);
}

static void another_place_or_key_does_not_open_it(void **state)
{
	(void)state;
	uint8_t sealed[LEN + SEAL_OVERHEAD], plain[LEN];
	struct master_key other = master;
	seal(&master, PLACE, (const uint8_t *)secret, LEN, sealed);
	assert_int_equal(unseal(&master, SLICE_LITERAL("endpoint:2:secrets"), sealed, sizeof sealed, plain, sizeof plain), -1);
	assert_int_equal(unseal(&master, SLICE_LITERAL("endpoint:1:secret"), sealed, sizeof sealed, plain, sizeof plain), -1);
	assert_int_equal(unseal(&master, (struct slice){"", 0}, sealed, sizeof sealed, plain, sizeof plain), -1);
	other.bytes[31] ^= 1;
	assert_int_equal(unseal(&other, PLACE, sealed, sizeof sealed, plain, sizeof plain), -1);
}

/* ---- The file ---------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/test_seal_XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/master.key", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void a_missing_key_is_made_once(void **state)
{
	(void)state;
	struct master_key first, second;
	struct err err = {0};
	struct stat status;
	assert_int_equal(master_key_load(path, false, &first, &err), -1);
	assert_non_null(strstr(err.detail, path));
	err = (struct err){0};
	mode_t mask = umask(0);
	assert_int_equal(master_key_load(path, true, &first, &err), 0);
	umask(mask);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 65);
	assert_int_equal(master_key_load(path, true, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof first);
	assert_int_equal(master_key_load(path, false, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof first);
	/* Nothing else was left behind. */
	DIR *dir = opendir(folder);
	int files = 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		files += entry->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(files, 1);
	unlink(path);
	assert_int_equal(master_key_load(path, true, &second, &err), 0);
	assert_memory_not_equal(&first, &second, sizeof first);
}

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"

static void a_written_key_is_read(void **state)
{
	(void)state;
	struct master_key key;
	const struct master_key expected = {.bytes[31] = 0xaf};
	static const char *const good[] = {ZEROS "af", ZEROS "aF\n", ZEROS "AF\r\n"};
	for (size_t i = 0; i < 3; i++) {
		write_file(good[i], i ? 0600 : 0400);
		assert_int_equal(master_key_load(path, true, &key, NULL), 0);
		assert_memory_equal(&key, &expected, sizeof key);
	}
}

static void a_credential_may_be_readable_to_its_group_and_no_more(void **state)
{
	(void)state;
	static const mode_t good[] = {0400, 0440, 0600}, bad[] = {0404, 0444, 0460, 0450, 0420};
	struct master_key key;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		write_file(ZEROS "af", good[i]);
		assert_int_equal(master_key_load_credential(path, &key, NULL), 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		write_file(ZEROS "af", bad[i]);
		assert_int_equal(master_key_load_credential(path, &key, NULL), -1);
	}
	/* It is never made. */
	unlink(path);
	assert_int_equal(master_key_load_credential(path, &key, NULL), -1);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
	(void)state;
	static const mode_t modes[] = {0640, 0604, 0660, 0601, 0610, 0644};
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		struct master_key key;
		struct err err = {0};
		write_file(ZEROS "af", modes[i]);
		assert_int_equal(master_key_load(path, true, &key, &err), -1);
		assert_non_null(strstr(err.detail, "chmod 600"));
		assert_non_null(strstr(err.detail, path));
	}
}

static void half_a_key_is_no_key(void **state)
{
	(void)state;
	static const char *const bad[] = {"",           "\n",           ZEROS "a",  ZEROS "afa", ZEROS "ag", ZEROS "af\n\n\n",
	                                  ZEROS "af x", " " ZEROS "af", ZEROS ZEROS};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct master_key key = master;
		struct err err = {0};
		write_file(bad[i], 0600);
		if (master_key_load(path, true, &key, &err) == 0)
			fail_msg("\"%s\" is accepted", bad[i]);
		assert_non_null(strstr(err.detail, "64 hex digits"));
		assert_memory_equal(&key, &master, sizeof key);
	}
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	struct master_key key;
	struct err err = {0};
	assert_int_equal(master_key_load(folder, true, &key, &err), -1);
	assert_int_equal(master_key_load("/nonexistent/folder/key", true, &key, &err), -1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(master_key_load(path, true, &key, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_sealed_is_unsealed),
	    cmocka_unit_test(every_flipped_bit_is_seen),
	    cmocka_unit_test(another_place_or_key_does_not_open_it),
	    cmocka_unit_test(a_missing_key_is_made_once),
	    cmocka_unit_test(a_written_key_is_read),
	    cmocka_unit_test(a_credential_may_be_readable_to_its_group_and_no_more),
	    cmocka_unit_test(a_file_that_others_may_read_is_refused),
	    cmocka_unit_test(half_a_key_is_no_key),
	    cmocka_unit_test(what_is_no_file_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
