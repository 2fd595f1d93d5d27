/* What the commands about rejections share. */
#ifndef GRAPNEL_CLI_REJECTION_H
#define GRAPNEL_CLI_REJECTION_H

#include "cli/path.h"

#define REJECTION_SOURCE_HELP "those of this source alone (id or uid; empty: of what is no source)"
#define REJECTION_REASON_HELP "those of this reason alone: bad_signature, stale_timestamp, missing_header and others"
#define REJECTION_REMOTE_HELP "those from this address alone"
#define REJECTION_SINCE_HELP "those from this time on: RFC 3339, or -1h, -30m, -7d"
#define REJECTION_UNTIL_HELP "those before this time"

extern const struct path_filter rejection_filters[];

#endif
