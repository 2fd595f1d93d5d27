/* What the commands about endpoints share. */
#ifndef GRAPNEL_CLI_ENDPOINT_H
#define GRAPNEL_CLI_ENDPOINT_H

#include "cli/thing.h"

enum { ENDPOINT_COLUMNS = 31 };
extern const struct column endpoint_columns[ENDPOINT_COLUMNS];
extern const struct path_filter endpoint_owner[]; /* --subscriber */

#endif
