/* The entry to the command line: finds the command, sorts its arguments, runs it. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "conf/conf.h"
#include "conf/nearest.h"

const struct command command_table[COMMAND_COUNT] = {
#define COMMAND(function, name, arguments, summary) {name, arguments, summary, function, function##_options},
#include "cli/commands.def"
#undef COMMAND
};

/* How many of the words at argv a command's name consists of; 0 when they differ. */
static int words_matched(const struct command *command, int argc, char **argv)
{
	const char *at = command->name;

	for (int words = 0; words < argc; words++) {
		size_t len = strcspn(at, " ");
		if (!slice_equal((struct slice){at, len}, slice_of(argv[words])))
			return 0;
		if (at[len] == '\0')
			return words + 1;
		at += len + 1;
	}
	return 0;
}

const struct command *command_find(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		*words = words_matched(&command_table[i], argc, argv);
		if (*words > 0)
			return &command_table[i];
	}
	return NULL;
}

void command_put(const char *text, FILE *to)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, to);
}

void command_say(const char *format, ...)
{
	va_list arguments;

	fputs("grapnel: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int command_misused(const struct command_run *run, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "grapnel %s: ", run->command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry: grapnel %s --help\n", run->command->name);
	return EXIT_USAGE;
}

int command_words(const struct command_run *run, int min, int max)
{
	const struct args *args = run->args;

	if (args->words_len < min)
		return command_misused(run, "it needs %s", run->command->arguments);
	if (args->words_len > max)
		return command_misused(run, "unexpected argument %.80s", args->words[max]);
	return EXIT_OK;
}

/* Nothing that argv begins with is a command. */
static int unknown_command(const char *word)
{
	struct nearest nearest = nearest_to(slice_of(word));
	const char *best = NULL;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (nearest_offer(&nearest, command_table[i].name))
			best = command_table[i].name;
	}
	command_say("unknown command %.80s%s%s%s", word, best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
	fputs("Try: grapnel --help\n", stderr);
	return EXIT_USAGE;
}

static int check_words(const struct command *command, const struct args *args, struct err *err)
{
	for (int i = 0; i < args->words_len && !strstr(command->arguments, "FILE"); i++)
		if (!args_is_utf8(args->words[i]))
			return err_set(err, ERR_INVALID, "this argument is no UTF-8: %.80s", args->words[i]);
	return 0;
}

static int run_command(const struct command *command, int argc, char **argv, const struct cli_local *local)
{
	struct args args;
	struct err err = {0};
	struct command_run run = {command, &args, local};
	int result = EXIT_OK;

	if (args_parse(&args, command->options, argc, argv, &err) != 0 || check_words(command, &args, &err) != 0)
		result = command_misused(&run, "%s", err.detail);
	else if (args.help)
		command_help(command, stdout);
	else
		result = command->run(&run);
	args_free(&args);
	return result;
}

/* How many words at the head are options of the hub. */
static int options_len(int argc, char **argv)
{
	int len = 0;

	while (len < argc) {
		int words = conf_argument_words(argv[len]);
		if (words == 0)
			break;
		/* A value that begins with "--" is none: conf_load() says so. */
		if (words == 2 && len + 1 < argc && strncmp(argv[len + 1], "--", 2) == 0)
			words = 1;
		len += words;
	}
	return len < argc ? len : argc;
}

/* The command first, the options that stood before it behind. */
static void put_command_first(char **argv, int options, int words)
{
	for (int i = 0; i < words; i++) {
		char *word = argv[options + i];
		memmove(argv + i + 1, argv + i, (size_t)options * sizeof *argv);
		argv[i] = word;
	}
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int cli_main(int argc, char **argv, const struct cli_local *local)
{
	static char help[] = "help", version[] = "version";
	int words = 0;

	if (argc < 2) {
		command_help_all(stderr);
		return EXIT_USAGE;
	}
	argc--;
	argv++;
	int options = options_len(argc, argv);
	if (options < argc && asks_for_help(argv[options]))
		argv[options] = help;
	else if (options < argc && strcmp(argv[options], "--version") == 0)
		argv[options] = version;
	const struct command *command = command_find(argc - options, argv + options, &words);
	if (command) {
		put_command_first(argv, options, words);
		return run_command(command, argc - words, argv + words, local);
	}
	if (options == argc) {
		command_say("no command");
		fputs("Try: grapnel --help\n", stderr);
		return EXIT_USAGE;
	}
	argc -= options;
	argv += options;
	/* The first word of several names ("key"): say how it goes on. */
	bool asked = argc > 1 && asks_for_help(argv[1]);
	if (command_help_group(argv[0], asked ? stdout : stderr))
		return asked ? EXIT_OK : EXIT_USAGE;
	return unknown_command(argv[0]);
}
