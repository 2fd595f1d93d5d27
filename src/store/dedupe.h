/* Dedupe of the keys that callers gave, within a window of time, and at most so many. An engine writes them only in sequence: the
 * recent ones are in memory (dedupe_recent.h) and in a log, older ones in runs in the order of the key, which never change, have a
 * filter in memory (dedupe_filter.h), and go whole when their window is over. */
#ifndef GRAPNEL_STORE_DEDUPE_H
#define GRAPNEL_STORE_DEDUPE_H

#include "store/store.h"

/* Keys of a run. In memory: twice as many entries at most, and 2 bytes for each key of a run. */
enum { DEDUPE_RUN_KEYS = 1 << 18 };

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
