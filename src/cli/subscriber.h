/* What the commands about subscribers share. */
#ifndef GRAPNEL_CLI_SUBSCRIBER_H
#define GRAPNEL_CLI_SUBSCRIBER_H

#include "cli/thing.h"

enum { SUBSCRIBER_COLUMNS = 6 };
extern const struct column subscriber_columns[SUBSCRIBER_COLUMNS];

#endif
