/* What schemes read of a request, and how they refuse one. Private to scheme/. */
#ifndef GRAPNEL_SCHEME_REQUEST_H
#define GRAPNEL_SCHEME_REQUEST_H

#include "scheme/scheme.h"

/* Makes the result a refusal; `why` is for the admin. Always -1. */
int refuse(struct scheme_result *result, enum rejection_reason reason, const char *why, ...) ATTR_PRINTF(3, 4);
/* The signature in this header fits none of the secrets; `what` is what one of them is called. */
int refuse_unfit(struct scheme_result *result, const struct scheme_source *source, const char *header, const char *what);
/* A whole answer of 200: nothing is published. `content_type` is static text. */
void answer_with(struct scheme_result *result, const char *content_type, struct slice body);
/* Adds a header to the answer; a value that is too long is left out. */
void answer_header(struct scheme_result *result, const char *name, struct slice value);
/* Whether text may be echoed: 1 to 1024 printable ASCII bytes. */
bool echo_good(struct slice text);

/* The first header of this (lower-case) name; {NULL, 0}: none. */
struct slice header_value(const struct scheme_request *request, const char *name);
/* The one header of this name: refused when it is missing, empty or there twice. */
int header_one(const struct scheme_request *request, const char *name, struct slice *value, struct scheme_result *result);
/* Refuses a body larger than any that the provider sends, where it must be parsed before it is known to be genuine. */
int body_bounded(const struct scheme_request *request, size_t max_bytes, struct scheme_result *result);
bool method_is(const struct scheme_request *request, const char *method);

/* Walks name=value pairs of a query or a form: true while there is one. Both are as they came. */
bool form_next(struct slice *rest, struct slice *name, struct slice *value);
/* Appends a name or value decoded: '+' is a space, %XX a byte; another '%' stands for itself. */
void form_decode(struct slice raw, struct strbuf *out);
/* Appends the decoded value of the first pair of this name; false: there is none. */
bool form_value(struct slice form, const char *name, struct strbuf *out);
/* Appends text as a name or value of a query. */
void form_encode(struct slice text, struct strbuf *out);
/* Whether the body is declared to be a form. */
bool body_is_form(const struct scheme_request *request);

/* What the provider called, without query: the source's public_url, else made of the Host. */
void request_url(const struct scheme_source *source, const struct scheme_request *request, struct strbuf *out);

enum time_unit { TIME_SECONDS, TIME_MILLISECONDS, TIME_RFC3339 };
/* Strict: 1 to 15 digits and nothing else, or RFC 3339. */
int time_parse(struct slice text, enum time_unit unit, int64_t *ms) ATTR_MUST_USE;
/* Refuses a timestamp further from now than source->tolerance_s; `past_only`: one of the future passes. Seconds are compared as whole ones. */
int time_check(const struct scheme_source *source, const struct scheme_request *request, int64_t ms, enum time_unit unit, bool past_only,
               struct scheme_result *result);
/* Both for a text; one that is no timestamp is malformed. */
int time_check_text(const struct scheme_source *source, const struct scheme_request *request, struct slice text, enum time_unit unit,
                    bool past_only, struct scheme_result *result);
void time_put(int64_t now_ms, enum time_unit unit, struct strbuf *out);

/* Whether both are equal, in a time that tells nothing of either but their lengths. */
bool same_secret(struct slice a, struct slice b);
/* Finds the secret that equals the text; refuses when none does. `what` names where it came from. */
int secret_equal(const struct scheme_source *source, struct slice given, const char *what, struct scheme_result *result);

/* A setting as text; an absent one is `preset` (NULL: {NULL, 0}). */
struct slice setting_text(const struct scheme_source *source, const char *name, const char *preset);
bool setting_is_true(const struct scheme_source *source, const char *name);

/* Adds a header to a made request; an overlong one is an error. */
int made_header(struct scheme_signed *made, const char *name, struct slice value, struct err *err) ATTR_MUST_USE;

#endif
