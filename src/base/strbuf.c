/* The growing byte buffer. Invariant: with data, len < cap <= max_bytes + 1, and data[len] is NUL. */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRBUF_FIRST_BYTES = 64 };

void strbuf_free(struct strbuf *buf)
{
	free(buf->data);
	*buf = STRBUF_INIT(buf->max_bytes);
}

void strbuf_clear(struct strbuf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Room for `more` bytes and the NUL. */
static bool strbuf_room(struct strbuf *buf, size_t more)
{
	if (buf->failed)
		return false;
	if (more > buf->max_bytes - buf->len || more >= SIZE_MAX - buf->len)
		goto fail;
	size_t need = buf->len + more + 1;
	if (need <= buf->cap)
		return true;
	size_t cap = buf->cap > SIZE_MAX / 2 ? SIZE_MAX : buf->cap * 2;
	if (cap < STRBUF_FIRST_BYTES)
		cap = STRBUF_FIRST_BYTES;
	if (cap > buf->max_bytes && buf->max_bytes < SIZE_MAX)
		cap = buf->max_bytes + 1;
	if (cap < need)
		cap = need;
	char *data = realloc(buf->data, cap);
	if (!data)
		goto fail;
	data[buf->len] = '\0';
	buf->data = data;
	buf->cap = cap;
	return true;
fail:
	buf->failed = true;
	return false;
}

void strbuf_append(struct strbuf *buf, const void *bytes, size_t len)
{
	if (!strbuf_room(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_append(buf, text, strlen(text));
}

void strbuf_slice(struct strbuf *buf, struct slice slice)
{
	strbuf_append(buf, slice.at, slice.len);
}

void strbuf_putc(struct strbuf *buf, char byte)
{
	strbuf_append(buf, &byte, 1);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	if (!strbuf_room(buf, 0))
		return;
	va_list arguments;
	va_start(arguments, format);
	va_list again;
	va_copy(again, arguments);
	int len = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, arguments);
	va_end(arguments);
	if (len < 0) {
		buf->failed = true;
		len = 0;
	} else if ((size_t)len >= buf->cap - buf->len) {
		if (strbuf_room(buf, (size_t)len))
			vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, again);
		else
			len = 0;
	}
	va_end(again);
	buf->len += (size_t)len;
	buf->data[buf->len] = '\0';
}

const char *strbuf_text(const struct strbuf *buf)
{
	return buf->data ? buf->data : "";
}

char *strbuf_steal(struct strbuf *buf, size_t *len)
{
	char *data = NULL;
	size_t data_len = 0;
	if (buf->failed) {
		free(buf->data);
	} else {
		data = buf->data;
		data_len = buf->len;
	}
	*buf = STRBUF_INIT(buf->max_bytes);
	if (len)
		*len = data_len;
	return data;
}
