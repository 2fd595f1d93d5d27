/* A growing byte buffer with a cap given at birth. It always ends in a NUL that `len` does not count. Going over the cap or
 * out of memory sets `failed`, drops the bytes that did not fit, and every later append does nothing: check once, at the end.
 * Owned by one thread. */
#ifndef GRAPNEL_BASE_STRBUF_H
#define GRAPNEL_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct strbuf {
	char *data; /* NULL until the first append; strbuf_text() never is */
	size_t len;
	size_t cap;
	size_t max_bytes;
	bool failed;
};

#define STRBUF_INIT(max) ((struct strbuf){.max_bytes = (max)})

void strbuf_free(struct strbuf *buf);  /* back to empty, max_bytes kept */
void strbuf_clear(struct strbuf *buf); /* len 0, failed false, memory kept */
void strbuf_append(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_slice(struct strbuf *buf, struct slice slice);
void strbuf_putc(struct strbuf *buf, char byte);
void strbuf_printf(struct strbuf *buf, const char *format, ...) ATTR_PRINTF(2, 3);
const char *strbuf_text(const struct strbuf *buf);
/* Hands the memory (NUL-terminated, malloc) to the caller; NULL when it failed or was never written. The buffer is empty. */
char *strbuf_steal(struct strbuf *buf, size_t *len);

#endif
