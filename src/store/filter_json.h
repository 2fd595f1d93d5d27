/* The members that filters of operations have in common, to and from their JSON text. Absent is 0, or {NULL, 0}. Setters give -1 when memory is
 * out, readers when the value is not what it should be. */
#ifndef GRAPNEL_STORE_FILTER_JSON_H
#define GRAPNEL_STORE_FILTER_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/id.h"
#include "base/slice.h"

int filter_json_set_id(json_t *doc, const char *name, enum id_kind kind, int64_t id) ATTR_MUST_USE;
int filter_json_set_time(json_t *doc, const char *name, int64_t wall_ms) ATTR_MUST_USE;

/* Borrowed from `value`, which may be NULL. */
struct slice filter_json_text(const json_t *value);
int filter_json_read_id(const json_t *doc, const char *name, enum id_kind kind, int64_t *id) ATTR_MUST_USE;
int filter_json_read_time(const json_t *doc, const char *name, int64_t *wall_ms) ATTR_MUST_USE;

#endif
