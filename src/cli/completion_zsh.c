/* Completion for zsh: one function, which gives _arguments the options of the command at hand. */
#include "cli/completion.h"

#include <string.h>

enum { WORDS_MAX_BYTES = 4096 };

static const char head[] = "#compdef grapnel\n"
			   "# Completion of grapnel(1) for zsh. Made by `grapnel help --completion zsh` from the program's own tables.\n"
			   "\n"
			   "_grapnel() {\n"
			   "\tlocal -a first second where hub own\n"
			   "\tlocal shown=where words_of_command=1 helping=\n";

static const char tail[] =
    "\t*) return 1 ;;\n"
    "\tesac\n"
    "\t[[ -z $helping ]] || return 1\n"
    "\twords=(\"$words[1]\" \"${(@)words[words_of_command + 2,-1]}\")\n"
    "\t(( CURRENT -= words_of_command ))\n"
    "\tif [[ $shown = hub ]]; then\n"
    "\t\t_arguments -S : $own $hub\n"
    "\t\treturn\n"
    "\tfi\n"
    "\t# Every command takes the hub's options; few look at them: offered only when nothing else fits.\n"
    "\twhere=('(- *)--help[print help]' ${(M)hub:#(--data|--config|--url|--key|--ca)=*})\n"
    "\t_arguments -S : $own $where \\!${^hub:|where} || { [[ $words[CURRENT] = -* ]] && _arguments -S : $own $hub }\n"
    "}\n"
    "\n"
    "_grapnel \"$@\"\n";

/* ---- Texts in quotes --------------------------------------------------------------------------------------------------- */

/* Within '…', with a backslash before what `special` has. */
static void put_text(struct strbuf *out, struct slice text, const char *special)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\'') {
			strbuf_puts(out, "'\\''");
			continue;
		}
		if (text.at[i] != '\0' && strchr(special, text.at[i]))
			strbuf_putc(out, '\\');
		strbuf_putc(out, text.at[i]);
	}
}

/* "[help]:what it takes:action" of an option. */
static void put_rest(struct strbuf *out, const char *help, const char *value, enum completion_kind kind, const struct strbuf *words)
{
	strbuf_putc(out, '[');
	put_text(out, slice_of(help), "\\[]");
	strbuf_putc(out, ']');
	if (kind != COMPLETION_NONE) {
		strbuf_putc(out, ':');
		put_text(out, slice_of(value), "\\:");
	}
	if (kind == COMPLETION_WORDS)
		strbuf_printf(out, ":(%s)", strbuf_text(words));
	else if (kind != COMPLETION_NONE)
		strbuf_puts(out, kind == COMPLETION_FILE ? ":_files" : kind == COMPLETION_FOLDER ? ":_files -/" : ": ");
	strbuf_puts(out, "'\n");
}

/* ---- Parts ------------------------------------------------------------------------------------------------------------- */

static void put_hub(struct strbuf *out)
{
	struct strbuf words = STRBUF_INIT(WORDS_MAX_BYTES);
	char name[OPTION_NAME_SIZE], accepts[160];

	strbuf_puts(out, "\thub=(\n\t'(- *)--help[print help]'\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &option_table[i];
		strbuf_clear(&words);
		enum completion_kind kind = completion_of_option(option, &words);
		option_spell(option, OPTION_AS_ARGUMENT, name);
		option_accepts(option, accepts, sizeof accepts);
		if (kind == COMPLETION_NONE) {
			strbuf_printf(out, "\t'--no-%s[not: ", name + 2);
			put_text(out, slice_of(option->help), "\\[]");
			strbuf_puts(out, "]'\n");
		}
		strbuf_printf(out, "\t'%s%s%s", option->type == OPTION_LIST ? "*" : "", name, kind == COMPLETION_NONE ? "" : "=");
		put_rest(out, option->help, accepts, kind, &words);
	}
	strbuf_puts(out, "\t)\n");
	strbuf_free(&words);
}

static void put_first(struct strbuf *out)
{
	strbuf_puts(out, "\tfirst=(\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &command_table[i];
		struct slice first = completion_first(command);
		if (!completion_opens(command))
			continue;
		strbuf_printf(out, "\t'%.*s:", (int)first.len, first.at);
		if (!completion_second(command))
			put_text(out, slice_of(command->summary), "\\");
		for (size_t j = i; j < COMMAND_COUNT && completion_second(command); j++) {
			if (slice_equal(completion_first(&command_table[j]), first))
				strbuf_printf(out, "%s%s", j == i ? "" : ", ", completion_second(&command_table[j]));
		}
		strbuf_puts(out, "'\n");
	}
	strbuf_puts(out, "\t)\n"
	                 "\t# Behind \"help\" stands a command once more.\n"
	                 "\tif [[ $CURRENT -gt 2 && $words[2] = help && $words[3] != -* ]]; then\n"
	                 "\t\tshift words\n"
	                 "\t\t(( CURRENT-- ))\n"
	                 "\t\thelping=yes\n"
	                 "\tfi\n"
	                 "\tif (( CURRENT == 2 )); then\n"
	                 "\t\t_describe -t commands command first\n"
	                 "\t\t[[ -n $helping ]] || _arguments -S : '(- *)--help[print help]' '(- *)--version[print the version]'\n"
	                 "\t\treturn\n"
	                 "\tfi\n");
}

static void put_second(struct strbuf *out)
{
	bool any = false;

	strbuf_puts(out, "\tcase $words[2] in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &command_table[i];
		struct slice first = completion_first(command);
		if (!completion_second(command))
			continue;
		if (completion_opens(command))
			strbuf_printf(out, "%s\t%.*s) second=(\n", any ? "\t) ;;\n" : "", (int)first.len, first.at);
		strbuf_printf(out, "\t'%s:", completion_second(command));
		put_text(out, slice_of(command->summary), "\\");
		strbuf_puts(out, "'\n");
		any = true;
	}
	strbuf_printf(out, "%s\tesac\n", any ? "\t) ;;\n" : "");
	strbuf_puts(out, "\tif (( $#second )); then\n"
	                 "\t\tif (( CURRENT == 3 )); then\n"
	                 "\t\t\t_describe -t commands command second\n"
	                 "\t\t\treturn\n"
	                 "\t\tfi\n"
	                 "\t\twords_of_command=2\n"
	                 "\tfi\n");
}

/* What a command takes beside options. An empty list where nothing is known: with a message in its place zsh would not complete options. */
static void put_argument(struct strbuf *out, const struct command *command)
{
	struct strbuf words = STRBUF_INIT(WORDS_MAX_BYTES);
	const char *end = strstr(command->arguments, " [options]");
	size_t len = end ? (size_t)(end - command->arguments) : strlen(command->arguments);

	enum completion_kind kind = completion_of_word(command, &words);
	if (kind == COMPLETION_WORDS) {
		strbuf_printf(out, "\t'1: :(%s)'\n\t'*: :()'\n", strbuf_text(&words));
	} else if (kind != COMPLETION_NONE) {
		strbuf_puts(out, "\t'*:");
		put_text(out, (struct slice){command->arguments, len}, "\\:");
		strbuf_printf(out, ":%s'\n", kind == COMPLETION_FILE ? "_files" : "()");
	}
	strbuf_free(&words);
}

static void put_command(struct strbuf *out, const struct command *command)
{
	struct strbuf words = STRBUF_INIT(WORDS_MAX_BYTES);

	strbuf_printf(out, "\t'%s%s) own=(\n", command->name, completion_second(command) ? "'" : " '*");
	for (const struct args_option *own = command->options; own->name; own++) {
		strbuf_clear(&words);
		enum completion_kind kind = completion_of_own(command, own, &words);
		/* The last one counts, or they add up: all may be given again. */
		strbuf_printf(out, "\t'%s--%s%s", own->value ? "*" : "", own->name, own->value ? "=" : "");
		put_rest(out, own->help, own->value ? own->value : "", kind, &words);
	}
	put_argument(out, command);
	strbuf_puts(out, "\t)\n");
	/* Its own option of the same name goes before the hub's. */
	for (const struct args_option *own = command->options; own->name; own++) {
		for (size_t i = 0; i < OPTION_COUNT; i++) {
			char name[OPTION_NAME_SIZE];
			option_spell(&option_table[i], OPTION_AS_ARGUMENT, name);
			if (strcmp(name + 2, own->name) == 0)
				strbuf_printf(out, "\thub=(${hub:#(\\*|)%s=*})\n", name);
		}
	}
	strbuf_printf(out, "%s\t;;\n", completion_is_whole(command) ? "\tshown=hub\n" : "");
	strbuf_free(&words);
}

void completion_zsh(struct strbuf *out)
{
	strbuf_puts(out, head);
	put_hub(out);
	put_first(out);
	put_second(out);
	strbuf_puts(out, "\tcase \"$words[2] $words[3]\" in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		put_command(out, &command_table[i]);
	strbuf_puts(out, tail);
}
