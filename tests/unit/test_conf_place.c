/* The places of a packaged hub: when they are taken, and when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/temp.h"
#include "conf/conf.h"
#include "conf/place.h"

/* ---- Helpers ----------------------------------------------------------------------------------------------------------- */

/* Each test has a working folder of its own, with an empty data folder "var", and an empty environment. The system's places are in it, too. */
static int enter_folder(void **state)
{
	conf_place = (struct conf_place){.file = "etc/grapnel.conf", .key = "etc/master.key", .data = "system"};
	char *folder = temp_make();

	if (chdir(folder) != 0 || mkdir("var", 0700) != 0)
		return -1;
	*state = folder;
	return clearenv();
}

static int leave_folder(void **state)
{
	int result = chdir("/");
	temp_remove(*state);
	return result;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Loads with one option, or none. */
static int load(struct conf *conf, const char *name, const char *value, struct err *err)
{
	char *argv[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)value};
	*err = (struct err){0};
	return conf_load(conf, name ? 2 : 0, argv, NULL, err);
}

static void load_well(struct conf *conf, const char *name, const char *value)
{
	struct err err;
	if (load(conf, name, value, &err) != 0)
		fail_msg("%s", err.detail);
}

/* Without any option; the message holds all of these. */
static void load_badly(const char *const *parts, size_t len)
{
	struct conf conf;
	struct err err;
	assert_int_equal(load(&conf, NULL, NULL, &err), -1);
	for (size_t i = 0; i < len; i++)
		if (!strstr(err.detail, parts[i]))
			fail_msg("no \"%s\" in: %s", parts[i], err.detail);
}

#define LOAD_BADLY(...) load_badly((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void make_system_file(void)
{
	assert_int_equal(mkdir("etc", 0700), 0);
	write_file("etc/grapnel.conf", "node = 9\n");
}

static void without_a_word_the_systems_file_and_folder_are_taken(void **state)
{
	struct conf conf;

	(void)state;
	make_system_file();
	load_well(&conf, NULL, NULL);
	assert_int_equal(conf.node, 9);
	assert_string_equal(conf.data, "system");
	conf_free(&conf);
	/* Named by whoever starts the hub, it is the same. */
	load_well(&conf, "--config", "./etc/../etc/grapnel.conf");
	assert_string_equal(conf.data, "system");
	conf_free(&conf);
	write_file("etc/grapnel.conf", "data = elsewhere\n");
	load_well(&conf, NULL, NULL);
	assert_string_equal(conf.data, "elsewhere");
	conf_free(&conf);
}

static void a_data_folder_that_is_given_goes_before_the_systems_file(void **state)
{
	struct conf conf;

	(void)state;
	make_system_file();
	load_well(&conf, "--data", "var");
	assert_int_equal(conf.node, 0);
	conf_free(&conf);
	setenv("GRAPNEL_DATA", "var", 1);
	load_well(&conf, NULL, NULL);
	assert_int_equal(conf.node, 0);
	assert_string_equal(conf.data, "var");
	conf_free(&conf);
}

static void another_file_goes_before_the_systems(void **state)
{
	struct conf conf;

	(void)state;
	make_system_file();
	write_file("other.conf", "node = 3\n");
	load_well(&conf, "--config", "other.conf");
	assert_int_equal(conf.node, 3);
	assert_string_equal(conf.data, "./var");
	conf_free(&conf);
}

static void a_hub_in_the_default_folder_goes_before_the_systems_file(void **state)
{
	static const char *const left[] = {"var/grapnel.db", "var/grapnel.lock", "var/grapnel.conf"};
	struct conf conf;

	(void)state;
	make_system_file();
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		write_file(left[i], "");
		load_well(&conf, NULL, NULL);
		assert_int_equal(conf.node, 0);
		assert_string_equal(conf.data, "./var");
		conf_free(&conf);
		assert_int_equal(unlink(left[i]), 0);
	}
}

static void who_may_not_read_the_systems_file_is_told_what_to_do(void **state)
{
	struct conf conf;

	(void)state;
	assert_int_equal(mkdir("etc", 0700), 0);
	assert_int_equal(mkdir("etc/grapnel.conf", 0700), 0); /* root may read any file */
	LOAD_BADLY("etc/grapnel.conf", "Is a directory");
	if (geteuid() == 0)
		return;
	assert_int_equal(rmdir("etc/grapnel.conf"), 0);
	write_file("etc/grapnel.conf", "node = 9\n");
	assert_int_equal(chmod("etc/grapnel.conf", 0), 0);
	LOAD_BADLY("etc/grapnel.conf", "Permission denied", "root", "group", "--data", "--url");
	load_well(&conf, "--url", "http://127.0.0.1:1");
	assert_string_equal(conf.url, "http://127.0.0.1:1");
	conf_free(&conf);
}

static void the_systems_master_key_is_for_the_systems_folder_alone(void **state)
{
	struct conf conf;

	(void)state;
	make_system_file();
	load_well(&conf, NULL, NULL);
	assert_null(conf_place_key(&conf));
	assert_string_equal(conf_place_key_wanted(&conf), "etc/master.key");
	write_file("etc/master.key", "");
	assert_string_equal(conf_place_key(&conf), "etc/master.key");
	conf_free(&conf);
	load_well(&conf, "--data", "var");
	assert_null(conf_place_key(&conf));
	assert_null(conf_place_key_wanted(&conf));
	conf_free(&conf);
	assert_int_equal(unlink("etc/grapnel.conf"), 0);
	load_well(&conf, "--data", "system");
	assert_null(conf_place_key_wanted(&conf));
	conf_free(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
	    CASE(without_a_word_the_systems_file_and_folder_are_taken),
	    CASE(a_data_folder_that_is_given_goes_before_the_systems_file),
	    CASE(another_file_goes_before_the_systems),
	    CASE(a_hub_in_the_default_folder_goes_before_the_systems_file),
	    CASE(who_may_not_read_the_systems_file_is_told_what_to_do),
	    CASE(the_systems_master_key_is_for_the_systems_folder_alone),
#undef CASE
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
