/* docs/METRICS.md: what GET /metrics has. */
#ifndef GRAPNEL_CLI_METRICS_PAGE_H
#define GRAPNEL_CLI_METRICS_PAGE_H

#include "base/strbuf.h"

void metrics_page(struct strbuf *out);

#endif
