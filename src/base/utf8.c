/* UTF-8: checking, encoding, and cutting at a boundary. */
#include "base/utf8.h"

#include <stdbool.h>

static bool utf8_continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The second byte's range excludes overlong forms (e0, f0), surrogates (ed) and what is above U+10FFFF (f4). */
static bool utf8_second_fits(unsigned char first, unsigned char second)
{
	if (first == 0xe0)
		return second >= 0xa0 && second <= 0xbf;
	if (first == 0xed)
		return second >= 0x80 && second <= 0x9f;
	if (first == 0xf0)
		return second >= 0x90 && second <= 0xbf;
	if (first == 0xf4)
		return second >= 0x80 && second <= 0x8f;
	return utf8_continues(second);
}

/* What the first byte promises; 0: it begins nothing. */
static size_t utf8_promise(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

size_t utf8_sequence(const char *at, const char *end)
{
	if (at >= end)
		return 0;
	const unsigned char *bytes = (const unsigned char *)at;
	size_t len = utf8_promise(bytes[0]);
	if (len <= 1)
		return len;
	if ((size_t)(end - at) < len || !utf8_second_fits(bytes[0], bytes[1]))
		return 0;
	for (size_t i = 2; i < len; i++)
		if (!utf8_continues(bytes[i]))
			return 0;
	return len;
}

size_t utf8_encode(uint32_t point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

size_t utf8_trim(const char *text, size_t len)
{
	size_t back = 0;
	while (back < 3 && back < len && utf8_continues((unsigned char)text[len - 1 - back]))
		back++;
	if (back == len)
		return len;
	size_t promise = utf8_promise((unsigned char)text[len - 1 - back]);
	return promise > back + 1 ? len - 1 - back : len;
}
