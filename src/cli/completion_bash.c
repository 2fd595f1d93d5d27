/* Completion for bash: three functions that know the tables, and one that asks them. It needs nothing but bash itself. */
#include "cli/completion.h"

#include <string.h>

enum { WORDS_MAX_BYTES = 4096 };

static const char head[] = "# Completion of grapnel(1) for bash. Made by `grapnel help --completion bash` from the program's own tables.\n";

static const char tail[] =
    "\n"
    "# _grapnel_offer CURRENT WORD…: those that the current word begins.\n"
    "_grapnel_offer() {\n"
    "\tlocal current=$1\n"
    "\tshift\n"
    "\tCOMPREPLY+=($(compgen -W \"$*\" -- \"$current\"))\n"
    "}\n"
    "\n"
    "# _grapnel_offer_value CURRENT KIND [WORD…]: what one of the functions above has said.\n"
    "_grapnel_offer_value() {\n"
    "\tlocal current=$1 kind=$2\n"
    "\tshift 2\n"
    "\tcase $kind in\n"
    "\tfile) compopt -o default ;;\n"
    "\tfolder) compopt -o dirnames ;;\n"
    "\twords) _grapnel_offer \"$current\" \"$@\" ;;\n"
    "\tesac\n"
    "}\n"
    "\n"
    "_grapnel() {\n"
    "\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} at=1 command takes\n"
    "\tCOMPREPLY=()\n"
    "\t# \"--option=value\" comes as three words.\n"
    "\tif [ \"$current\" = = ]; then\n"
    "\t\tcurrent=\n"
    "\telif [ \"$before\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
    "\t\tbefore=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "\tfi\n"
    "\t# Behind \"help\" stands a command once more.\n"
    "\tif [ \"${COMP_WORDS[1]}\" = help ] && [ \"$COMP_CWORD\" -gt 1 ] && [ \"${COMP_WORDS[2]:0:1}\" != - ]; then\n"
    "\t\tat=2\n"
    "\tfi\n"
    "\tif [ \"$COMP_CWORD\" -eq $at ]; then\n"
    "\t\t_grapnel_offer \"$current\" $(_grapnel_words '')\n"
    "\t\t[ $at -eq 2 ] || _grapnel_offer \"$current\" --help --version\n"
    "\t\treturn\n"
    "\tfi\n"
    "\tcommand=${COMP_WORDS[at]}\n"
    "\tif [ -n \"$(_grapnel_words \"$command\")\" ]; then\n"
    "\t\tif [ \"$COMP_CWORD\" -eq $((at + 1)) ]; then\n"
    "\t\t\t_grapnel_offer \"$current\" $(_grapnel_words \"$command\")\n"
    "\t\t\treturn\n"
    "\t\tfi\n"
    "\t\tcommand+=\" ${COMP_WORDS[at + 1]}\"\n"
    "\tfi\n"
    "\t[ $at -eq 1 ] || return\n"
    "\tif [ \"${before:0:2}\" = -- ] && takes=$(_grapnel_takes \"$command\" \"$before\"); then\n"
    "\t\t_grapnel_offer_value \"$current\" $takes\n"
    "\telif [ \"${current:0:1}\" = - ]; then\n"
    "\t\t_grapnel_offer \"$current\" $(_grapnel_options \"$command\") --help\n"
    "\t\t# Every command takes the hub's options; few commands look at them.\n"
    "\t\t[ ${#COMPREPLY[@]} -gt 0 ] || _grapnel_offer \"$current\" $(_grapnel_options serve)\n"
    "\telse\n"
    "\t\t_grapnel_offer_value \"$current\" $(_grapnel_argument \"$command\" $((COMP_CWORD - at - ($(wc -w <<<\"$command\") - 1))))\n"
    "\tfi\n"
    "}\n"
    "complete -F _grapnel grapnel\n";

static void put_first_words(struct strbuf *out)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (completion_opens(&command_table[i])) {
			strbuf_putc(out, ' ');
			strbuf_slice(out, completion_first(&command_table[i]));
		}
	}
}

/* _grapnel_words FIRST-WORD: the words that follow it; of '' the first ones. */
static void put_words(struct strbuf *out)
{
	strbuf_puts(out, "\n# _grapnel_words WORD: what follows the first word of a command; '': the first words.\n"
	                 "_grapnel_words() {\n\tcase $1 in\n\t'') echo");
	put_first_words(out);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &command_table[i];
		if (!completion_second(command))
			continue;
		if (completion_opens(command)) {
			struct slice first = completion_first(command);
			strbuf_printf(out, " ;;\n\t%.*s) echo", (int)first.len, first.at);
		}
		strbuf_printf(out, " %s", completion_second(command));
	}
	strbuf_puts(out, " ;;\n\tesac\n}\n");
}

/* One of the hub's, unless the command has one of the same name. */
static void put_option(struct strbuf *out, const struct option *option, const struct args_option *own)
{
	char name[OPTION_NAME_SIZE];

	option_spell(option, OPTION_AS_ARGUMENT, name);
	for (; own->name; own++) {
		if (strcmp(own->name, name + 2) == 0)
			return;
	}
	strbuf_printf(out, " %s", name);
	if (option->type == OPTION_SWITCH)
		strbuf_printf(out, " --no-%s", name + 2);
}

static void put_options(struct strbuf *out)
{
	strbuf_puts(out, "\n# _grapnel_options COMMAND: its options.\n_grapnel_options() {\n\tcase $1 in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &command_table[i];
		strbuf_printf(out, "\t'%s') echo", command->name);
		for (const struct args_option *own = command->options; own->name; own++)
			strbuf_printf(out, " --%s", own->name);
		for (size_t j = 0; j < OPTION_COUNT; j++) {
			if (completion_is_whole(command) || completion_is_where(&option_table[j]))
				put_option(out, &option_table[j], command->options);
		}
		strbuf_puts(out, " ;;\n");
	}
	strbuf_puts(out, "\tesac\n}\n");
}

static void put_kind(struct strbuf *out, enum completion_kind kind, const struct strbuf *words)
{
	static const char *const kinds[] = {
	    [COMPLETION_NONE] = "return 1",      [COMPLETION_TEXT] = "echo text",   [COMPLETION_FILE] = "echo file",
	    [COMPLETION_FOLDER] = "echo folder", [COMPLETION_WORDS] = "echo words",
	};

	strbuf_puts(out, kinds[kind]);
	if (kind == COMPLETION_WORDS)
		strbuf_printf(out, " %s", strbuf_text(words));
	strbuf_puts(out, " ;;\n");
}

/* A command's own options go before the hub's: some have the same name. */
static void put_takes(struct strbuf *out)
{
	struct strbuf words = STRBUF_INIT(WORDS_MAX_BYTES);
	char name[OPTION_NAME_SIZE];

	strbuf_puts(out, "\n# _grapnel_takes COMMAND OPTION: what stands behind an option; fails when nothing does.\n_grapnel_takes() "
	                 "{\n\tcase $1:$2 in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		for (const struct args_option *own = command_table[i].options; own->name; own++) {
			strbuf_clear(&words);
			enum completion_kind kind = completion_of_own(&command_table[i], own, &words);
			strbuf_printf(out, "\t'%s:--%s') ", command_table[i].name, own->name);
			put_kind(out, kind, &words);
		}
	}
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		strbuf_clear(&words);
		enum completion_kind kind = completion_of_option(&option_table[i], &words);
		option_spell(&option_table[i], OPTION_AS_ARGUMENT, name);
		strbuf_printf(out, "\t*:%s) ", name);
		put_kind(out, kind, &words);
	}
	strbuf_puts(out, "\t*) return 1 ;;\n\tesac\n}\n");
	strbuf_free(&words);
}

static void put_arguments(struct strbuf *out)
{
	struct strbuf words = STRBUF_INIT(WORDS_MAX_BYTES);

	strbuf_puts(out, "\n# _grapnel_argument COMMAND PLACE: what stands behind a command, at its first, second … "
	                 "place.\n_grapnel_argument() {\n\tcase $1:$2 in\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		strbuf_clear(&words);
		enum completion_kind kind = completion_of_word(&command_table[i], &words);
		if (kind != COMPLETION_FILE && kind != COMPLETION_WORDS)
			continue;
		strbuf_printf(out, "\t'%s':%s) ", command_table[i].name, kind == COMPLETION_FILE ? "*" : "1");
		put_kind(out, kind, &words);
	}
	strbuf_puts(out, "\tesac\n}\n");
	strbuf_free(&words);
}

void completion_bash(struct strbuf *out)
{
	strbuf_puts(out, head);
	put_words(out);
	put_options(out);
	put_takes(out);
	put_arguments(out);
	strbuf_puts(out, tail);
}
