/* What somebody said about an event type: {description, owner, example, deprecated}, all optional. */
#ifndef GRAPNEL_MODEL_EVENT_TYPE_H
#define GRAPNEL_MODEL_EVENT_TYPE_H

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/event.h"

enum { EVENT_TYPE_DESCRIPTION_MAX = 4096, EVENT_TYPE_OWNER_MAX = 255, EVENT_TYPE_EXAMPLE_MAX = 32768 };

/* Checks a document: read-only fields are taken out, unknown ones refused. */
int event_type_doc_check(json_t *doc, struct err *err) ATTR_MUST_USE;

#endif
