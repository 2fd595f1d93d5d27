/* Checks that every resource's document needs. Each names the field by its JSON pointer (RFC 6901) and says what is accepted.
 * Pure functions. */
#ifndef GRAPNEL_MODEL_CHECK_H
#define GRAPNEL_MODEL_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

/* The pointer of a member or element below `base` ("" is the document), escaped. One that is too long is cut at a character. */
void check_member(char out[ERR_POINTER_MAX], const char *base, const char *key);
void check_element(char out[ERR_POINTER_MAX], const char *base, size_t index);

/* A string of min to max characters (code points), without U+0000. */
int check_text(const json_t *value, const char *pointer, size_t min, size_t max, struct err *err) ATTR_MUST_USE;
int check_integer(const json_t *value, const char *pointer, int64_t min, int64_t max, int64_t *out, struct err *err) ATTR_MUST_USE;
/* Integers are numbers, too. */
int check_real(const json_t *value, const char *pointer, double min, double max, double *out, struct err *err) ATTR_MUST_USE;

/* The bytes of a JSON string; {NULL, 0} for any other value. Lives as long as the value. */
struct slice check_slice(const json_t *value);

#endif
