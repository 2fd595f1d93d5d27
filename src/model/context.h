/* The context of a CloudEvent 1.0: the grammar of its attributes' names and values, and values as HTTP headers (the HTTP binding,
 * 3.1.3.2). An event keeps its context as the text of one JSON object: strings, booleans, integers. Pure functions. */
#ifndef GRAPNEL_MODEL_CONTEXT_H
#define GRAPNEL_MODEL_CONTEXT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/slice.h"
#include "base/strbuf.h"

enum { CONTEXT_BYTES_MAX = 65536 /* names and values */, CONTEXT_EXTENSIONS_MAX = 64, CONTEXT_CORE = 8, CONTEXT_NAME_MAX = 255 };

/* 1 to CONTEXT_NAME_MAX of a-z and 0-9, and not "data". */
bool context_name_good(struct slice name);
/* UTF-8 without control characters (U+0000–U+001F, U+007F–U+009F) and noncharacters. */
bool context_text_good(struct slice text);

/* Appends what a header's value means: a quoted string is unquoted, then percent-decoded once. -1: neither is well-formed. What comes out
 * is still to be checked by context_text_good(). */
int context_header_decode(struct slice value, struct strbuf *out) ATTR_MUST_USE;
/* Appends the text as a header's value: space, '"', '%' and all that is not printable ASCII percent-encoded. */
void context_header_encode(struct slice text, struct strbuf *out);

/* Calls `visit` for each attribute of a context (a JSON object's text) with its value's bytes there; -1: it is none. */
int context_each(struct slice context, void (*visit)(void *receiver, struct slice name, struct slice value), void *receiver) ATTR_MUST_USE;
/* The value's canonical text: a string's decoded into `out`, which is cleared; others as they stand. */
struct slice context_text_of(struct slice value, struct strbuf *out);

#endif
