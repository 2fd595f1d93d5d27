/* Documents that a command sends: from a file, and from options. Owned by one thread. */
#ifndef GRAPNEL_CLI_DOCUMENT_H
#define GRAPNEL_CLI_DOCUMENT_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/command.h"

/* A JSON object from a file, or from the standard input ("-"). NULL: it was said why not. */
json_t *document_read(const struct command_run *run, const char *file) ATTR_MUST_USE;
/* NAME=VALUE, as often as the option was given, as members of an object. EXIT_OK, or EXIT_USAGE and it was said why. */
int document_pairs(const struct command_run *run, const char *option, const char *member, json_t *doc) ATTR_MUST_USE;

#endif
