/* Ids: 63 bits = 41 of milliseconds since 2020-01-01T00:00:00Z, 8 of node, 14 of sequence. The order of ids of one node is
 * the order in which they were allotted. Public form: prefix, '_', 13 digits of Crockford's base 32 (lower case;
 * www.crockford.com/base32.html), for example evt_01hv3k5z8w7qc. */
#ifndef GRAPNEL_BASE_ID_H
#define GRAPNEL_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define ID_EPOCH_MS INT64_C(1577836800000)

/* One allotter per node, owned by the writer's thread. Persistent part: the greatest id ever stored, put into `last` at
 * start. */
struct id_source {
	int64_t last;
	unsigned node; /* 0–255 */
};

/* The next id: never smaller than the last one, even when the wall clock goes back; an overflowing sequence borrows the next
 * millisecond. */
int64_t id_next(struct id_source *source, int64_t wall_ms);

/* The wall time in an id, and the smallest id of a wall time (to search by time). */
int64_t id_time_ms(int64_t id);
int64_t id_floor_of_time(int64_t wall_ms);

/* Prefixes: EVENT is evt, and so on (id.c has the table). */
enum id_kind {
	ID_EVENT, ID_SUBSCRIBER, ID_ENDPOINT, ID_SOURCE, ID_DELIVERY, ID_KEY, ID_OPERATION, ID_REJECTION, ID_AUDIT, ID_ADMIN, ID_KINDS
};

enum { ID_TEXT_SIZE = 24 };

void id_format(enum id_kind kind, int64_t id, char out[ID_TEXT_SIZE]);
/* -1 unless text is an id of exactly this kind. */
int id_parse(enum id_kind kind, struct slice text, int64_t *id) ATTR_MUST_USE;
/* Whether text has the shape of any of our ids: a caller's uid must not. */
bool id_shaped(struct slice text);
const char *id_prefix(enum id_kind kind);

/* A request's id is no such number, but 64 bits drawn by lot: "req_" and 13 digits, the last padded. 0: none. */
void id_request_format(int64_t request, char out[ID_TEXT_SIZE]);
/* 0: it is none, or NULL. */
int64_t id_request_parse(const char *text);

#endif
