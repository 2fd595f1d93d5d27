/* Asking before what cannot be taken back. */
#ifndef GRAPNEL_CLI_CONFIRM_H
#define GRAPNEL_CLI_CONFIRM_H

#include "cli/command.h"

#define CONFIRM_YES_HELP "do not ask"

/* Says the sentence, and asks unless --yes is given. EXIT_OK: go on; else it was said why not. */
int confirm(const struct command_run *run, const char *sentence);

#endif
