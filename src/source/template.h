/* Templates of a source's event type and dedupe key: literal text and pieces in braces.
 *   {type} {id} {subject}   what the scheme made of the request
 *   {scheme} {source}       the scheme's name, the source's uid (without one its id)
 *   {header.x-foo}          a header of the request
 *   {query.name}            a parameter of its query, as it came
 *   {json:/a/b}             a string, number or boolean of the body, by JSON pointer (RFC 6901)
 * Pure functions. */
#ifndef GRAPNEL_SOURCE_TEMPLATE_H
#define GRAPNEL_SOURCE_TEMPLATE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "scheme/scheme.h"

enum { TEMPLATE_MAX = 1024 };

struct template_input {
	struct slice type, id, subject, scheme, source; /* absent: {NULL, 0} or empty */
	const struct scheme_request *request;
};

int template_check(struct slice text, const char *pointer, struct err *err) ATTR_MUST_USE;
/* 1: all pieces were there; 0: at least one was not, and `missing` stands in its place; -1: memory is out. */
int template_render(struct slice text, const struct template_input *input, struct slice missing, struct strbuf *out) ATTR_MUST_USE;
/* An event's type by the template: a piece that is missing is "unknown"; what the grammar of types does not know becomes '_', empty
 * segments go, more than 255 bytes are cut. What is not left with anything, or is one of the hub's own types, is "<scheme>.event". */
int template_type(struct slice text, const struct template_input *input, struct strbuf *out) ATTR_MUST_USE;

#endif
