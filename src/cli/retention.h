/* What the commands about retention share. */
#ifndef GRAPNEL_CLI_RETENTION_H
#define GRAPNEL_CLI_RETENTION_H

#include "cli/thing.h"

/* Asks, and prints what retention does. */
int retention_ask(const struct command_run *run, const char *method, const char *path) ATTR_MUST_USE;

#endif
