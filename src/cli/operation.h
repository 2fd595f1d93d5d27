/* Following a bulk operation to its end. */
#ifndef GRAPNEL_CLI_OPERATION_H
#define GRAPNEL_CLI_OPERATION_H

#include "cli/thing.h"

enum { OPERATION_COLUMNS = 9 };
extern const struct column operation_columns[OPERATION_COLUMNS];

/* Shows the progress of an operation until it ends, then prints it: as JSON where the command was told so, else in a sentence. EXIT_OK: it
 * is done; EXIT_FAILED: it was cancelled. */
int operation_follow(const struct command_run *run, struct client *client, const char *id) ATTR_MUST_USE;

#endif
