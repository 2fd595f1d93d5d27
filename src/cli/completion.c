/* What can stand where on the command line, told from the tables. */
#include "cli/completion.h"

#include <string.h>

#include "model/delivery.h"
#include "model/key.h"
#include "scheme/scheme.h"

/* ---- Lists of words ---------------------------------------------------------------------------------------------------- */

static void put_word(struct strbuf *words, struct slice word)
{
	if (words->len > 0)
		strbuf_putc(words, ' ');
	strbuf_slice(words, word);
}

static void put_schemes(struct strbuf *words)
{
	size_t len;
	const struct scheme *const *all = scheme_all(&len);

	for (size_t i = 0; i < len; i++)
		put_word(words, slice_of(all[i]->name));
}

static void put_scopes(struct strbuf *words)
{
	static const enum key_scope scopes[] = {SCOPE_PUBLISH, SCOPE_READ, SCOPE_MANAGE, SCOPE_ADMIN};

	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
		put_word(words, slice_of(key_scope_text(scopes[i])));
}

/* The endpoint's ends that leave a dead letter; what was cancelled or discarded by hand leaves none. */
static void put_deaths(struct strbuf *words)
{
	for (int reason = REASON_NONE + 1; reason < REASONS; reason++) {
		if (reason != REASON_CANCELLED && reason != REASON_DISCARDED && reason != REASON_TEST_FAILED)
			put_word(words, slice_of(delivery_reason_text((enum delivery_reason)reason)));
	}
}

static void put_rejections(struct strbuf *words)
{
	for (int reason = 0; reason < REJECTION_REASONS; reason++)
		put_word(words, slice_of(rejection_code((enum rejection_reason)reason)));
}

/* The options of commands that take one of a few words; `group` is what the command's name begins with, "" of all. */
static const struct {
	void (*put)(struct strbuf *words);
	const char *list;
	const char *group, *option;
} worded[] = {
    {put_scopes, NULL, "key ", "scope"},
    {put_schemes, NULL, "sources ", "scheme"},
    {put_deaths, NULL, "dead-letters ", "reason"},
    {put_rejections, NULL, "rejections ", "reason"},
    {NULL, "asc desc", "events ", "order"},
    {NULL, "raw standard thin cloudevents-binary cloudevents-structured", "endpoints ", "format"},
    {NULL, "python node go curl", "endpoints ", "snippet"},
    {NULL, "GET HEAD OPTIONS POST", "verify", "method"},
    {NULL, "bash zsh", "help", "completion"},
};

/* ---- Options and words ------------------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

enum completion_kind completion_of_own(const struct command *command, const struct args_option *option, struct strbuf *words)
{
	if (!option->value)
		return COMPLETION_NONE;
	if (strcmp(option->value, "FILE") == 0)
		return COMPLETION_FILE;
	for (size_t i = 0; i < sizeof worded / sizeof *worded; i++) {
		if (!begins(command->name, worded[i].group) || strcmp(option->name, worded[i].option) != 0)
			continue;
		if (worded[i].put)
			worded[i].put(words);
		else
			strbuf_puts(words, worded[i].list);
		return COMPLETION_WORDS;
	}
	return COMPLETION_TEXT;
}

enum completion_kind completion_of_option(const struct option *option, struct strbuf *words)
{
	static const char mark[] = " | ";

	if (option->type == OPTION_SWITCH)
		return COMPLETION_NONE;
	if (option->type == OPTION_CHOICE) {
		for (const char *at = option->range; at;) {
			const char *end = strstr(at, mark);
			put_word(words, (struct slice){at, end ? (size_t)(end - at) : strlen(at)});
			at = end ? end + sizeof mark - 1 : NULL;
		}
		return COMPLETION_WORDS;
	}
	if (option->type == OPTION_TEXT && begins(option->range, "a file"))
		return COMPLETION_FILE;
	if (option->type == OPTION_TEXT && begins(option->range, "a folder"))
		return COMPLETION_FOLDER;
	return COMPLETION_TEXT;
}

enum completion_kind completion_of_word(const struct command *command, struct strbuf *words)
{
	const char *arguments = command->arguments;

	if (begins(arguments, "SCHEME")) {
		put_schemes(words);
		return COMPLETION_WORDS;
	}
	if (strstr(arguments, "FILE"))
		return COMPLETION_FILE;
	return arguments[0] == '\0' || begins(arguments, "[options]") || begins(arguments, "--") ? COMPLETION_NONE : COMPLETION_TEXT;
}

bool completion_is_whole(const struct command *command)
{
	return strcmp(command->name, "serve") == 0 || strcmp(command->name, "check") == 0;
}

bool completion_is_where(const struct option *option)
{
	static const char *const where[] = {"data", "config", "url", "key", "ca"};

	for (size_t i = 0; i < sizeof where / sizeof *where; i++) {
		if (strcmp(option->name, where[i]) == 0)
			return true;
	}
	return false;
}

/* ---- Names of commands ------------------------------------------------------------------------------------------------- */

struct slice completion_first(const struct command *command)
{
	return (struct slice){command->name, strcspn(command->name, " ")};
}

bool completion_opens(const struct command *command)
{
	struct slice first = completion_first(command);

	for (const struct command *other = command_table; other < command; other++) {
		if (slice_equal(completion_first(other), first))
			return false;
	}
	return true;
}

const char *completion_second(const struct command *command)
{
	const char *blank = strchr(command->name, ' ');

	return blank ? blank + 1 : NULL;
}
