/* What an endpoint's `format` makes of an event: the body, its media type, and the headers that belong to it. Pure functions: the same event in
 * the same format gives the same bytes at every attempt. */
#ifndef GRAPNEL_DELIVER_FORMAT_H
#define GRAPNEL_DELIVER_FORMAT_H

#include "base/attr.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "model/endpoint.h"
#include "model/event.h"

/* What data become in base64, and as much again for what stands around them. */
#define FORMAT_BYTES_MAX(data_bytes) ((data_bytes) / 3 * 4 + 1024 * 1024)

struct formatted {
	struct slice body; /* the event's own bytes, or those of the text that was given */
	struct slice content_type;
};

/* `source`: that of events which did not come as CloudEvents. `text` is an empty buffer, which is only used when the body is not the data as
 * they are. -1: memory is out. */
int format_body(enum endpoint_format format, const struct event *event, const char *source, struct strbuf *text,
                struct formatted *formatted) ATTR_MUST_USE;
/* Of CloudEvents in binary mode: calls `header` for each ce-… with its encoded value. -1: memory is out, or the stored context is damaged. */
int format_headers(const struct event *event, const char *source, void (*header)(void *receiver, const char *name, struct slice value),
                   void *receiver) ATTR_MUST_USE;

#endif
