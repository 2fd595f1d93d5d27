/* Options: where they come from and which source wins, what each type accepts, what an error says. */
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
#include "conf/option.h"
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

static void write_bytes(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_file(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

enum { WORDS_MAX = 8 };

/* Loads with these arguments, ended by NULL. */
static int load(struct conf *conf, struct err *err, const char *const *words)
{
	char *argv[WORDS_MAX] = {0};
	int argc = 0;

	*err = (struct err){0};
	for (; words && words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	return conf_load(conf, argc, argv, NULL, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_WORDS NULL

static void load_well(struct conf *conf, const char *const *words)
{
	struct err err;
	if (load(conf, &err, words) != 0)
		fail_msg("%s", err.detail);
}

/* The load fails, and its message holds all of these. */
static void load_badly(const char *const *words, const char *const *parts)
{
	struct conf conf;
	struct err err;

	if (load(&conf, &err, words) == 0) {
		conf_free(&conf);
		fail_msg("accepted; an error with \"%s\" was due", parts[0]);
	}
	assert_int_equal(err.code, ERR_INVALID);
	for (; *parts; parts++) {
		if (!strstr(err.detail, *parts))
			fail_msg("\"%s\" is not in: %s", *parts, err.detail);
	}
}

/* ---- The table --------------------------------------------------------------------------------------------------------- */

static void every_row_can_be_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!option_sound(&option_table[i]))
			fail_msg("the row of %s is not sound", option_table[i].name);
	}
}

static void a_bad_row_is_found(void **state)
{
	static const struct option bad[] = {
	    {"a", OPTION_NUMBER, "1", "1 to 3", "a range without its mark", 0, false},
	    {"a", OPTION_NUMBER, "4", "1 … 3", "a default out of range", 0, false},
	    {"a", OPTION_NUMBER, "2", "3 … 1", "bounds the wrong way", 0, false},
	    {"a", OPTION_MILLISECONDS, "2s", "1 … 3s", "a bound without its unit", 0, false},
	    {"a", OPTION_CHOICE, "c", "a | b", "a default that is no choice", 0, false},
	    {"a", OPTION_SWITCH, "on", "on | off", "a switch with other words", 0, false},
	    {"a", OPTION_REAL, "", "0 … 1", "no default", 0, false},
	    {"a", OPTION_TEXT, "", "", "no range", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (option_sound(&bad[i]))
			fail_msg("not found: %s", bad[i].help);
	}
}

/* Also with GRAPNEL_X_FILE, which must not be the name of another option's variable. */
static void no_two_options_share_a_name(void **state)
{
	(void)state;
	for (enum option_spelling spelling = OPTION_IN_FILE; spelling <= OPTION_IN_ENVIRONMENT; spelling++) {
		for (size_t i = 0; i < OPTION_COUNT; i++) {
			char name[OPTION_NAME_SIZE], file[OPTION_NAME_SIZE + 8];
			option_spell(&option_table[i], spelling, name);
			assert_ptr_equal(option_find(spelling, slice_of(name)), &option_table[i]);
			snprintf(file, sizeof file, "%s_FILE", name);
			assert_null(option_find(spelling, slice_of(file)));
		}
	}
}

/* ---- Sources ----------------------------------------------------------------------------------------------------------- */

static void defaults_hold_without_any_source(void **state)
{
	struct conf conf;

	(void)state;
	load_well(&conf, NO_WORDS);
	assert_string_equal(conf.data, "./var");
	assert_string_equal(conf.listen, "127.0.0.1:8080");
	assert_null(conf.config);
	assert_null(conf.egress_allow);
	assert_int_equal(conf.limits_item, 1 << 20);
	assert_int_equal(conf.dedupe_window, 24 * 3600 * 1000);
	assert_int_equal(conf.log_level, 1);
	assert_false(conf.capture_success);
	assert_true(conf.retry_factor > 3.49 && conf.retry_factor < 3.51);
	conf_free(&conf);
}

static void arguments_beat_the_environment_which_beats_the_file(void **state)
{
	struct conf conf;

	(void)state;
	write_file("var/grapnel.conf", "node = 3\n[http]\nshards = 3\nconnections = 333\n[limits]\ndepth = 3\n");
	setenv("GRAPNEL_HTTP_SHARDS", "2", 1);
	setenv("GRAPNEL_HTTP_CONNECTIONS", "222", 1);
	load_well(&conf, WORDS("--http-connections", "111"));
	assert_int_equal(conf.http_connections, 111);
	assert_int_equal(conf.http_shards, 2);
	assert_int_equal(conf.limits_depth, 3);
	assert_int_equal(conf.node, 3);
	assert_int_equal(conf.limits_batch, 1000);
	conf_free(&conf);
}

static void a_value_that_is_overruled_is_still_checked(void **state)
{
	(void)state;
	write_file("var/grapnel.conf", "[http]\nshards = none\n");
	load_badly(WORDS("--http-shards", "1"), WORDS("./var/grapnel.conf:2", "http.shards"));
}

static void the_named_file_is_read_instead_of_the_data_folders(void **state)
{
	struct conf conf;

	(void)state;
	write_file("var/grapnel.conf", "node = 1\n");
	write_file("other.conf", "node = 2\ndata = elsewhere\n");
	write_file("third.conf", "node = 3\n");
	load_well(&conf, WORDS("--config", "other.conf"));
	assert_int_equal(conf.node, 2);
	assert_string_equal(conf.data, "elsewhere");
	conf_free(&conf);
	setenv("GRAPNEL_CONFIG", "other.conf", 1);
	load_well(&conf, NO_WORDS);
	assert_int_equal(conf.node, 2);
	conf_free(&conf);
	load_well(&conf, WORDS("--config=third.conf"));
	assert_int_equal(conf.node, 3);
	conf_free(&conf);
}

static void the_data_folder_that_is_given_is_searched_for_the_file(void **state)
{
	struct conf conf;

	(void)state;
	assert_int_equal(mkdir("there", 0700), 0);
	write_file("there/grapnel.conf", "node = 7\n");
	load_well(&conf, WORDS("--data", "there"));
	assert_int_equal(conf.node, 7);
	conf_free(&conf);
	setenv("GRAPNEL_DATA", "there", 1);
	load_well(&conf, NO_WORDS);
	assert_int_equal(conf.node, 7);
	conf_free(&conf);
}

static void a_named_file_must_be_there(void **state)
{
	(void)state;
	load_badly(WORDS("--config", "none.conf"), WORDS("none.conf", "No such file"));
	load_badly(WORDS("--config", "var"), WORDS("var", "Is a directory"));
}

static void a_file_cannot_say_where_it_is(void **state)
{
	(void)state;
	write_file("var/grapnel.conf", "data = elsewhere\n");
	load_badly(NO_WORDS, WORDS("var/grapnel.conf:1", "data", "--config"));
	write_file("other.conf", "config = third.conf\n");
	load_badly(WORDS("--config", "other.conf"), WORDS("other.conf:1", "config"));
}

/* ---- Values ------------------------------------------------------------------------------------------------------------ */

static void values_are_taken_with_their_units(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		int64_t expected;
	} good[] = {
	    {"node", "0", 0},
	    {"node", "255", 255},
	    {"http.connections", "1000000", 1000000},
	    {"http.deadline", "1s", 1000},
	    {"http.deadline", "10m", 600000},
	    {"http.deadline", "1500ms", 1500},
	    {"http.deadline", "2 m", 120000},
	    {"dedupe.window", "30d", INT64_C(30) * 24 * 3600 * 1000},
	    {"secret.overlap", "0", 0},
	    {"limits.item", "1KiB", 1024},
	    {"limits.item", "2048B", 2048},
	    {"limits.item", "3 MiB", 3 << 20},
	    {"memory.budget", "64GiB", INT64_C(64) << 30},
	    {"log.level", "debug", 0},
	    {"log.level", "error", 3},
	    {"capture.success", "yes", 1},
	    {"capture.success", "no", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct option_value value;
		const char *why;
		if (option_parse(option_find(OPTION_IN_FILE, slice_of(good[i].name)), good[i].text, &value, &why) != 0)
			fail_msg("%s = %s: %s", good[i].name, good[i].text, why);
		assert_int_equal(value.whole, good[i].expected);
	}
}

static void decimals_are_taken(void **state)
{
	struct conf conf;

	(void)state;
	load_well(&conf, WORDS("--retry-jitter", "0.05", "--retry-factor=100"));
	assert_true(conf.retry_jitter > 0.0499 && conf.retry_jitter < 0.0501);
	assert_true(conf.retry_factor > 99.9);
	conf_free(&conf);
}

static void a_bad_value_names_where_it_stands_and_what_is_accepted(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *why;
		const char *accepted;
	} bad[] = {
	    {"node", "256", "too large", "0 … 255"},
	    {"node", "-1", "no whole number", "0 … 255"},
	    {"node", "1.5", "no whole number", "0 … 255"},
	    {"node", "0x10", "no whole number", "0 … 255"},
	    {"node", "99999999999999999999999999", "too large", "0 … 255"},
	    {"http.shards", "0", "too small", "1 … 64"},
	    {"http.deadline", "30", "needs a unit", "1s … 10m (units: ms, s, m, h, d)"},
	    {"http.deadline", "30 seconds", "no whole number with a unit", "1s … 10m"},
	    {"http.deadline", "999ms", "too small", "1s … 10m"},
	    {"http.deadline", "11m", "too large", "1s … 10m"},
	    {"http.deadline", "9223372036854775807d", "too large", "1s … 10m"},
	    {"limits.item", "1MB", "no whole number with a unit", "1KiB … 64MiB (units: B, KiB, MiB, GiB)"},
	    {"limits.item", "65MiB", "too large", "1KiB … 64MiB"},
	    {"retry.factor", "0.5", "too small", "1 … 100"},
	    {"retry.factor", "1e2", "no decimal number", "1 … 100"},
	    {"retry.factor", "inf", "no decimal number", "1 … 100"},
	    {"retry.factor", "1.2.3", "no decimal number", "1 … 100"},
	    {"retry.jitter", "1.01", "too large", "0 … 1"},
	    {"log.level", "loud", "none of the accepted words", "debug | info | warn | error"},
	    {"log.level", "inf", "none of the accepted words", "debug | info | warn | error"},
	    {"capture.success", "maybe", "none of the accepted words", "yes | no"},
	    {"listen", "", "empty", "host:port"},
	    {"listen", "a\tb", "control character", "host:port"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct option *option = option_find(OPTION_IN_FILE, slice_of(bad[i].name));
		char argument[OPTION_NAME_SIZE], variable[OPTION_NAME_SIZE], word[128], quoted[128];
		option_spell(option, OPTION_AS_ARGUMENT, argument);
		option_spell(option, OPTION_IN_ENVIRONMENT, variable);
		snprintf(word, sizeof word, "%s=%s", argument, bad[i].text);
		snprintf(quoted, sizeof quoted, "%s cannot be \"%s\"", bad[i].name, bad[i].text);
		load_badly(WORDS(word), WORDS(quoted, "argument ", argument, bad[i].why, bad[i].accepted));
		if (bad[i].text[0] == '\0')
			continue;
		setenv(variable, bad[i].text, 1);
		load_badly(NO_WORDS, WORDS(quoted, "environment variable ", variable, bad[i].why, bad[i].accepted));
		unsetenv(variable);
	}
}

static void a_bad_value_in_a_file_names_file_and_line(void **state)
{
	(void)state;
	write_file("a.conf", "# first\n\n[http]\n; more\nshards = 2\nidle = 2h\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:6: http.idle cannot be \"2h\"", "too large", "1s … 1h"));
}

static void text_that_would_have_no_effect_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
	    {"[retention] events = 1h\n", "a.conf:1: \"events = 1h\" stands behind [retention]"},
	    {"\n[log] trailing\n", "a.conf:2: \"trailing\" stands behind [log]"},
	    {"[log]level = nonsense\n", "a.conf:1: \"level = nonsense\" stands behind [log]"},
	    {"[log\nlevel = warn\n", "a.conf:1: the ] is missing"},
	    {"[log]\n = info\n", "a.conf:2: the name before the = is missing"},
	    {"[log]\nlevel ; = info\n", "a.conf:2: this is no option"},
	    {"# one\r[log]\rlevel = nonsense\r", "a.conf:1: a carriage return stands amid the line"},
	    {"[log]\rlevel = warn\n", "a.conf:1: a carriage return stands amid the line"},
	};
	struct conf conf;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file("a.conf", bad[i].text);
		load_badly(WORDS("--config", "a.conf"), WORDS(bad[i].says));
	}
	write_file("a.conf", "\xef\xbb\xbf# one\r\n[log] ; of all\r\nlevel = warn\r\n[node]# two\r\n");
	load_well(&conf, WORDS("--config", "a.conf"));
	assert_int_equal(conf.log_level, 2);
	assert_string_equal(conf.file, "a.conf");
	conf_free(&conf);
}

static void what_is_no_regular_file_is_not_waited_for(void **state)
{
	struct conf conf;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	load_badly(WORDS("--config", "pipe"), WORDS("pipe is no regular file"));
	load_badly(WORDS("--config", "/dev/zero"), WORDS("/dev/zero is no regular file"));
	setenv("GRAPNEL_LISTEN_FILE", "pipe", 1);
	load_badly(NO_WORDS, WORDS("GRAPNEL_LISTEN_FILE", "pipe is no regular file"));
	unsetenv("GRAPNEL_LISTEN_FILE");
	load_well(&conf, WORDS("--config", "/dev/null"));
	conf_free(&conf);
	load_badly(WORDS("--config", ""), WORDS("config cannot be \"\"", "empty"));
}

static void the_items_of_a_list_add_up(void **state)
{
	struct conf conf;

	(void)state;
	write_file("a.conf", "[egress]\nallow = 10.0.0.0/8, 192.168.0.0/16\nallow = ::1/128\n[dns]\nservers = 1.1.1.1\n");
	load_well(&conf, WORDS("--config", "a.conf", "--dns-servers", "9.9.9.9", "--dns-servers=8.8.8.8:53"));
	assert_string_equal(conf.egress_allow, "10.0.0.0/8,192.168.0.0/16,::1/128");
	assert_string_equal(conf.dns_servers, "9.9.9.9,8.8.8.8:53");
	conf_free(&conf);
}

static void an_empty_list_overrules_the_file(void **state)
{
	struct conf conf;

	(void)state;
	write_file("var/grapnel.conf", "[egress]\nallow = 10.0.0.0/8\n");
	load_well(&conf, WORDS("--egress-allow", ""));
	assert_null(conf.egress_allow);
	conf_free(&conf);
}

/* ---- Arguments --------------------------------------------------------------------------------------------------------- */

static void a_switch_needs_no_value_and_has_a_negative(void **state)
{
	struct conf conf;

	(void)state;
	load_well(&conf, WORDS("--capture-success", "--node", "5"));
	assert_true(conf.capture_success);
	assert_int_equal(conf.node, 5);
	conf_free(&conf);
	setenv("GRAPNEL_CAPTURE_SUCCESS", "yes", 1);
	load_well(&conf, WORDS("--no-capture-success"));
	assert_false(conf.capture_success);
	conf_free(&conf);
	load_well(&conf, WORDS("--capture-success=no"));
	assert_false(conf.capture_success);
	conf_free(&conf);
	load_badly(WORDS("--no-node"), WORDS("--no-node", "unknown"));
	load_badly(WORDS("--no-capture-success=yes"), WORDS("--no-capture-success", "unknown"));
}

static void the_last_argument_counts(void **state)
{
	struct conf conf;

	(void)state;
	load_well(&conf, WORDS("--node", "1", "--node=2"));
	assert_int_equal(conf.node, 2);
	conf_free(&conf);
}

static void a_forgotten_value_is_not_the_next_option(void **state)
{
	(void)state;
	load_badly(WORDS("--node", "--http-shards", "2"), WORDS("argument --node", "missing", "0 … 255"));
	load_badly(WORDS("--node"), WORDS("argument --node", "missing", "0 … 255"));
}

static void words_that_are_no_options_are_refused_or_handed_back(void **state)
{
	char *argv[] = {(char[]){"--node=4"}, (char[]){"word"}, (char[]){"--node=5"}};
	struct conf conf;
	struct err err = {0};
	int rest = 0;

	(void)state;
	load_badly(WORDS("--node=4", "word"), WORDS("unexpected argument word"));
	assert_int_equal(conf_load(&conf, 3, argv, &rest, &err), 0);
	assert_int_equal(rest, 1);
	assert_int_equal(conf.node, 4);
	conf_free(&conf);
}

static void the_words_of_an_argument_are_told(void **state)
{
	(void)state;
	assert_int_equal(conf_argument_words("--node"), 2);
	assert_int_equal(conf_argument_words("--node=1"), 1);
	assert_int_equal(conf_argument_words("--capture-success"), 1);
	assert_int_equal(conf_argument_words("--no-capture-success"), 1);
	assert_int_equal(conf_argument_words("--scope"), 0);
}

/* ---- Unknown names ----------------------------------------------------------------------------------------------------- */

static void an_unknown_name_is_answered_with_the_nearest_one(void **state)
{
	(void)state;
	load_badly(WORDS("--http-shard", "2"), WORDS("unknown option --http-shard", "did you mean --http-shards?"));
	load_badly(WORDS("--lisetn=:80"), WORDS("unknown option --lisetn;", "did you mean --listen?"));
	write_file("a.conf", "[http]\ndeadlin = 3s\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:2", "unknown option http.deadlin", "did you mean http.deadline?"));
	write_file("a.conf", "[lgo]\nlevel = info\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:2", "unknown option lgo.level", "did you mean log.level?"));
	setenv("GRAPNEL_LOG_LEVLE", "info", 1);
	load_badly(NO_WORDS, WORDS("unknown environment variable GRAPNEL_LOG_LEVLE", "did you mean GRAPNEL_LOG_LEVEL?"));
}

static void what_is_near_nothing_gets_no_suggestion(void **state)
{
	struct conf conf;
	struct err err;

	(void)state;
	write_file("a.conf", "xyzzy = 1\n");
	assert_int_equal(load(&conf, &err, WORDS("--config", "a.conf")), -1);
	assert_string_equal(err.detail, "a.conf:1: unknown option xyzzy");
}

static void a_variable_that_is_near_no_option_is_passed_over(void **state)
{
	static const char *const others[] = {"GRAPNEL_XYZZY",        "GRAPNEL_HOME",         "GRAPNEL_SERVICE_HOST",      "GRAPNEL_SERVICE_PORT",
					     "GRAPNEL_PORT",         "GRAPNEL_XYZZY_FILE",   "GRAPNEL_PORT_8080_TCP_ADDR", "GRAPNEL_SERVICE_PORT_HTTP",
					     "GRAPNEL_NODE_SERVICE_HOST", "GRAPNEL_"};
	struct conf conf;

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		setenv(others[i], "tcp://10.0.0.1:8080", 1);
	load_well(&conf, NO_WORDS);
	conf_free(&conf);
	setenv("GRAPNEL_LISTN_FILE", "x", 1);
	load_badly(NO_WORDS, WORDS("unknown environment variable GRAPNEL_LISTN_FILE"));
	unsetenv("GRAPNEL_LISTN_FILE");
	setenv("GRAPNEL_NOED", "1", 1);
	load_badly(NO_WORDS, WORDS("unknown environment variable GRAPNEL_NOED", "did you mean GRAPNEL_NODE?"));
}

static void variables_of_others_are_no_concern(void **state)
{
	struct conf conf;

	(void)state;
	setenv("GRAPNELS", "1", 1);
	setenv("LISTEN", "nowhere", 1);
	load_well(&conf, NO_WORDS);
	assert_string_equal(conf.listen, "127.0.0.1:8080");
	conf_free(&conf);
}

/* As Compose files export what nobody has given a value. */
static void a_variable_without_a_value_is_not_there(void **state)
{
	struct conf conf;

	(void)state;
	write_file("a.conf", "listen = :7000\n");
	setenv("GRAPNEL_LISTEN", "", 1);
	setenv("GRAPNEL_DATA", "", 1);
	setenv("GRAPNEL_HTTP_IDLE", "", 1);
	setenv("GRAPNEL_KEY_FILE", "", 1);
	load_well(&conf, WORDS("--config", "a.conf"));
	assert_string_equal(conf.listen, ":7000");
	assert_string_equal(conf.data, "./var");
	assert_null(conf.key);
	conf_free(&conf);
}

/* ---- GRAPNEL_…_FILE ---------------------------------------------------------------------------------------------------- */

static void text_can_come_from_a_file_that_the_environment_names(void **state)
{
	struct conf conf;

	(void)state;
	write_file("secret", ":9000\n");
	setenv("GRAPNEL_LISTEN_FILE", "secret", 1);
	load_well(&conf, NO_WORDS);
	assert_string_equal(conf.listen, ":9000");
	conf_free(&conf);
	load_well(&conf, WORDS("--listen", ":1"));
	assert_string_equal(conf.listen, ":1");
	conf_free(&conf);
}

static void a_variable_and_its_file_form_exclude_each_other(void **state)
{
	(void)state;
	write_file("secret", ":9000");
	setenv("GRAPNEL_LISTEN", ":1", 1);
	setenv("GRAPNEL_LISTEN_FILE", "secret", 1);
	load_badly(NO_WORDS, WORDS("GRAPNEL_LISTEN", "listen", "twice"));
}

static void a_bad_value_from_a_file_names_the_variable(void **state)
{
	(void)state;
	setenv("GRAPNEL_LISTEN_FILE", "none", 1);
	load_badly(NO_WORDS, WORDS("environment variable GRAPNEL_LISTEN_FILE", "none", "No such file"));
	write_file("secret", ":1\n:2\n");
	setenv("GRAPNEL_LISTEN_FILE", "secret", 1);
	load_badly(NO_WORDS, WORDS("environment variable GRAPNEL_LISTEN_FILE", "control character"));
	write_bytes("secret", ":1\0:2", 5);
	load_badly(NO_WORDS, WORDS("environment variable GRAPNEL_LISTEN_FILE", "NUL"));
}

static void only_text_comes_from_such_a_file(void **state)
{
	struct conf conf;

	(void)state;
	setenv("GRAPNEL_NODE_FILE", "secret", 1);
	load_badly(NO_WORDS, WORDS("unknown environment variable GRAPNEL_NODE_FILE"));
	unsetenv("GRAPNEL_NODE_FILE");
	/* The variable of an option whose own name ends in "file". */
	setenv("GRAPNEL_MASTER_KEY_FILE", "key", 1);
	load_well(&conf, NO_WORDS);
	assert_string_equal(conf.master_key_file, "key");
	conf_free(&conf);
}

/* ---- The file's form --------------------------------------------------------------------------------------------------- */

static void comments_blanks_and_line_ends_do_not_matter(void **state)
{
	struct conf conf;

	(void)state;
	write_file(
	    "a.conf",
	    "\xef\xbb\xbf# comment\r\n  node=9\r\n; comment\r\n\r\n[http]\r\n\tshards = 2 ; two\r\n   idle  =  5s\r\n[log]\nlevel: warn");
	load_well(&conf, WORDS("--config", "a.conf"));
	assert_int_equal(conf.node, 9);
	assert_int_equal(conf.http_shards, 2);
	assert_int_equal(conf.http_idle, 5000);
	assert_int_equal(conf.log_level, 2);
	conf_free(&conf);
}

static void a_line_that_is_no_option_is_named(void **state)
{
	(void)state;
	write_file("a.conf", "node = 1\nwhat is this\nnode = bad\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:2:", "name = value"));
	write_file("a.conf", "node = bad\nwhat is this\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:1: node"));
	write_file("a.conf", "node = 1\n[http\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:2:", "[section]"));
}

static void an_indented_line_continues_nothing(void **state)
{
	(void)state;
	write_file("a.conf", "[egress]\nallow = 10.0.0.0/8\n\t192.168.0.0/16\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:3:", "name = value"));
}

static void an_option_stands_in_a_file_once(void **state)
{
	(void)state;
	write_file("a.conf", "node = 1\n[http]\nshards = 1\nidle = 2s\nshards = 2\n");
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:5: http.shards", "line 3"));
}

static void a_line_that_would_be_cut_is_refused(void **state)
{
	char text[4096] = "node = 1\n[egress]\nallow = ";

	(void)state;
	for (int i = 0; i < 100; i++)
		memcpy(text + strlen(text), "10.0.0.0/8,", sizeof "10.0.0.0/8,");
	write_file("a.conf", text);
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf:3:", "too long", "several lines"));
	memset(text, '#', sizeof text - 2);
	write_file("a.conf", text);
	struct conf conf;
	load_well(&conf, WORDS("--config", "a.conf"));
	conf_free(&conf);
}

static void a_binary_file_is_refused(void **state)
{
	(void)state;
	write_bytes("a.conf", "node = 1\n\0node = 2\n", 19);
	load_badly(WORDS("--config", "a.conf"), WORDS("a.conf", "NUL"));
}

/* ---- Documentation ----------------------------------------------------------------------------------------------------- */

/* Takes the comment sign from the lines that show defaults ("#name = value", not "# prose"). */
static void uncomment(char *text)
{
	char *to = text;
	for (const char *at = text; *at; at++) {
		if (*at == '#' && at[1] != ' ' && (at == text || at[-1] == '\n'))
			continue;
		*to++ = *at;
	}
	*to = '\0';
}

static void assert_same_conf(const struct conf *a, const struct conf *b)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &option_table[i];
		const char *at = (const char *)a + option->offset, *bt = (const char *)b + option->offset;
		if (strcmp(option->name, "config") == 0)
			continue;
		if (option->type == OPTION_SWITCH) {
			assert_memory_equal(at, bt, sizeof(bool));
		} else if (option->type == OPTION_TEXT || option->type == OPTION_LIST) {
			const char *x = *(char *const *)(const void *)at, *y = *(char *const *)(const void *)bt;
			assert_true(!x == !y && (!x || strcmp(x, y) == 0));
		} else {
			assert_memory_equal(at, bt, sizeof(int64_t));
		}
	}
}

static void the_sample_file_gives_the_defaults(void **state)
{
	struct strbuf text = STRBUF_INIT(1 << 20);
	struct conf defaults, sample;

	(void)state;
	load_well(&defaults, NO_WORDS);
	conf_sample(&text);
	write_file("as-it-is.conf", strbuf_text(&text));
	load_well(&sample, WORDS("--config", "as-it-is.conf"));
	assert_same_conf(&defaults, &sample);
	conf_free(&sample);

	char *lines = strbuf_steal(&text, NULL);
	uncomment(lines);
	assert_non_null(strstr(lines, "\nnode = 0\n"));
	write_file("uncommented.conf", lines);
	load_well(&sample, WORDS("--config", "uncommented.conf"));
	assert_same_conf(&defaults, &sample);
	conf_free(&sample);
	conf_free(&defaults);
	free(lines);
}

static void every_option_is_documented(void **state)
{
	void (*const pages[])(struct strbuf *) = {conf_help, conf_man, conf_markdown};

	(void)state;
	for (size_t page = 0; page < 3; page++) {
		struct strbuf text = STRBUF_INIT(1 << 20);
		pages[page](&text);
		assert_false(text.failed);
		for (size_t i = 0; i < OPTION_COUNT; i++) {
			char name[OPTION_NAME_SIZE];
			option_spell(&option_table[i], OPTION_AS_ARGUMENT, name);
			assert_non_null(strstr(strbuf_text(&text), page == 1 ? option_key(&option_table[i]) : name));
		}
		strbuf_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
	    CASE(every_row_can_be_understood),
	    CASE(a_bad_row_is_found),
	    CASE(no_two_options_share_a_name),
	    CASE(defaults_hold_without_any_source),
	    CASE(arguments_beat_the_environment_which_beats_the_file),
	    CASE(a_value_that_is_overruled_is_still_checked),
	    CASE(the_named_file_is_read_instead_of_the_data_folders),
	    CASE(the_data_folder_that_is_given_is_searched_for_the_file),
	    CASE(a_named_file_must_be_there),
	    CASE(a_file_cannot_say_where_it_is),
	    CASE(values_are_taken_with_their_units),
	    CASE(decimals_are_taken),
	    CASE(a_bad_value_names_where_it_stands_and_what_is_accepted),
	    CASE(a_bad_value_in_a_file_names_file_and_line),
	    CASE(text_that_would_have_no_effect_is_refused),
	    CASE(what_is_no_regular_file_is_not_waited_for),
	    CASE(the_items_of_a_list_add_up),
	    CASE(an_empty_list_overrules_the_file),
	    CASE(a_switch_needs_no_value_and_has_a_negative),
	    CASE(the_last_argument_counts),
	    CASE(a_forgotten_value_is_not_the_next_option),
	    CASE(words_that_are_no_options_are_refused_or_handed_back),
	    CASE(the_words_of_an_argument_are_told),
	    CASE(an_unknown_name_is_answered_with_the_nearest_one),
	    CASE(what_is_near_nothing_gets_no_suggestion),
	    CASE(a_variable_that_is_near_no_option_is_passed_over),
	    CASE(variables_of_others_are_no_concern),
	    CASE(a_variable_without_a_value_is_not_there),
	    CASE(text_can_come_from_a_file_that_the_environment_names),
	    CASE(a_variable_and_its_file_form_exclude_each_other),
	    CASE(a_bad_value_from_a_file_names_the_variable),
	    CASE(only_text_comes_from_such_a_file),
	    CASE(comments_blanks_and_line_ends_do_not_matter),
	    CASE(a_line_that_is_no_option_is_named),
	    CASE(an_indented_line_continues_nothing),
	    CASE(an_option_stands_in_a_file_once),
	    CASE(a_line_that_would_be_cut_is_refused),
	    CASE(a_binary_file_is_refused),
	    CASE(the_sample_file_gives_the_defaults),
	    CASE(every_option_is_documented),
#undef CASE
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
