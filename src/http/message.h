/* A request and its response as the program sees them, wherever they came from: the network, the admin socket, or the command
 * line in its own process. */
#ifndef GRAPNEL_HTTP_MESSAGE_H
#define GRAPNEL_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "http/stream.h"

enum { HTTP_HEADERS_MAX = 100, HTTP_REQUEST_ID_SIZE = 24, HTTP_RESPONSE_HEADERS_MAX = 8 };

struct http_header {
	struct slice name; /* as it came; compare with http_header() */
	struct slice value;
};

/* What is served where: all in one place, only what faces the internet (the doors of sources, and health), or all but the doors. */
enum http_role { HTTP_ALL, HTTP_PUBLIC, HTTP_API };

/* Filled by whoever received it; read-only for handlers. Everything lives until the answer is given. */
struct http_request {
	struct slice method;
	struct slice path;  /* percent-encoded as it came, without the query */
	struct slice query; /* without '?'; {NULL, 0}: none */
	unsigned headers_len;
	struct http_header headers[HTTP_HEADERS_MAX];
	struct slice body;
	bool local;         /* came through the admin socket or from this process: its peer is the administrator */
	bool secure;        /* came over TLS, here or at a trusted proxy */
	bool tls;           /* came over the TLS of the hub itself */
	enum http_role role; /* of the listener that it came through */
	char peer[64];      /* the client's numeric address: what a trusted proxy says, else the connection's */
	uint64_t peer_key;  /* the same as a number, an IPv6 address by its /64; 0: local */
	int64_t peer_uid;   /* local: the user who asks; -1: not known */
	char id[HTTP_REQUEST_ID_SIZE]; /* "req_" + 13 digits: x-request-id of the answer */
	int64_t number;     /* the same as a number (base/id.h) */
	/* The application's own: zero before begin(), kept from there to handle(). `kind`: what it is counted as, enum metric_route. */
	unsigned kind;
	void *app_state;
	int64_t app_words[5];
};

/* Owned by the handler until given back. */
struct http_response {
	int status; /* 0: not set yet */
	const char *content_type; /* static text; NULL: no body */
	struct strbuf body;
	struct http_stream *stream; /* instead of `body`: its first page is there. NULL: none */
	unsigned headers_len;
	struct {
		const char *name; /* static text */
		char value[256];
	} headers[HTTP_RESPONSE_HEADERS_MAX];
	bool close; /* close the connection after it */
};

/* Gives it an id: 64 bits drawn by lot. */
void http_request_number(struct http_request *request);
/* The value of a header, case-insensitive; {NULL, 0} when absent. */
struct slice http_header(const struct http_request *request, const char *name);
/* A query parameter, percent-decoded ('+' is a space) into `out`; 1: there, 0: not there, -1: malformed or given twice. */
int http_query(const struct http_request *request, const char *name, struct strbuf *out) ATTR_MUST_USE;
/* Calls `visit` for each parameter name (still encoded) so that unknown ones can be refused. */
void http_query_each(const struct http_request *request, void (*visit)(void *context, struct slice name), void *context);
/* Percent-decodes a path segment; -1: malformed, or decodes to NUL. */
int http_decode(struct slice encoded, struct strbuf *out) ATTR_MUST_USE;
/* The same for a segment that may hold a '/'. */
int http_decode_slashes(struct slice encoded, struct strbuf *out) ATTR_MUST_USE;
void http_response_header(struct http_response *response, const char *name, const char *value);
void http_response_free(struct http_response *response);

#endif
