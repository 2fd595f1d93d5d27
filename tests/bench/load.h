/* The events that the load source publishes. They all have the same length, so that an event is made by writing digits over the
 * template:
 *
 *   {"type":"bench.t0000","data":{"n":"00000000000000000007","t":"00000000000000000000","pad":"xxx…"}}
 *
 * n counts the events, t is the time at which this one was meant to be sent. What an endpoint receives begins with {"n":"…","t":"…" */
#ifndef GRAPNEL_BENCH_LOAD_H
#define GRAPNEL_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_DIGITS = 20, LOAD_MARK_BYTES = 2 * LOAD_DIGITS + 14 };

struct load_shape {
	size_t data_bytes; /* of `data` */
	unsigned batch;    /* events in a request */
	unsigned types;    /* bench.t0000 … */
	unsigned first_type;
	unsigned subscribers; /* s000000 …; 0: the event names none */
	bool uids;
	bool bare; /* the data alone, without the envelope */
};

struct load {
	struct load_shape shape;
	char *body; /* the template of a request's body */
	size_t body_bytes;
	size_t event_bytes;                                /* with the comma */
	size_t type_at, subscriber_at, uid_at, n_at, t_at; /* places of the digits in an event; 0: it has none */
};

void load_init(struct load *load, const struct load_shape *shape);
void load_free(struct load *load);
/* Fills in a body, which is a copy of the template: events n, n + 1, …, all meant for this moment. */
void load_fill(const struct load *load, char *body, uint64_t n, int64_t at_ns, const char *prefix);

/* Writes a number with leading zeros. */
void load_digits(char *to, size_t digits, uint64_t value);
/* Reads n and t at the beginning of a received payload; false when it is not ours. */
bool load_read(const char *payload, size_t len, uint64_t *n, int64_t *at_ns);

#endif
