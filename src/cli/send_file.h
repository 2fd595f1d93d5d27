/* Publishing a file of events, one JSON object a line. */
#ifndef GRAPNEL_CLI_SEND_FILE_H
#define GRAPNEL_CLI_SEND_FILE_H

#include "cli/command.h"

/* The whole command, when a file is named. Returns the exit code. */
int send_file(const struct command_run *run, const char *path) ATTR_MUST_USE;

#endif
