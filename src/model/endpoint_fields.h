/* Fields of an endpoint's document that have files of their own, and what these share. Private to model/. */
#ifndef GRAPNEL_MODEL_ENDPOINT_FIELDS_H
#define GRAPNEL_MODEL_ENDPOINT_FIELDS_H

#include "model/endpoint.h"

enum { HEADER_NAME_MAX = 256 };

/* endpoint.c: RFC 9110, 5.6.2; and whether the hub or HTTP itself sets it. */
bool endpoint_header_name_good(const char *name) ATTR_MUST_USE;
bool endpoint_header_reserved(const char *name) ATTR_MUST_USE;
struct endpoint_secret endpoint_secret_copy(const struct endpoint_secret *secret);

/* Each checks one field and takes it. */
typedef int endpoint_reader(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err);

/* endpoint_request.c */
endpoint_reader endpoint_read_method, endpoint_read_content_type, endpoint_read_http2;
/* Of the whole: whether the format and the content type go together. */
int endpoint_check_request(const struct endpoint *endpoint, struct err *err) ATTR_MUST_USE;

/* endpoint_signature.c */
endpoint_reader endpoint_read_signature;
/* Of the whole: no header may be set twice. */
int endpoint_check_names(const struct endpoint *endpoint, struct err *err) ATTR_MUST_USE;
void endpoint_signing_free(struct endpoint_signing *signing);
/* Takes the secret of signature.legacy out of a document or a patch, and what is read-only there. */
int endpoint_signature_split(json_t *doc, struct endpoint_given *given, struct err *err) ATTR_MUST_USE;
/* Before a patch is merged: takes out of the document what the patch replaces without naming it. */
void endpoint_signature_clear(json_t *doc, const json_t *patch);
json_t *endpoint_signature_json(const struct endpoint *endpoint, const json_t *doc);

/* endpoint_verification.c */
endpoint_reader endpoint_read_verification;
/* Takes out of a document what is read-only there. */
void endpoint_verification_split(json_t *doc);
json_t *endpoint_verification_json(const struct endpoint_verification *verification);

#endif
