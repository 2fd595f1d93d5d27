/* The path of a request, with what callers say percent-encoded. Owned by one thread. */
#ifndef GRAPNEL_CLI_PATH_H
#define GRAPNEL_CLI_PATH_H

#include "base/strbuf.h"
#include "cli/command.h"

enum { PATH_MAX_BYTES = 1 << 20 };

/* An option that becomes a query parameter, or a member of a filter. */
struct path_filter {
	const char *option;
	const char *name;
};

/* A new path in `out`: /v1/<what>, then /<id> and /<more> where they are not NULL. */
void path_make(struct strbuf *out, const char *what, const char *id, const char *more);
/* Appends ?name=value, or &name=value. */
void path_param(struct strbuf *out, const char *name, const char *value);
/* Those of the options that were given; the last filter has no option. */
void path_filters(struct strbuf *out, const struct command_run *run, const struct path_filter *filters);

#endif
