/* Completion on the command line: scripts for shells, made from the tables of commands and options so that they know what this program
 * knows. Stateless; any thread. */
#ifndef GRAPNEL_CLI_COMPLETION_H
#define GRAPNEL_CLI_COMPLETION_H

#include "base/strbuf.h"
#include "cli/command.h"
#include "conf/option.h"

/* The scripts: functions for bash (4.4 and later) and zsh (5 and later). */
void completion_bash(struct strbuf *out);
void completion_zsh(struct strbuf *out);

/* ---- What both are made of. ---- */

/* What stands behind an option, or as a command's first word. */
enum completion_kind {
	COMPLETION_NONE, /* nothing: the option is a switch, the command takes no word */
	COMPLETION_TEXT, /* something that only the user knows */
	COMPLETION_FILE,
	COMPLETION_FOLDER,
	COMPLETION_WORDS, /* one of a few */
};

/* Each appends the words of COMPLETION_WORDS, with a blank between two. */
enum completion_kind completion_of_own(const struct command *command, const struct args_option *option, struct strbuf *words);
enum completion_kind completion_of_option(const struct option *option, struct strbuf *words);
enum completion_kind completion_of_word(const struct command *command, struct strbuf *words);

/* Whether all options of grapnel.conf(5) matter to a command; to the others those that say where the hub is. */
bool completion_is_whole(const struct command *command);
bool completion_is_where(const struct option *option);
/* "key" of "key create"; whether this row is the first of its group. */
struct slice completion_first(const struct command *command);
bool completion_opens(const struct command *command);
/* "create" of "key create"; NULL: there is no second word. */
const char *completion_second(const struct command *command);

#endif
