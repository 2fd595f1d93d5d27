/* The protocols of systemd: what the variables mean, which sockets are taken, what is told and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../lib/temp.h"
#include "base/systemd.h"

static char *folder;
static int manager; /* the socket that systemd_open() found */

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void set_pid(const char *name, long pid)
{
	char text[24];
	snprintf(text, sizeof text, "%ld", pid);
	setenv(name, text, 1);
}

/* ---- Notification ---- */

static void bad_addresses_are_refused(void **state)
{
	char too_long[200];
	const char *const bad[] = {"relative", "vsock:2:1", "/", "@", too_long};
	(void)state;
	memset(too_long, 'x', sizeof too_long);
	too_long[0] = '/';
	too_long[sizeof too_long - 1] = '\0';
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		set("NOTIFY_SOCKET", bad[i]);
		assert_int_equal(systemd_open(&err), -1);
		assert_non_null(strstr(err.detail, "NOTIFY_SOCKET"));
		assert_false(systemd_listens());
	}
}

static void without_a_manager_nothing_is_told(void **state)
{
	const char *const none[] = {NULL, ""};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		set("NOTIFY_SOCKET", none[i]);
		assert_int_equal(systemd_open(NULL), 0);
		assert_false(systemd_listens());
	}
	systemd_notify("READY=%d", 1);
	systemd_working("something");
	set("WATCHDOG_USEC", "1000000");
	assert_int_equal(systemd_watchdog_us(), 0);
}

static void open_to_manager(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_true(snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", folder) < (int)sizeof address.sun_path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(manager, (const struct sockaddr *)&address, sizeof address), 0);
	set("NOTIFY_SOCKET", address.sun_path);
	assert_int_equal(systemd_open(NULL), 0);
	assert_true(systemd_listens());
}

/* The next message; "": there is none. */
static const char *told(void)
{
	static char text[4096];
	ssize_t len = recv(manager, text, sizeof text - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void what_is_told_arrives_as_one_datagram(void **state)
{
	(void)state;
	open_to_manager();
	systemd_notify("READY=1\nSTATUS=%s", "fine");
	assert_string_equal(told(), "READY=1\nSTATUS=fine");
	assert_string_equal(told(), "");
}

static void long_work_is_told_once_and_when_it_changes(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		systemd_working("the first");
	for (int i = 0; i < 1000; i++)
		systemd_working("the second");
	assert_string_equal(told(), "EXTEND_TIMEOUT_USEC=300000000\nSTATUS=the first");
	assert_string_equal(told(), "EXTEND_TIMEOUT_USEC=300000000\nSTATUS=the second");
	assert_string_equal(told(), "");
}

static void the_watchdog_is_for_the_process_that_is_named(void **state)
{
	static const char *const none[] = {NULL, "", "x", "-5", "1s", "99999999999999999999"};
	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		set("WATCHDOG_USEC", none[i]);
		assert_int_equal(systemd_watchdog_us(), 0);
	}
	set("WATCHDOG_USEC", "60000000");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(systemd_watchdog_us(), 60000000);
	set_pid("WATCHDOG_PID", getpid());
	assert_int_equal(systemd_watchdog_us(), 60000000);
	set_pid("WATCHDOG_PID", getppid());
	assert_int_equal(systemd_watchdog_us(), 0);
}

/* ---- Credentials ---- */

static void a_credential_is_a_file_in_the_folder_that_is_named(void **state)
{
	char path[4096], small[8];
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_false(systemd_credential("master.key", path, sizeof path));
	set("CREDENTIALS_DIRECTORY", "relative");
	assert_false(systemd_credential("master.key", path, sizeof path));
	set("CREDENTIALS_DIRECTORY", folder);
	assert_false(systemd_credential("master.key", path, sizeof path));
	snprintf(path, sizeof path, "%s/master.key", folder);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	memset(path, 0, sizeof path);
	assert_true(systemd_credential("master.key", path, sizeof path));
	assert_int_equal(access(path, F_OK), 0);
	assert_false(systemd_credential("master.key", small, sizeof small));
}

/* ---- Sockets ---- */

/* Puts a socket at descriptor 3 or later, as systemd does. */
static void pass(int at, int fd)
{
	if (fd == at)
		return;
	assert_int_equal(dup2(fd, at), at);
	close(fd);
}

static int listening(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* This test's own descriptors stand behind those that are passed. */
static int leave_room(void **state)
{
	(void)state;
	if (manager < 10) {
		int moved = fcntl(manager, F_DUPFD_CLOEXEC, 10);
		close(manager);
		manager = moved;
	}
	set_pid("LISTEN_PID", getpid());
	return manager < 0;
}

static void sockets_come_with_their_names_and_addresses(void **state)
{
	struct systemd_sockets sockets;
	struct err err = {0};
	(void)state;
	pass(3, listening(AF_INET));
	pass(4, listening(AF_INET6));
	set("LISTEN_FDS", "2");
	set("LISTEN_FDNAMES", "listen:listen.public");
	assert_int_equal(systemd_sockets(&sockets, &err), 0);
	assert_int_equal(sockets.len, 2);
	assert_string_equal(sockets.at[0].name, "listen");
	assert_string_equal(sockets.at[1].name, "listen.public");
	assert_int_equal(sockets.at[1].fd, 4);
	assert_memory_equal(sockets.at[0].address, "0.0.0.0:", 8);
	assert_memory_equal(sockets.at[1].address, "[::]:", 5);
	assert_true(fcntl(3, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(3, F_GETFD) & FD_CLOEXEC);
	/* An older manager gives no names. */
	unsetenv("LISTEN_FDNAMES");
	assert_int_equal(systemd_sockets(&sockets, &err), 0);
	assert_string_equal(sockets.at[0].name, "");
	/* Fewer names than sockets, and a name that is empty. */
	set("LISTEN_FDNAMES", "");
	assert_int_equal(systemd_sockets(&sockets, &err), 0);
	assert_string_equal(sockets.at[1].name, "");
	set("LISTEN_FDNAMES", ":x");
	assert_int_equal(systemd_sockets(&sockets, &err), 0);
	assert_string_equal(sockets.at[0].name, "");
	assert_string_equal(sockets.at[1].name, "x");
}

static void those_of_another_process_are_not_taken(void **state)
{
	struct systemd_sockets sockets;
	(void)state;
	set("LISTEN_FDS", "2");
	set_pid("LISTEN_PID", getppid());
	assert_int_equal(systemd_sockets(&sockets, NULL), 0);
	assert_int_equal(sockets.len, 0);
	unsetenv("LISTEN_PID");
	assert_int_equal(systemd_sockets(&sockets, NULL), 0);
	assert_int_equal(sockets.len, 0);
	set_pid("LISTEN_PID", getpid());
	unsetenv("LISTEN_FDS");
	assert_int_equal(systemd_sockets(&sockets, NULL), 0);
	assert_int_equal(sockets.len, 0);
}

static void refused(const char *why)
{
	struct systemd_sockets sockets;
	struct err err = {0};
	assert_int_equal(systemd_sockets(&sockets, &err), -1);
	if (!strstr(err.detail, why))
		fail_msg("%s", err.detail);
}

static void what_does_not_listen_for_tcp_is_refused(void **state)
{
	char name[SYSTEMD_NAME_MAX + 2] = "";
	(void)state;
	set("LISTEN_FDS", "1");
	set("LISTEN_FDNAMES", "listen");
	pass(3, open("/dev/null", O_RDONLY));
	refused("descriptor 3 with the name \"listen\", which is no socket");
	pass(3, socket(AF_INET, SOCK_DGRAM, 0));
	refused("is no TCP socket");
	pass(3, socket(AF_UNIX, SOCK_STREAM, 0));
	refused("is no TCP socket");
	pass(3, socket(AF_INET, SOCK_STREAM, 0));
	refused("does not listen");
	close(3);
	refused("is no socket");
	set("LISTEN_FDS", "9");
	refused("9 sockets");
	set("LISTEN_FDS", "1");
	memset(name, 'n', sizeof name - 1);
	set("LISTEN_FDNAMES", name);
	refused("too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_addresses_are_refused),
	    cmocka_unit_test(without_a_manager_nothing_is_told),
	    cmocka_unit_test(what_is_told_arrives_as_one_datagram),
	    cmocka_unit_test(long_work_is_told_once_and_when_it_changes),
	    cmocka_unit_test(the_watchdog_is_for_the_process_that_is_named),
	    cmocka_unit_test(a_credential_is_a_file_in_the_folder_that_is_named),
	    cmocka_unit_test_setup(sockets_come_with_their_names_and_addresses, leave_room),
	    cmocka_unit_test_setup(those_of_another_process_are_not_taken, leave_room),
	    cmocka_unit_test_setup(what_does_not_listen_for_tcp_is_refused, leave_room),
	};
	folder = temp_make();
	int result = cmocka_run_group_tests(tests, NULL, NULL);
	temp_remove(folder);
	return result;
}
