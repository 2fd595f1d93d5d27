/* Sorts the arguments of a command. */
#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "conf/conf.h"
#include "conf/nearest.h"
#include "conf/option.h"

static const struct args_option *option_named(const struct args_option *options, struct slice name)
{
	for (; options->name; options++) {
		if (slice_is(name, options->name))
			return options;
	}
	return NULL;
}

static int unknown(const struct args_option *options, struct slice name, struct err *err)
{
	struct nearest nearest = nearest_to(name);
	char best[OPTION_NAME_SIZE] = "", spelled[OPTION_NAME_SIZE];

	for (; options->name; options++) {
		if (nearest_offer(&nearest, options->name))
			snprintf(best, sizeof best, "%s", options->name);
	}
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		option_spell(&option_table[i], OPTION_AS_ARGUMENT, spelled);
		if (nearest_offer(&nearest, spelled + 2))
			snprintf(best, sizeof best, "%s", spelled + 2);
	}
	if (best[0])
		return err_set(err, ERR_INVALID, "unknown option --%.*s; did you mean --%s?", (int)name.len, name.at, best);
	return err_set(err, ERR_INVALID, "unknown option --%.*s", (int)name.len, name.at);
}

bool args_is_utf8(const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		size_t len = utf8_sequence(text, end);
		if (len == 0)
			return false;
		text += len;
	}
	return true;
}

/* One of the command's own options at argv[*at]; *at moves behind it. */
static int take_own(struct args *args, const struct args_option *option, int argc, char **argv, int *at, struct err *err)
{
	const char *equals = strchr(argv[(*at)++], '=');
	const char *value = equals ? equals + 1 : "";

	if (!option->value && equals)
		return err_set(err, ERR_INVALID, "--%s takes no value", option->name);
	if (option->value && !equals) {
		if (*at == argc || strncmp(argv[*at], "--", 2) == 0)
			return err_set(err, ERR_INVALID, "--%s needs a value: %s", option->name, option->value);
		value = argv[(*at)++];
	}
	bool raw = !option->value || strcmp(option->value, "FILE") == 0 || strcmp(option->value, "NAME: VALUE") == 0;
	if (!raw && !args_is_utf8(value))
		return err_set(err, ERR_INVALID, "--%s is no UTF-8: %.80s", option->name, value);
	args->given[args->given_len++] = (struct args_given){option, value};
	return 0;
}

static int take_option(struct args *args, const struct args_option *options, int argc, char **argv, int *at, struct err *err)
{
	struct slice name = {argv[*at] + 2, strcspn(argv[*at] + 2, "=")};

	const struct args_option *option = option_named(options, name);
	if (option)
		return take_own(args, option, argc, argv, at, err);
	int words = conf_argument_words(argv[*at]);
	if (words == 0)
		return unknown(options, name, err);
	/* A value that begins with "--" is none: conf_load() says so. */
	if (words == 2 && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) == 0)
		words = 1;
	while (words-- > 0 && *at < argc)
		args->conf[args->conf_len++] = argv[(*at)++];
	return 0;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

int args_parse(struct args *args, const struct args_option *options, int argc, char **argv, struct err *err)
{
	size_t room = (size_t)argc + 1;
	bool only_words = false;

	*args = (struct args){.help = asks_for_help(argc, argv)};
	args->given = mem_alloc(room * sizeof *args->given);
	args->words = mem_alloc(room * sizeof *args->words);
	args->conf = mem_alloc(room * sizeof *args->conf);
	for (int at = 0; at < argc && !args->help;) {
		if (only_words || argv[at][0] != '-' || argv[at][1] == '\0') {
			args->words[args->words_len++] = argv[at++];
		} else if (strcmp(argv[at], "--") == 0) {
			only_words = true;
			at++;
		} else if (argv[at][1] != '-') {
			return err_set(err, ERR_INVALID, "unknown option %.40s: options begin with --", argv[at]);
		} else if (take_option(args, options, argc, argv, &at, err) != 0) {
			return -1;
		}
	}
	return 0;
}

void args_free(struct args *args)
{
	free(args->given);
	free(args->words);
	free(args->conf);
	*args = (struct args){0};
}

const char *args_next(const struct args *args, const char *name, size_t *at)
{
	while (*at < args->given_len) {
		const struct args_given *given = &args->given[(*at)++];
		if (strcmp(given->option->name, name) == 0)
			return given->value;
	}
	return NULL;
}

const char *args_value(const struct args *args, const char *name)
{
	const char *last = NULL, *value;
	size_t at = 0;

	while ((value = args_next(args, name, &at)))
		last = value;
	return last;
}

void args_help(const struct args_option *options, struct strbuf *out)
{
	for (; options->name; options++)
		strbuf_printf(out, "  --%s%s%s\n      %s\n", options->name, options->value ? " " : "", options->value ? options->value : "",
			      options->help);
}
