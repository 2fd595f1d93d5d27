/* Allocation. Small fixed objects may abort the process when memory is out (mem_new); anything whose size an outsider chooses
 * is a fallible allocation (malloc and a check). */
#ifndef GRAPNEL_BASE_MEM_H
#define GRAPNEL_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

/* Zeroed memory; aborts when there is none. Freed with free(). */
void *mem_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))
/* NUL-terminated copies; abort when there is no memory: for configuration-sized text only. */
char *mem_text(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_text_of(struct slice slice) __attribute__((malloc, returns_nonnull));

#endif
