/* The envelope of one published event: finds its members in the scanner's text, decodes the strings, and checks all that can
 * be checked without knowing what is configured. Every field's error is collected, with its pointer. Owned by one thread; reused from
 * item to item of a batch. */
#ifndef GRAPNEL_INGEST_ENVELOPE_H
#define GRAPNEL_INGEST_ENVELOPE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "json/scan.h"
#include "model/event.h"

enum envelope_field {
	FIELD_TYPE,
	FIELD_DATA,
	FIELD_UID,
	FIELD_SUBJECT,
	FIELD_SUBSCRIBER,
	FIELD_ENDPOINT,
	FIELD_ORDERING_KEY,
	FIELD_DELIVER_AT,
	FIELD_EXPIRES_AT,
	FIELD_ATTRIBUTES,
	ENVELOPE_FIELDS
};

struct envelope {
	char at[24];                            /* the pointer of the envelope itself: "" or "/3" */
	const char *const *names;               /* what a CloudEvent calls each field, '/' before it or not; NULL: our own names */
	unsigned seen;                          /* a bit per member that was there, null ones too */
	struct slice raw[ENVELOPE_FIELDS];      /* the value's bytes; absent: {NULL, 0}, as is an optional one that is null */
	struct slice text[ENVELOPE_FIELDS];     /* of those that are strings: decoded */
	struct strbuf decoded[ENVELOPE_FIELDS]; /* holds a text that had escapes */
	char pointer[ERR_POINTER_MAX];          /* what envelope_pointer() gave last */
};

void envelope_init(struct envelope *envelope);
void envelope_free(struct envelope *envelope);
/* Nothing was seen yet. Whoever fills `seen`, `raw` and `text` himself (a CloudEvent does) begins here. */
void envelope_clear(struct envelope *envelope);
/* Reads the object that comes next in `scan`. -1: the grammar is broken, scan tells where. 0: `err` tells whether its members are good. */
int envelope_read(struct envelope *envelope, struct json_scan *scan, struct err *err) ATTR_MUST_USE;
/* Fills what the envelope itself says (all but subscriber, source, time and the trace context), or -1: a field is bad. The slices live as
 * long as the text, and until the envelope's next read. */
int envelope_fields(struct envelope *envelope, int64_t now_ms, struct event_fields *fields, struct err *err) ATTR_MUST_USE;
/* The JSON pointer of a field; valid until the next call. */
const char *envelope_pointer(struct envelope *envelope, enum envelope_field field);

#endif
