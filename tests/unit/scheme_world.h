/* A source for every incoming scheme, with secrets, keys and certificates that are made here, and requests signed for it. */
#ifndef GRAPNEL_TESTS_SCHEME_WORLD_H
#define GRAPNEL_TESTS_SCHEME_WORLD_H

#include "scheme/scheme.h"

#define WORLD_NOW INT64_C(1700000000123)
#define WORLD_URL "https://hooks.example.com/in/src"

/* Makes the keys; once. */
void scheme_world_make(void);
void scheme_world_free(void);
/* The source; what it points to lives as long as the world. */
void scheme_world_source(const struct scheme *scheme, struct scheme_source *source);
/* The private key that goes with it, in PEM; {NULL, 0}: it needs none. */
struct slice scheme_world_key(const struct scheme *scheme);

enum { WORLD_HEADERS_MAX = 64 };

/* A made request as it is received. */
struct world_request {
	struct scheme_request request;
	struct scheme_header headers[WORLD_HEADERS_MAX];
};
void scheme_world_receive(const struct scheme_signed *made, struct world_request *received);

#endif
