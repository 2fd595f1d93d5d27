/* A connection that was accepted, plain or with TLS. Non-blocking. */
#ifndef GRAPNEL_BENCH_WIRE_H
#define GRAPNEL_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct wire;

/* From now on connections speak TLS, with this certificate and key (one PEM file); exits when it cannot be read. */
void wire_use_tls(const char *pem);

struct wire *wire_new(int fd); /* owns the descriptor */
void wire_free(struct wire *wire);
/* > 0: so many bytes; 0: nothing now; -1: it ended. */
ssize_t wire_read(struct wire *wire, char *to, size_t size);
/* Whether there are bytes that no descriptor will tell of. */
bool wire_pending(const struct wire *wire);
/* All or nothing: false ends the connection. Answers of a sink fit into any socket. */
bool wire_write(struct wire *wire, const char *bytes, size_t len);

#endif
