/* Dedupe of the keys that callers gave, within a window of time. Behind these calls the first form is two tables that take
 * turns: one takes new keys for a window, the other holds the window before and is emptied whole, so nothing is ever deleted row
 * by row. Faster forms (memory for the recent, sorted runs for the old) may replace it. */
#ifndef GRAPNEL_STORE_DEDUPE_H
#define GRAPNEL_STORE_DEDUPE_H

#include "store/store.h"

enum dedupe_kind { DEDUPE_UID, DEDUPE_IDEMPOTENCY_KEY, DEDUPE_CLOUDEVENT /* (source, id), as one text */, DEDUPE_SOURCE };

/* The key's hash in its name space: source and subscriber (0: none), kind, text; `index` is a batch item's place when one
 * Idempotency-Key covers a whole request, else 0. */
struct dedupe_key dedupe_key_of(int64_t source, int64_t subscriber, enum dedupe_kind kind, struct slice text, size_t index);

/* What is remembered of a key. */
struct dedupe_entry {
	uint8_t content[16];
	int64_t event;
	int64_t deliveries;
	int64_t at_ms;
};

enum dedupe_verdict { DEDUPE_FRESH, DEDUPE_REPEATED, DEDUPE_REUSED };

/* What an entry (NULL: none was found) means for a publish of this content now. */
enum dedupe_verdict dedupe_judge(const struct dedupe_entry *entry, const uint8_t content[16], int64_t now_ms, int64_t window_ms);

#endif
