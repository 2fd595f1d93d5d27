/* Dedupe: the key's hash and the verdict; where keys are kept is the engine's. */
#include "store/dedupe.h"

#include <string.h>

#include "base/codec.h"

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(number >> shift);
	return at;
}

/* The fields before the text have a fixed length, so that no two different keys give the same bytes. The text is hashed first,
 * which bounds what is copied. */
struct dedupe_key dedupe_key_of(int64_t source, int64_t subscriber, enum dedupe_kind kind, struct slice text, size_t index)
{
	uint8_t bytes[4 * 8 + 32];
	uint8_t *at = put_number(bytes, (uint64_t)source);
	at = put_number(at, (uint64_t)subscriber);
	at = put_number(at, (uint64_t)kind);
	at = put_number(at, (uint64_t)index);
	codec_sha256(text.at, text.len, at);

	uint8_t hash[32];
	codec_sha256(bytes, sizeof bytes, hash);
	struct dedupe_key key;
	memcpy(key.hash, hash, sizeof key.hash);
	return key;
}

enum dedupe_verdict dedupe_judge(const struct dedupe_entry *entry, const uint8_t content[16], int64_t now_ms, int64_t window_ms)
{
	if (!entry || entry->at_ms + window_ms <= now_ms)
		return DEDUPE_FRESH;
	return memcmp(entry->content, content, sizeof entry->content) == 0 ? DEDUPE_REPEATED : DEDUPE_REUSED;
}
