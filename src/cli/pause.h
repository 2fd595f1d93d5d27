/* The pause of the whole hub. Private to cli/. */
#ifndef GRAPNEL_CLI_PAUSE_H
#define GRAPNEL_CLI_PAUSE_H

#include "cli/command.h"

#define PAUSE_JSON_HELP "print the hub's answer as JSON, in one line"

/* One request without a body, and what the hub is afterwards. */
int pause_call(const struct command_run *run, const char *path);

#endif
