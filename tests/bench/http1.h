/* As much of HTTP/1.1 as the load source and the sink need: where a message's head ends, and how long its body is. They speak to
 * programs of ours alone: a message without Content-Length has no body. */
#ifndef GRAPNEL_BENCH_HTTP1_H
#define GRAPNEL_BENCH_HTTP1_H

#include <stdbool.h>
#include <stddef.h>

struct http1_head {
	size_t head_bytes; /* with the empty line */
	size_t body_bytes;
	unsigned status; /* of an answer; 0 of a request */
	bool is_signed;  /* there is a webhook-signature */
};

/* 1: the head is whole and parsed; 0: more bytes are needed; -1: this is not HTTP. */
int http1_parse(const char *bytes, size_t len, struct http1_head *head);

/* A non-blocking TCP connection to a port of this machine, or a listener on one; exits with a message when there is none. */
int http1_connect(unsigned port);
int http1_listen(unsigned port);

#endif
