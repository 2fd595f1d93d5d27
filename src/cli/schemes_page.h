/* docs/SOURCES.md: the catalogue of incoming schemes as a Markdown page. */
#ifndef GRAPNEL_CLI_SCHEMES_PAGE_H
#define GRAPNEL_CLI_SCHEMES_PAGE_H

#include "base/strbuf.h"

void schemes_page(struct strbuf *out);

#endif
