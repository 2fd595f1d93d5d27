/* Allocation that aborts: for small fixed objects only. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void *mem_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);
	if (!memory)
		log_fatal("base", "out of memory for %zu bytes", bytes);
	return memory;
}

char *mem_text_of(struct slice slice)
{
	char *text = mem_alloc(slice.len + 1);
	if (slice.len)
		memcpy(text, slice.at, slice.len);
	return text;
}

char *mem_text(const char *text)
{
	return mem_text_of(slice_of(text));
}
