/* Runs of bytes that mean themselves in a JSON string. Private to json/. */
#ifndef GRAPNEL_JSON_RUN_H
#define GRAPNEL_JSON_RUN_H

#include <stdint.h>
#include <string.h>

#define JSON_RUN_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define JSON_RUN_ZERO(word) (((word)-JSON_RUN_EACH(1)) & ~(word))

/* The first byte from `at` on that is a quote, a backslash, a control character or not ASCII; `end` when there is none. */
static inline const char *json_run_end(const char *at, const char *end)
{
	/* Eight bytes at once: a high bit of `stop` is set when some byte stops the run (it may not tell which one). */
	uint64_t word;
	for (; end - at >= (ptrdiff_t)sizeof word; at += sizeof word) {
		memcpy(&word, at, sizeof word);
		uint64_t quote = word ^ JSON_RUN_EACH('"');
		uint64_t backslash = word ^ JSON_RUN_EACH('\\');
		uint64_t stop = JSON_RUN_ZERO(quote) | JSON_RUN_ZERO(backslash) | (word - JSON_RUN_EACH(0x20)) | word;
		if (stop & JSON_RUN_EACH(0x80))
			break;
	}
	while (at < end && *at != '"' && *at != '\\' && (unsigned char)(*at - 0x20) < 0x60)
		at++;
	return at;
}

#endif
