/* An endpoint's texts, patterns, headers and sealed secrets in one allocation with itself: a hundred thousand endpoints take half of the
 * memory that pieces of their own would. What few endpoints have (pairs, a retry policy of their own) stays apart. */
#ifndef GRAPNEL_MODEL_ENDPOINT_PACK_H
#define GRAPNEL_MODEL_ENDPOINT_PACK_H

#include "model/endpoint.h"

/* Takes the one over that was parsed into pieces, which no other thread knows yet. */
struct endpoint *endpoint_pack(struct endpoint *pieces);
/* The pieces of one that was not packed; nothing when it was. */
void endpoint_pieces_free(struct endpoint *endpoint);

#endif
