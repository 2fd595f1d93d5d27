/* What is remembered of a key, and remembering more (store/dedupe.h). */
#include <string.h>

#include "store/dedupe.h"
#include "store/sqlite/dedupe_runs.h"
#include "store/sqlite/sqlite.h"

/* 1: the bucket's row has the key. */
static int find_in_run(struct sqlite *s, const struct dedupe_run *run, const struct dedupe_key *key, struct dedupe_entry *entry)
{
	struct run get = db_run(&s->db, QUERY_DEDUPE_BUCKET_GET);
	run_int(&get, 1, dedupe_bucket_id(run, dedupe_bucket(key->hash, (uint32_t)run->buckets)));
	int row = sqlite_row(s, &get);
	if (row <= 0)
		return row;
	struct slice entries = run_blob_at(&get, 0);
	const uint8_t *packed = dedupe_last_of((const uint8_t *)entries.at, entries.len / DEDUPE_PACKED, key);
	if (packed)
		dedupe_unpack(packed, entry);
	run_end(&get);
	return packed != NULL;
}

static int find_in_runs(struct sqlite *s, const struct dedupe_key *key, struct dedupe_entry *entry)
{
	struct dedupe_store *d = &s->dedupe;
	int64_t over_ms = s->base.now_ms - s->base.env->dedupe_window_ms;
	int found = 0;
	dedupe_filters_ask(&d->filters, key->hash);
	for (size_t i = d->runs_len; i > 0 && found == 0; i--) {
		const struct dedupe_run *run = &d->runs[i - 1];
		if (run->state == DEDUPE_RUN_WHOLE && run->newest_ms > over_ms && dedupe_filters_may(&d->filters, run->filter))
			found = find_in_run(s, run, key, entry);
	}
	return found;
}

/* The newer of two: one of them may hold a time that is over already. */
static int find_in_tables(struct sqlite *s, const struct dedupe_key *key, struct dedupe_entry *entry)
{
	struct run run = db_run(&s->db, QUERY_DEDUPE_TABLES_FIND);
	run_blob(&run, 1, key->hash, sizeof key->hash);
	int found = 0;
	int row;
	while ((row = sqlite_row(s, &run)) > 0) {
		struct slice content = run_blob_at(&run, 0);
		int64_t at_ms = run_int_at(&run, 3);
		if (content.len != sizeof entry->content || (found && at_ms <= entry->at_ms))
			continue;
		memcpy(entry->content, content.at, sizeof entry->content);
		entry->event = run_int_at(&run, 1);
		entry->deliveries = run_int_at(&run, 2);
		entry->at_ms = at_ms;
		found = 1;
	}
	return row < 0 ? -1 : found;
}

/* 1 and the newest entry of the key, 0, -1. A key is remembered again only when what was remembered is over: so the newest is the
 * first that is found on the way back. */
static int find(struct sqlite *s, const struct dedupe_key *key, struct dedupe_entry *entry)
{
	const struct dedupe_store *d = &s->dedupe;
	const uint8_t *packed = dedupe_recent_find(&d->young, key);
	if (!packed)
		packed = dedupe_recent_find(&d->frozen, key);
	if (packed) {
		dedupe_unpack(packed, entry);
		return 1;
	}
	int found = find_in_runs(s, key, entry);
	return found == 0 && d->tables ? find_in_tables(s, key, entry) : found;
}

int sqlite_dedupe_check(struct sqlite *s, struct publish_item *item, bool known[2])
{
	int result = DEDUPE_FRESH;
	if (dedupe_load(s))
		return -1;
	for (unsigned i = 0; i < item->keys_len; i++) {
		struct dedupe_entry entry = {0};
		int found = find(s, &item->keys[i], &entry);
		if (found < 0)
			return -1;
		int64_t window_ms = s->base.env->dedupe_window_ms;
		enum dedupe_verdict verdict = dedupe_judge(found ? &entry : NULL, item->content, s->base.now_ms, window_ms);
		known[i] = verdict != DEDUPE_FRESH;
		if (verdict == DEDUPE_REUSED)
			return DEDUPE_REUSED;
		if (verdict == DEDUPE_REPEATED && result == DEDUPE_FRESH) {
			item->event_id = entry.event;
			item->deliveries = (uint32_t)entry.deliveries;
			result = DEDUPE_REPEATED;
		}
	}
	return result;
}

int sqlite_dedupe_put(struct sqlite *s, const struct publish_item *item, const bool known[2])
{
	struct dedupe_store *d = &s->dedupe;
	for (unsigned i = 0; i < item->keys_len; i++) {
		if (known[i])
			continue;
		struct dedupe_entry entry = {.event = item->event_id, .deliveries = item->deliveries, .at_ms = s->base.now_ms};
		memcpy(entry.content, item->content, sizeof entry.content);
		uint8_t packed[DEDUPE_PACKED];
		dedupe_pack(packed, &item->keys[i], &entry);
		d->dirty = true;
		if (dedupe_recent_add(&d->young, packed, 1)) {
			db_failed(&s->db, SQLITE_NOMEM);
			return sqlite_failed(s);
		}
	}
	return 0;
}
