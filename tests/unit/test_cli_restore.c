/* grapnel restore: where a backup may be put, what is checked, and what is left when it fails. */
#include "cli_world.h"
#include "conf/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

static void write_backup(void)
{
	assert_int_equal(unlink("var/grapnel.lock"), 0); /* no hub was ever here */
	write_file("backup.db", "a database");
	write_file("kept.key", "a key");
	answer(0, 200, "{\"findings\":[],\"ok\":true}");
	answer(1, 200, "{\"backup_at\":\"2030-01-02T03:04:05.678Z\",\"pending\":7,\"held\":2,\"at_least\":false}");
}

static int entries(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count - 2;
}

static void a_backup_is_put_into_a_new_folder(void **state)
{
	struct stat status;

	(void)state;
	write_backup();
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "new"), EXIT_OK);
	assert_string_equal(stub.opened_data, "new/restore.tmp");
	assert_string_equal(stub.seen[0].path, "/local/check");
	assert_string_equal(stub.seen[1].path, "/local/restored");
	assert_int_equal(stub.closes, 1);
	assert_int_equal(stat("new/grapnel.db", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, 10);
	assert_int_equal(stat("new/master.key", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(entries("new"), 3); /* the lock, too */
	assert_holds(printed.out, "restored backup.db to new\nthe backup ends at 2030-01-02T03:04:05.678Z\ndeliveries pending: 7, held behind them: 2; ");
	assert_holds(printed.out, "paused");
}

static void options_may_be_there_before(void **state)
{
	(void)state;
	write_backup();
	write_file("var/grapnel.conf", "[limits]\nbatch = 7\n");
	assert_int_equal(mkdir("var/restore.tmp", 0700), 0);
	write_file("var/restore.tmp/grapnel.db", "of a restore that was broken off");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--json"), EXIT_OK);
	assert_string_equal(printed.out, "{\"restored\":\"backup.db\",\"data\":\"./var\",\"paused\":true,\"backup_at\":\"2030-01-02T03:04:05.678Z\",\"pending\":7,\"held\":2,\"at_least\":false}\n");
	assert_int_equal(access("var/restore.tmp", F_OK), -1);
	assert_int_equal(access("var/grapnel.db", F_OK), 0);
}

static void nothing_is_ever_replaced(void **state)
{
	(void)state;
	write_backup();
	write_file("var/grapnel.db", "dear");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key"), EXIT_FAILED);
	assert_holds(printed.err, "not empty: grapnel.db");
	assert_holds(printed.err, "mv ./var ./var.before");
	assert_int_equal(access("var/master.key", F_OK), -1);
	assert_int_equal(stub.opens, 0);
}

static void a_folder_in_use_is_left_alone(void **state)
{
	(void)state;
	write_backup();
	int lock = open("var/grapnel.lock", O_RDWR | O_CREAT, 0600);
	assert_true(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key"), EXIT_UNAVAILABLE);
	assert_holds(printed.err, "a hub runs on the data folder");
	assert_holds(printed.err, "systemctl stop grapnel.socket grapnel");
	close(lock);
	assert_int_equal(access("var/grapnel.db", F_OK), -1);
}

static void the_master_key_must_come_along(void **state)
{
	(void)state;
	write_backup();
	assert_int_equal(RUN("restore", "backup.db"), EXIT_USAGE);
	assert_holds(printed.err, "--master-key");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "none"), EXIT_FAILED);
	assert_holds(printed.err, "none cannot be read");
	assert_int_equal(RUN("restore", "none", "--master-key", "kept.key"), EXIT_FAILED);
	assert_int_equal(RUN("restore", "--master-key", "kept.key"), EXIT_USAGE);
	assert_int_equal(entries("var"), 0);
}

static void a_live_database_is_no_backup(void **state)
{
	(void)state;
	write_backup();
	write_file("backup.db-wal", "what was written last");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key"), EXIT_FAILED);
	assert_holds(printed.err, "grapnel backup");
	assert_int_equal(entries("var"), 0);
}

static void a_key_that_the_options_name_is_put_there_and_never_replaced(void **state)
{
	struct stat status;

	(void)state;
	write_backup();
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "new", "--master-key-file", "the.key"), EXIT_OK);
	assert_int_equal(stat("the.key", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(access("new/master.key", F_OK), -1);
	stub.calls = 0;
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "newer", "--master-key-file", "the.key"), EXIT_OK);
	write_file("the.key", "another key");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "newest", "--master-key-file", "the.key"), EXIT_FAILED);
	assert_holds(printed.err, "cp kept.key the.key");
	assert_int_equal(access("newest/grapnel.db", F_OK), -1);
	write_file("the.key", "a key");
	stub.calls = 0;
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "newest", "--master-key-file", "the.key"), EXIT_OK);
}

static void the_key_of_a_packaged_hub_must_be_the_one_of_the_backup(void **state)
{
	const struct conf_place before = conf_place;

	(void)state;
	write_backup();
	assert_int_equal(mkdir("system", 0700), 0);
	conf_place = (struct conf_place){.file = "system.conf", .key = "system.key", .data = "system"};
	write_file("system.key", "another key");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "system"), EXIT_FAILED);
	assert_holds(printed.err, "cp kept.key system.key");
	assert_int_equal(access("system/grapnel.db", F_OK), -1);
	write_file("system.key", "a key");
	stub.calls = 0;
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "system"), EXIT_OK);
	assert_int_equal(access("system/master.key", F_OK), -1);
	conf_place = before;
}

static void what_cannot_be_paused_is_not_restored(void **state)
{
	(void)state;
	write_backup();
	answer(1, 503, "{\"detail\":\"the disk is full\"}");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key"), EXIT_FAILED);
	assert_holds(printed.err, "the disk is full");
	assert_int_equal(entries("var"), 1);
}

static void what_does_not_open_or_is_damaged_leaves_nothing(void **state)
{
	(void)state;
	write_backup();
	stub.open_fails = ERR_INVALID;
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key"), EXIT_FAILED);
	assert_holds(printed.err, "backup.db cannot be restored: the store does not open");
	assert_int_equal(entries("var"), 1);
	stub.open_fails = ERR_NONE;
	answer(0, 200, "{\"findings\":[\"a page is broken\"],\"ok\":false}");
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key"), EXIT_FAILED);
	assert_holds(printed.err, "damaged");
	assert_holds(printed.err, "a page is broken");
	assert_int_equal(entries("var"), 1);
}

static void a_folder_that_was_made_for_nothing_goes_again(void **state)
{
	(void)state;
	write_backup();
	stub.open_fails = ERR_INVALID;
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "new"), EXIT_FAILED);
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(access("var", F_OK), 0);
}

static void what_root_makes_is_the_packaged_hubs(void **state)
{
	const struct conf_place before = conf_place;
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	write_backup();
	assert_int_equal(mkdir("system", 0700), 0);
	assert_int_equal(chown("system", 4711, 4712), 0);
	conf_place = (struct conf_place){.file = "system.conf", .key = "system.key", .data = "system"};
	assert_int_equal(RUN("restore", "backup.db", "--master-key", "kept.key", "--data", "new"), EXIT_OK);
	conf_place = before;
	static const char *const names[] = {"new", "new/grapnel.db", "new/master.key", "new/grapnel.lock"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(stat(names[i], &status), 0);
		assert_true(status.st_uid == 4711 && status.st_gid == 4712);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CLI_TEST(a_backup_is_put_into_a_new_folder),
	    CLI_TEST(options_may_be_there_before),
	    CLI_TEST(nothing_is_ever_replaced),
	    CLI_TEST(a_folder_in_use_is_left_alone),
	    CLI_TEST(the_master_key_must_come_along),
	    CLI_TEST(a_live_database_is_no_backup),
	    CLI_TEST(a_key_that_the_options_name_is_put_there_and_never_replaced),
	    CLI_TEST(the_key_of_a_packaged_hub_must_be_the_one_of_the_backup),
	    CLI_TEST(what_cannot_be_paused_is_not_restored),
	    CLI_TEST(what_does_not_open_or_is_damaged_leaves_nothing),
	    CLI_TEST(a_folder_that_was_made_for_nothing_goes_again),
	    CLI_TEST(what_root_makes_is_the_packaged_hubs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
