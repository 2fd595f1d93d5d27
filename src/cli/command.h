/* What a command is made of. Private to cli/. */
#ifndef GRAPNEL_CLI_COMMAND_H
#define GRAPNEL_CLI_COMMAND_H

#include <stdio.h>

#include "cli/args.h"
#include "cli/cli.h"

/* One run of a command. */
struct command_run {
	const struct command *command;
	const struct args *args;
	const struct cli_local *local;
};

struct command {
	const char *name; /* its words, "key create" */
	const char *arguments;
	const char *summary;
	int (*run)(const struct command_run *run); /* returns the exit code */
	const struct args_option *options;
};

enum { COMMAND_COUNT = 0
#define COMMAND(function, name, arguments, summary) +1
#include "cli/commands.def"
#undef COMMAND
};

extern const struct command command_table[COMMAND_COUNT];

#define COMMAND(function, name, arguments, summary)                                                                                        \
	int function(const struct command_run *run);                                                                                       \
	extern const struct args_option function##_options[];
#include "cli/commands.def"
#undef COMMAND

/* The command that the first words name; `words` gets how many. NULL: none. */
const struct command *command_find(int argc, char **argv, int *words);
/* Help about one command, about those whose first word this is (false: there is none), about all (help.c). */
void command_help(const struct command *command, FILE *to);
bool command_help_group(const char *first_word, FILE *to);
void command_help_all(FILE *to);

/* Text from outside, with control characters made harmless for a terminal. */
void command_put(const char *text, FILE *to);
/* Messages to a person: "grapnel: …" on the standard error. */
void command_say(const char *format, ...) ATTR_PRINTF(1, 2);
/* Says it, points to --help, and returns EXIT_USAGE. */
int command_misused(const struct command_run *run, const char *format, ...) ATTR_PRINTF(2, 3);
/* Checks how many words are there beside the options: returns EXIT_OK, or says what is missing or too much and returns EXIT_USAGE. */
int command_words(const struct command_run *run, int min, int max);

#endif
