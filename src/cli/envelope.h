/* The envelope of an event, {"type": …, "data": …}, from the arguments of grapnel send. */
#ifndef GRAPNEL_CLI_ENVELOPE_H
#define GRAPNEL_CLI_ENVELOPE_H

#include "base/attr.h"
#include "base/strbuf.h"
#include "cli/command.h"

enum { ENVELOPE_MAX_BYTES = 256 << 20 };

/* Appends it. EXIT_OK, or it was said why not, and this is the exit code; look at out->failed, too. */
int envelope_put(const struct command_run *run, struct strbuf *out) ATTR_MUST_USE;

#endif
