/* The hub's one memory budget, in bytes: request bodies, the writer's queue and the scheduler's cached payloads are reserved
 * here before they are promised. Thread-safe, no locks. */
#ifndef GRAPNEL_BASE_BUDGET_H
#define GRAPNEL_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t limit_bytes;
	atomic_size_t used_bytes;
};

static inline void budget_init(struct budget *budget, size_t limit_bytes)
{
	budget->limit_bytes = limit_bytes;
	atomic_init(&budget->used_bytes, 0);
}

/* False, and nothing reserved, when it would go over the limit. */
static inline bool budget_reserve(struct budget *budget, size_t bytes)
{
	size_t before = atomic_fetch_add(&budget->used_bytes, bytes);
	if (before + bytes <= budget->limit_bytes)
		return true;
	atomic_fetch_sub(&budget->used_bytes, bytes);
	return false;
}

/* Whether so many bytes more would stay within `bound`, which may be a part of the limit. Reserves nothing. */
static inline bool budget_fits(struct budget *budget, size_t bytes, size_t bound)
{
	size_t used = atomic_load(&budget->used_bytes);
	return used <= bound && bytes <= bound - used;
}

static inline void budget_release(struct budget *budget, size_t bytes)
{
	atomic_fetch_sub(&budget->used_bytes, bytes);
}

/* Takes the bytes even over the limit: for memory that is there already and only changes its holder. */
static inline void budget_force(struct budget *budget, size_t bytes)
{
	atomic_fetch_add(&budget->used_bytes, bytes);
}

static inline size_t budget_used(struct budget *budget)
{
	return atomic_load(&budget->used_bytes);
}

#endif
