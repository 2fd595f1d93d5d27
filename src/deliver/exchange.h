/* An exchange: one attempt in a worker's hands. It owns an easy handle whose fixed options are set once (request.c); exchanges
 * are kept and used again for any endpoint, so everything that belongs to one attempt is set anew, or cleared, each time. Private
 * to deliver/; owned by the worker's thread. */
#ifndef GRAPNEL_DELIVER_EXCHANGE_H
#define GRAPNEL_DELIVER_EXCHANGE_H

#include <curl/curl.h>

#include "base/heap.h"
#include "base/strbuf.h"
#include "deliver/access.h"
#include "deliver/deliver.h"
#include "deliver/format.h"
#include "deliver/resolver.h"
#include "deliver/signers.h"
#include "deliver/sockets.h"
#include "deliver/tokens.h"
#include "deliver/transport.h"
#include "model/context.h"
#include "sign/outgoing.h"

enum {
	EXCHANGE_LINES_MAX = ENDPOINT_HEADERS_MAX + CONTEXT_CORE + CONTEXT_EXTENSIONS_MAX + 16,
	EXCHANGE_HEADER_BYTES_MAX = 64 * 1024,              /* of one answer: headers, interim answers, trailers */
	EXCHANGE_BARREN_READS_MAX = 4,
	EXCHANGE_BODY_BYTES_MAX = 64 * 1024,                /* what is read at most, so that the connection can be used again */
	EXCHANGE_CAPTURE_MAX = DELIVERY_RESPONSE_MAX + 512, /* more than is kept, so that a cut signature is still seen whole */
};

struct exchange {
	const struct deliver_config *config;
	CURL *easy;
	const char *method; /* that the handle is set to: a static text; NULL: POST */
	bool http2;         /* likewise */
	struct worker *worker;
	struct sockets *sockets; /* the worker's */
	struct exchange *next; /* among the worker's running or spare ones */
	struct exchange *previous;
	/* of this attempt */
	struct job *job;           /* NULL: given up while the name was being resolved */
	bool resolving;            /* the resolver will call; until then the exchange must stay */
	bool sending;              /* the easy handle is in the multi handle */
	struct heap_node deadline; /* in the worker's heap while it is resolving: monotonic, in microseconds */
	int64_t started_ms;        /* wall */
	int64_t started_us;        /* monotonic */
	/* of an endpoint that asks for more than a signature */
	const struct access *access; /* while the request is made and its answer judged; NULL otherwise */
	struct token_waiter waiter;
	bool awaiting; /* a token; it stands in the worker's heap meanwhile */
	char *token;   /* NULL: none */
	bool renewed;  /* a token that was refused was replaced, once in an attempt */
	bool own_tls;  /* the handle has options that are this endpoint's alone */
	/* request */
	struct prepared *prepared; /* a reference */
	struct strbuf text; /* header lines, each ended by NUL */
	struct curl_slist lines[EXCHANGE_LINES_MAX];
	size_t line_at[EXCHANGE_LINES_MAX]; /* offsets into text */
	unsigned lines_len;
	size_t legacy_at; /* where in text a legacy signature stands; 0: there is none */
	struct strbuf payload;  /* a body that is not the event's data as they are */
	size_t payload_charged; /* so much of the budget it holds */
	struct formatted formatted;
	struct transport transport; /* where it goes */
	/* answer */
	int status; /* of the final answer, once all its headers are in; 0 before */
	size_t header_bytes;
	size_t body_bytes, body_bytes_before;
	unsigned barren_reads; /* one after the other, of a final answer, without any of its body */
	struct strbuf body;
	bool headers_too_large, bad_status_line;
	bool in_head; /* a status line was there, its empty line not yet */
	char error[CURL_ERROR_SIZE];
};

/* request.c: NULL when memory is out. */
struct exchange *exchange_new(const struct deliver_config *config, struct worker *worker, struct sockets *sockets);
void exchange_free(struct exchange *exchange);
/* About how many bytes the endpoint's format makes of an event of this size, beside it. */
size_t exchange_made_bytes(const struct endpoint *endpoint, size_t event_bytes);
/* Holds so much of the budget for the body that is made, instead of what it held before. */
void exchange_charge(struct exchange *exchange, size_t bytes);
/* Forgets the attempt: nothing of it may reach the next one. -1: the handle is of no use any more. */
int exchange_clear(struct exchange *exchange) ATTR_MUST_USE;
/* Forgets request and answer, not the attempt, which makes another request. */
void exchange_again(struct exchange *exchange);
/* Sets up the easy handle for the job, whose transport is aimed. Takes the reference to `prepared`. timeout_ms: what is left. */
int exchange_request(struct exchange *exchange, struct prepared *prepared, int timeout_ms, struct err *err) ATTR_MUST_USE;

/* response.c: the callbacks that the easy handle gets, and what became of it. */
int exchange_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now);
size_t exchange_header(char *bytes, size_t size, size_t count, void *context);
size_t exchange_body(char *bytes, size_t size, size_t count, void *context);
/* The attempt part of an outcome for one that got no answer; control characters of the detail are replaced. */
void exchange_set_failure(struct outcome *outcome, enum attempt_failure failure, const char *detail);
/* Nothing came because the hub had no socket for it: no attempt of the endpoint's. */
bool exchange_lacked_socket(const struct exchange *exchange);
/* Fills status, failure, detail and response of the outcome from what came; returns what Retry-After says in ms, -1: nothing. */
int64_t exchange_result(struct exchange *exchange, CURLcode code, struct outcome *outcome, int64_t now_ms);

#endif
