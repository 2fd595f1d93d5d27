/* Endpoints for tests, made from JSON text as a user would write it. */
#ifndef GRAPNEL_TESTS_ENDPOINT_FIXTURE_H
#define GRAPNEL_TESTS_ENDPOINT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/endpoint.h"

/* JSON text with ' in place of ", so that it can be read in C. */
static inline json_t *fixture_json(const char *text)
{
	char *copy = strdup(text);
	assert_non_null(copy);
	for (char *at = copy; *at; at++) {
		if (*at == '\'')
			*at = '"';
	}
	json_error_t why;
	json_t *value = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!value)
		fail_msg("%s in %s", why.text, copy);
	free(copy);
	return value;
}

static inline struct endpoint *fixture_endpoint(int64_t id, int64_t subscriber, enum endpoint_status status, const char *text)
{
	struct endpoint_meta meta = {.id = id, .subscriber = subscriber, .status = status};
	struct err err = {0};
	json_t *doc = fixture_json(text);
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, &err);
	if (!endpoint)
		fail_msg("%s: %s", text, err.detail);
	json_decref(doc);
	return endpoint;
}

#endif
