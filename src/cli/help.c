/* grapnel help: about all commands, one of them, or the options in the forms that documentation is made of. */
#include <string.h>

#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/metrics_page.h"
#include "cli/schemes_page.h"

enum { HELP_MAX_BYTES = 1 << 20 };

const struct args_option help_run_options[] = {
    {"sample-conf", NULL, "print an option file with all defaults"},
    {"man-conf", NULL, "print grapnel.conf(5)"},
    {"markdown-conf", NULL, "print the options as a Markdown page"},
    {"markdown-schemes", NULL, "print the schemes of incoming webhooks as a Markdown page"},
    {"completion", "SHELL", "print the completion script for bash or zsh"},
    {"markdown-metrics", NULL, "print what GET /metrics has as a Markdown page"},
    {0},
};

static const struct {
	const char *option;
	void (*put)(struct strbuf *out);
} pages[] = {
    {"sample-conf", conf_sample},
    {"man-conf", conf_man},
    {"markdown-conf", conf_markdown},
    {"markdown-schemes", schemes_page},
    {"markdown-metrics", metrics_page},
};

static void put_line(const struct command *command, FILE *to)
{
	fprintf(to, "  grapnel %s%s%s\n      %s\n", command->name, command->arguments[0] ? " " : "", command->arguments, command->summary);
}

void command_help(const struct command *command, FILE *to)
{
	struct strbuf text = STRBUF_INIT(HELP_MAX_BYTES);

	fprintf(to, "Usage: grapnel %s %s\n%s\n", command->name, command->arguments, command->summary);
	args_help(command->options, &text);
	if (text.len > 0)
		fprintf(to, "\nOptions:\n%s", strbuf_text(&text));
	strbuf_clear(&text);
	/* The hub takes all options; what they say matters little to the others, so their help names those that do. */
	if (strcmp(command->name, "serve") == 0) {
		conf_help(&text);
		fprintf(to, "\nOptions, also in grapnel.conf and as GRAPNEL_… in the environment; see grapnel.conf(5):\n%s",
			strbuf_text(&text));
	} else if (command->run != help_run && command->run != version_run) {
		fputs("\nOptions that say where the hub is, and any other of grapnel.conf(5):\n"
		      "  --data <a folder>\n      the data folder (default: ./var; of a packaged hub /var/lib/grapnel)\n"
		      "  --config <a file>\n      the option file (default: grapnel.conf in the data folder, when it exists; else /etc/grapnel/grapnel.conf)\n"
		      "  --url <http(s)://host[:port]>\n      the hub there instead, over the network; also GRAPNEL_URL\n"
		      "  --key <gk_…>\n      the API key for it; better GRAPNEL_KEY or GRAPNEL_KEY_FILE, which other users do not see\n"
		      "  --ca <a file>\n      the authorities of its certificate, where they are not the system's; also GRAPNEL_CA\n",
		      to);
	}
	strbuf_free(&text);
}

bool command_help_group(const char *first_word, FILE *to)
{
	size_t len = strlen(first_word);
	bool found = false;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const char *name = command_table[i].name;
		if (strncmp(name, first_word, len) != 0 || name[len] != ' ')
			continue;
		if (!found)
			fputs("Usage:\n", to);
		put_line(&command_table[i], to);
		found = true;
	}
	return found;
}

void command_help_all(FILE *to)
{
	fputs("grapnel: an HTTP webhook event hub.\n\nUsage:\n", to);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		put_line(&command_table[i], to);
	fputs("\nEach has its own --help. See grapnel(1) and grapnel.conf(5).\n"
	      "Exit codes: 0 done, 1 the answer is no, 2 wrong arguments or options, 3 the hub could not be reached, 74 (serve) the disk "
	      "failed.\n",
	      to);
}

static int put_completion(const struct command_run *run, const char *shell, struct strbuf *out)
{
	if (strcmp(shell, "bash") == 0)
		completion_bash(out);
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh(out);
	else
		return command_misused(run, "--completion must be bash or zsh");
	return EXIT_OK;
}

int help_run(const struct command_run *run)
{
	const struct args *args = run->args;
	struct strbuf text = STRBUF_INIT(HELP_MAX_BYTES);
	int words = 0, result = EXIT_OK;

	const char *shell = args_value(args, "completion");
	if (shell)
		result = put_completion(run, shell, &text);
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		if (args_value(args, pages[i].option))
			pages[i].put(&text);
	}
	fputs(strbuf_text(&text), stdout);
	bool paged = text.len > 0;
	strbuf_free(&text);
	if (result != EXIT_OK)
		return result;
	if (paged)
		return command_words(run, 0, 0);
	if (args->words_len == 0) {
		command_help_all(stdout);
		return EXIT_OK;
	}
	const struct command *command = command_find(args->words_len, args->words, &words);
	if (command && words == args->words_len)
		command_help(command, stdout);
	else if (args->words_len > 1 || !command_help_group(args->words[0], stdout))
		return command_misused(run, "there is no command %.80s", args->words[args->words_len - 1]);
	return EXIT_OK;
}
