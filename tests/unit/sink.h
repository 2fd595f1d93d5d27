/* A receiver on loopback for tests: a thread for each connection, raw sockets. The path of the request says how it answers (sink.c has
 * the table): /status/503, /silent, /close, /endless/200, … */
#ifndef GRAPNEL_TESTS_SINK_H
#define GRAPNEL_TESTS_SINK_H

#include <stddef.h>

struct sink;
struct sink *sink_start(void);
struct sink *sink_start_at(const char *address, int port); /* 0: any */
int sink_port(const struct sink *sink);
unsigned sink_connections(struct sink *sink); /* accepted so far */
unsigned sink_requests(struct sink *sink);    /* received whole so far */
/* The last request: its head, NUL-terminated, and its body. Copied; free() both. */
void sink_last(struct sink *sink, char **head, char **body, size_t *body_len);
/* Waits until so many requests came; a test that waits too long fails. */
void sink_wait_requests(struct sink *sink, unsigned count);
void sink_stop(struct sink *sink); /* closes every connection */

#endif
