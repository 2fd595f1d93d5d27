/* Options: options.def is the one table from which the file format (grapnel.conf, INI), environment (GRAPNEL_…, secrets also
 * GRAPNEL_…_FILE), arguments, --help, the man page and a documentation check are made. Order of precedence: arguments,
 * environment, file, default. A struct conf is read-only once loaded; freed by conf_free(). */
#ifndef GRAPNEL_CONF_CONF_H
#define GRAPNEL_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

/* Types of members by option type: TEXT char * (NULL: unset); LIST char * (items joined by ',', without blanks; NULL: unset); NUMBER,
 * MILLISECONDS, BYTES int64_t; SWITCH bool; CHOICE int64_t (place in the list); REAL double. */
#define CONF_MEMBER_TEXT char *
#define CONF_MEMBER_LIST char *
#define CONF_MEMBER_NUMBER int64_t
#define CONF_MEMBER_MILLISECONDS int64_t
#define CONF_MEMBER_BYTES int64_t
#define CONF_MEMBER_SWITCH bool
#define CONF_MEMBER_CHOICE int64_t
#define CONF_MEMBER_REAL double

/* Where each stands in the file; 0: it came from elsewhere. In the order of the table. */
struct conf_lines {
#define OPTION(member, name, type, standard, range, help) int member;
#include "conf/options.def"
#undef OPTION
};

struct conf {
#define OPTION(member, name, type, standard, range, help) CONF_MEMBER_##type member;
#include "conf/options.def"
#undef OPTION
	char *file; /* the option file that was read, named or found; NULL: there was none */
	struct conf_lines lines;
};

/* Loads from defaults, the file (--config, GRAPNEL_CONFIG, or <data>/grapnel.conf when it exists; that of the system (place.h) when
 * nobody says where the data are and there is no hub in the default folder), the environment and the
 * arguments argv[0 … argc-1] (options only: "--name value", "--name=value", "--switch", "--no-switch"; the last one counts, those of
 * a LIST add up). An unknown option, or a value out of range, is an ERR_INVALID that names where it came from, the option, and what
 * is accepted; a GRAPNEL_ variable that is near no option's name is passed over. `rest` (may be NULL: none allowed) gets the place of the first argument that is no option. When it fails, nothing
 * is left to be freed. */
int conf_load(struct conf *conf, int argc, char **argv, int *rest, struct err *err) ATTR_MUST_USE;
void conf_free(struct conf *conf);
/* The same, but looks at everything, and tells of each thing that is wrong in a sentence that names where it stands. Their number; `conf`
 * is loaded from the rest in any case. */
unsigned conf_find(struct conf *conf, int argc, char **argv, void (*found)(void *context, const char *text), void *context);
/* A file that nobody named need not be there; but the one that the options came from `before` must not be gone: options such as egress.allow
 * would fall back in silence. */
int conf_check_file(const struct conf *conf, const struct conf *before, struct err *err) ATTR_MUST_USE;
/* A copy, freed by itself. */
void conf_copy(struct conf *to, const struct conf *from);
/* Each option whose value differs; `live`: a reload takes it. */
void conf_differences(const struct conf *a, const struct conf *b, void (*each)(void *context, const char *name, bool live), void *context);
/* Takes over the values of all options that a reload takes, and the name of the file; those of the others stay. */
void conf_take_live(struct conf *conf, struct conf *from);
/* Logs the GRAPNEL_ variables that are no option. conf_load() refuses only those that were probably meant as one. */
void conf_warn(void);
/* How many words the option at the head of an argument list takes, itself included: 1 or 2; 0: it is no option of the table. */
int conf_argument_words(const char *argument);
/* The table as --help text, as a commented grapnel.conf with all defaults, as grapnel.conf(5), and as docs/options.md. */
void conf_help(struct strbuf *out);
void conf_sample(struct strbuf *out);
void conf_man(struct strbuf *out);
void conf_markdown(struct strbuf *out);

#endif
