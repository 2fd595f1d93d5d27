/* A subscriber: who owns endpoints. Document: {uid?, name, metadata}. */
#ifndef GRAPNEL_MODEL_SUBSCRIBER_H
#define GRAPNEL_MODEL_SUBSCRIBER_H

#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"

/* Checks a document (read-only fields are taken out, unknown ones refused; name is 1–255 characters, metadata an object of
 * strings up to 16 KiB). */
int subscriber_check(json_t *doc, struct err *err) ATTR_MUST_USE;
json_t *subscriber_json(const json_t *doc, int64_t id, int64_t created_ms, int64_t updated_ms);

/* The same rule for every resource's `metadata`: an object whose values are strings, at most 16 KiB as JSON text. */
int metadata_check(const json_t *metadata, const char *pointer, struct err *err) ATTR_MUST_USE;
/* Any resource's `uid` member, NULL when absent or null; an error when it is not a good one. */
int uid_of_doc(const json_t *doc, const char **uid, struct err *err) ATTR_MUST_USE;

#endif
