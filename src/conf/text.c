/* The option table as text for people: --help, a commented grapnel.conf, grapnel.conf(5), docs/options.md. */
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

#include "conf/option.h"

static bool same_section(const struct option *a, const struct option *b)
{
	return slice_equal(option_section(a), option_section(b));
}

/* Calls `put` for each option in the order that a file needs: those without a section, then section by section; `first` tells the first
 * of each. */
static void each_by_section(struct strbuf *out, void (*put)(struct strbuf *out, const struct option *option, bool first))
{
	static const struct option no_section = {.name = ""};

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (same_section(&option_table[i], &no_section))
			put(out, &option_table[i], false);
	}
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		bool seen = same_section(&option_table[i], &no_section);
		for (size_t j = 0; j < i && !seen; j++)
			seen = same_section(&option_table[i], &option_table[j]);
		for (size_t j = i; j < OPTION_COUNT && !seen; j++) {
			if (same_section(&option_table[i], &option_table[j]))
				put(out, &option_table[j], j == i);
		}
	}
}

/* ---- --help ------------------------------------------------------------------------------------------------------------ */

static void put_help(struct strbuf *out, const struct option *option, bool first)
{
	char name[OPTION_NAME_SIZE], accepts[160];

	(void)first;
	option_spell(option, OPTION_AS_ARGUMENT, name);
	option_accepts(option, accepts, sizeof accepts);
	if (option->type == OPTION_SWITCH)
		strbuf_printf(out, "  %s, --no-%s\n", name, name + 2);
	else
		strbuf_printf(out, "  %s <%s>\n", name, accepts);
	strbuf_printf(out, "      %s", option->help);
	if (option->standard[0])
		strbuf_printf(out, " (default: %s)", option->standard);
	if (option->live)
		strbuf_puts(out, " (a reload takes it)");
	strbuf_puts(out, "\n");
}

void conf_help(struct strbuf *out)
{
	each_by_section(out, put_help);
}

/* ---- grapnel.conf ------------------------------------------------------------------------------------------------------ */

static void put_sample(struct strbuf *out, const struct option *option, bool first)
{
	struct slice section = option_section(option);
	char accepts[160];

	/* These two say where the file is. */
	if (strcmp(option->name, "config") == 0 || strcmp(option->name, "data") == 0)
		return;
	option_accepts(option, accepts, sizeof accepts);
	strbuf_puts(out, "\n");
	if (first)
		strbuf_printf(out, "[%.*s]\n", (int)section.len, section.at);
	strbuf_printf(out, "# %s\n# accepted: %s%s\n#%s =%s%s\n", option->help, accepts, option->live ? "; a reload takes it" : "", option_key(option), option->standard[0] ? " " : "",
		      option->standard);
}

void conf_sample(struct strbuf *out)
{
	strbuf_puts(out, "# Options of grapnel; see grapnel.conf(5). Lines that begin with # and a name show the defaults.\n");
	each_by_section(out, put_sample);
}

/* ---- grapnel.conf(5) --------------------------------------------------------------------------------------------------- */

/* Text for mdoc: a backslash and the ellipsis are spelled out. */
static void put_roff(struct strbuf *out, const char *text)
{
	static const char ellipsis[] = "…";

	for (; *text; text++) {
		if (strncmp(text, ellipsis, sizeof ellipsis - 1) == 0) {
			strbuf_puts(out, "\\[u2026]");
			text += sizeof ellipsis - 2;
		} else if (*text == '\\') {
			strbuf_puts(out, "\\e");
		} else {
			strbuf_putc(out, *text);
		}
	}
}

static void put_man(struct strbuf *out, const struct option *option, bool first)
{
	struct slice section = option_section(option);
	char accepts[160];

	option_accepts(option, accepts, sizeof accepts);
	if (first)
		strbuf_printf(out, ".El\n.Ss [%.*s]\n.Bl -tag -width Ds\n", (int)section.len, section.at);
	strbuf_printf(out, ".It Cm %s\n", option_key(option));
	put_roff(out, option->help);
	strbuf_puts(out, ".\n.br\nAccepted: ");
	put_roff(out, accepts);
	strbuf_puts(out, ".\nDefault: ");
	put_roff(out, option->standard[0] ? option->standard : "unset");
	strbuf_puts(out, option->live ? ".\nA reload takes it.\n" : ".\n");
}

static const char man_head[] = ".\\\" Made from src/conf/options.def by `make docs`.\n"
			       ".Dd November 21, 2025\n"
			       ".Dt GRAPNEL.CONF 5\n"
			       ".Os\n"
			       ".Sh NAME\n"
			       ".Nm grapnel.conf\n"
			       ".Nd options of the webhook event hub\n"
			       ".Sh DESCRIPTION\n"
			       "Every option of\n"
			       ".Xr grapnel 1\n"
			       "can be given in four ways.\n"
			       "The first of these that gives a value wins:\n"
			       ".Bl -enum -compact\n"
			       ".It\n"
			       "an argument,\n"
			       ".Fl Fl section-key Ar value\n"
			       "or\n"
			       ".Fl Fl section-key Ns = Ns Ar value ,\n"
			       "with\n"
			       ".Ql -\n"
			       "in place of\n"
			       ".Ql _ ;\n"
			       "a switch also as\n"
			       ".Fl Fl section-key\n"
			       "and\n"
			       ".Fl Fl no-section-key ;\n"
			       ".It\n"
			       "an environment variable,\n"
			       ".Ev GRAPNEL_SECTION_KEY ,\n"
			       "or, for text,\n"
			       ".Ev GRAPNEL_SECTION_KEY_FILE\n"
			       "with the name of a file that holds the value;\n"
			       ".It\n"
			       "a line in the option file;\n"
			       ".It\n"
			       "the default.\n"
			       ".El\n"
			       ".Pp\n"
			       "The option file is what\n"
			       ".Fl Fl config\n"
			       "or\n"
			       ".Ev GRAPNEL_CONFIG\n"
			       "names; otherwise\n"
			       ".Pa grapnel.conf\n"
			       "in the data folder, when it exists.\n"
			       "When neither a file nor a data folder is named, and no hub was ever in\n"
			       ".Pa ./var ,\n"
			       "it is the file of the system,\n"
			       ".Pa /etc/grapnel/grapnel.conf ,\n"
			       "when that exists.\n"
			       "With this file, named or not, the data folder is\n"
			       ".Pa /var/lib/grapnel\n"
			       "unless something says otherwise: so\n"
			       ".Ql sudo grapnel key create\n"
			       "finds the hub of a packaged machine.\n"
			       "Its readers are root and the members of the group grapnel.\n"
			       ".Pp\n"
			       "It holds lines of the form\n"
			       ".Ql key = value ,\n"
			       "below the\n"
			       ".Ql [section]\n"
			       "of the key; options without a section stand before the first one.\n"
			       "A line that begins with\n"
			       ".Ql #\n"
			       "or\n"
			       ".Ql \\&;\n"
			       "is a comment, and so is what follows a blank and\n"
			       ".Ql \\&; .\n"
			       "An option that takes a list may be given several times: the items add up.\n"
			       ".Pp\n"
			       "An unknown option or section, a value that is not accepted, and text that would have no effect, such as behind the\n"
			       ".Ql \\&]\n"
			       "of a section, is an error that names where it stands.\n"
			       "The file, and one that a\n"
			       ".Ev GRAPNEL_\n"
			       "variable names, is a regular one, or\n"
			       ".Pa /dev/null :\n"
			       "a pipe could not be read again.\n"
			       "An error is also a\n"
			       ".Ev GRAPNEL_\n"
			       "variable that is a slip or two from an option's; others that are no option are named in the log, except those\n"
			       "that Kubernetes sets for a service of this name\n"
			       ".Pq Ev GRAPNEL_SERVICE_HOST , GRAPNEL_PORT_8080_TCP .\n"
			       ".Pp\n"
			       ".Ql grapnel help --sample-conf\n"
			       "prints an option file with all defaults;\n"
			       ".Ql grapnel check --config Ar file\n"
			       "looks through one and names everything that is wrong with it.\n"
			       ".Pp\n"
			       "SIGHUP, or\n"
			       ".Ql grapnel reload ,\n"
			       "makes a running hub read the file, the environment and the certificate again.\n"
			       "Options of which it says below that a reload takes them count from then on, for what begins afterwards; the others at the next start: the log\n"
			       "names those that changed.\n"
			       "When anything is wrong nothing changes, and the log says what; a file that was there before and is gone is wrong, too.\n"
			       ".Sh OPTIONS\n"
			       ".Bl -tag -width Ds\n";

static const char man_tail[] = ".El\n"
			       ".Sh SEE ALSO\n"
			       ".Xr grapnel 1\n";

void conf_man(struct strbuf *out)
{
	strbuf_puts(out, man_head);
	each_by_section(out, put_man);
	strbuf_puts(out, man_tail);
}

/* ---- docs/options.md --------------------------------------------------------------------------------------------------- */

static void put_cell(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '\\')
			strbuf_putc(out, '\\');
		strbuf_putc(out, *text);
	}
}

static void put_markdown(struct strbuf *out, const struct option *option, bool first)
{
	char argument[OPTION_NAME_SIZE], variable[OPTION_NAME_SIZE], accepts[160];

	(void)first;
	option_spell(option, OPTION_AS_ARGUMENT, argument);
	option_spell(option, OPTION_IN_ENVIRONMENT, variable);
	option_accepts(option, accepts, sizeof accepts);
	strbuf_printf(out, "| `%s` | `%s` | `%s` | ", option->name, argument, variable);
	put_cell(out, option->standard[0] ? option->standard : "unset");
	strbuf_puts(out, " | ");
	put_cell(out, accepts);
	strbuf_puts(out, option->live ? " | reload | " : " | start | ");
	put_cell(out, option->help);
	strbuf_puts(out, " |\n");
}

void conf_markdown(struct strbuf *out)
{
	strbuf_puts(
	    out, "<!-- Made from src/conf/options.def by `make docs`. -->\n"
		 "# Options\n\n"
		 "Arguments go before the environment, the environment before the file, the file before the default. The file is what\n"
		 "`--config` or `GRAPNEL_CONFIG` names, otherwise `grapnel.conf` in the data folder; when neither is named, and no hub was ever\n"
		 "in `./var`, it is `/etc/grapnel/grapnel.conf` when that exists, and the data folder then is `/var/lib/grapnel`. (A build of your\n"
		 "own has `--sysconfdir` and `--localstatedir` of its `configure` in place of `/etc` and `/var`.) A name `section.key` stands in a file as\n"
		 "`key = value` below `[section]`. Text can also come from a file that `GRAPNEL_SECTION_KEY_FILE` names. See\n"
		 "grapnel.conf(5); `grapnel help --sample-conf` prints a file with all defaults.\n\n"
		 "`taken` says when a change counts: at the next `start`, or by a `reload` (SIGHUP, `systemctl reload`, `grapnel reload`), which reads file\n"
		 "and environment again, takes all or nothing, and names what waits for the next start. `grapnel check --config FILE` looks through a file\n"
		 "before either.\n\n"
		 "| option | argument | environment | default | accepted | taken | meaning |\n"
		 "|---|---|---|---|---|---|---|\n");
	each_by_section(out, put_markdown);
}
