/* What the commands about dead letters share: which of them. */
#ifndef GRAPNEL_CLI_DEAD_LETTER_H
#define GRAPNEL_CLI_DEAD_LETTER_H

#include "cli/path.h"

#define DEAD_ENDPOINT_HELP "those of this endpoint (id or uid)"
#define DEAD_SUBSCRIBER_HELP "those of this subscriber's endpoints; empty: of those without one"
#define DEAD_TYPE_HELP "those of events of this type: order.created, order.*, order.**"
#define DEAD_REASON_HELP "those that died for this reason: exhausted, gone, expired, endpoint_disabled, endpoint_deleted, corrupt"
#define DEAD_SINCE_HELP "that died not before: RFC 3339, or back from now, as in -1h"
#define DEAD_UNTIL_HELP "that died before this time"
#define DEAD_TEXT_HELP "with this text in type, subject, uid or last error"

extern const struct path_filter dead_letter_filters[];

#endif
