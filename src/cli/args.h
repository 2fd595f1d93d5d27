/* The arguments of one command, sorted: its own options, the words that are no options, and the options of grapnel.conf(5), which every
 * command takes. Borrows argv. Owned by one thread. */
#ifndef GRAPNEL_CLI_ARGS_H
#define GRAPNEL_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

/* An option of a command's own; the last row of a table has no name. */
struct args_option {
	const char *name;  /* without the dashes */
	const char *value; /* what it takes, for --help; NULL: it is a switch */
	const char *help;
};

struct args_given {
	const struct args_option *option;
	const char *value;
};

struct args {
	bool help; /* --help or -h was among them; nothing else was looked at then */
	size_t given_len;
	struct args_given *given;
	int words_len;
	char **words;
	int conf_len;
	char **conf; /* for conf_load() */
};

/* Names of files may be any bytes, and so may headers of a request. Other text goes into JSON, which takes UTF-8 alone: what cannot must not be
 * left out of a document, a filter the less would mean all. */
bool args_is_utf8(const char *text);
/* An error names the argument. args_free() in any case. */
int args_parse(struct args *args, const struct args_option *options, int argc, char **argv, struct err *err) ATTR_MUST_USE;
void args_free(struct args *args);
/* The value of an option (of a switch: ""); of several the last one; NULL: not given. */
const char *args_value(const struct args *args, const char *name);
/* Walks the values of an option that may be given several times: start with *at = 0; NULL at the end. */
const char *args_next(const struct args *args, const char *name, size_t *at);
/* The options for --help. */
void args_help(const struct args_option *options, struct strbuf *out);

#endif
