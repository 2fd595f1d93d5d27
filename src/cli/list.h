/* Lists: all pages of a list, as a table or as JSON lines. Owned by one thread. */
#ifndef GRAPNEL_CLI_LIST_H
#define GRAPNEL_CLI_LIST_H

#include "cli/client.h"
#include "cli/path.h"
#include "cli/table.h"

/* Rows of every list's table of options; see check-options for their form. */
#define LIST_LIMIT_HELP "at most so many rows (default 100)"
#define LIST_ALL_HELP "all rows, however many there are"
#define LIST_JSON_HELP "print the hub's answers as JSON, one object a line"

/* Asks for the pages of `path` (without limit and cursor) and prints them, as --limit, --all and --json of the command say. Returns the
 * exit code. */
int list_put(const struct command_run *run, struct client *client, const char *path, struct table *table) ATTR_MUST_USE;
/* A whole list command: opens the client, adds the filters to /v1/<what>, prints. `filters` may be NULL. */
int list_run(const struct command_run *run, const char *what, const struct path_filter *filters, struct table *table) ATTR_MUST_USE;

#endif
