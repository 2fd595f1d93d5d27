/* Bulk work on dead letters: which, how many, whether really, and its progress. */
#ifndef GRAPNEL_CLI_BULK_H
#define GRAPNEL_CLI_BULK_H

#include "cli/command.h"

#define BULK_ALL_HELP "every dead letter there is"
#define BULK_YES_HELP "do not ask: for scripts"
#define BULK_NO_WAIT_HELP "print the operation's id and do not wait for its end"
#define BULK_JSON_HELP "print the operation at its end as JSON, in one line"

/* A whole command. `verb` is the last part of the route; `done` stands in sentences: "retried". */
int bulk_run(const struct command_run *run, const char *verb, const char *done) ATTR_MUST_USE;

#endif
