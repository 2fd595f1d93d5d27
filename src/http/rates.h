/* How often each of many may do something. Bounded memory: where more are known than
 * there is room for, those are forgotten that have used least of theirs, which only is in their favour. Thread-safe. */
#ifndef GRAPNEL_HTTP_RATES_H
#define GRAPNEL_HTTP_RATES_H

#include <stdint.h>

struct rates;
/* Each may do `limit` in `per_ms`, evenly, and as many at once after a rest. 0: no limit. */
struct rates *rates_new(unsigned limit, unsigned per_ms);
/* Another limit from now on; what each has used is forgotten when it is another one than before. */
void rates_change(struct rates *rates, unsigned limit);
unsigned rates_limit(const struct rates *rates);
void rates_free(struct rates *rates); /* NULL is allowed */
/* Takes one for `key` (not 0): 0, or the milliseconds after which there is one again. */
int64_t rates_take(struct rates *rates, uint64_t key, int64_t now_us);

#endif
