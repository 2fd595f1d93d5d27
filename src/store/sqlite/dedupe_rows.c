/* Where dedupe keys are kept: two tables that take turns (store/dedupe.h). */
#include <string.h>

#include "store/dedupe.h"
#include "store/sqlite/sqlite.h"

static const struct {
	enum query put, empty;
} tables[2] = {
    {QUERY_DEDUPE_PUT_A, QUERY_DEDUPE_EMPTY_A},
    {QUERY_DEDUPE_PUT_B, QUERY_DEDUPE_EMPTY_B},
};

static int get_meta(struct sqlite *s, const char *name, int64_t *value)
{
	struct run run = db_run(&s->db, QUERY_META_GET);
	run_text(&run, 1, slice_of(name));
	return sqlite_value(s, &run, value) < 0 ? -1 : 0;
}

static int put_meta(struct sqlite *s, const char *name, int64_t value)
{
	struct run run = db_run(&s->db, QUERY_META_PUT);
	run_text(&run, 1, slice_of(name));
	run_int(&run, 2, value);
	return sqlite_done(s, &run);
}

/* Changes the table when the present one has taken keys for a whole window: the other one's are all older than that. */
static int turn(struct sqlite *s)
{
	int64_t now_ms = s->base.now_ms;
	if (!s->turn_known) {
		if (get_meta(s, "dedupe_turn", &s->turn) || get_meta(s, "dedupe_began_ms", &s->turn_began_ms))
			return -1;
		s->turn = s->turn != 0;
		s->turn_known = true;
	}
	if (now_ms - s->turn_began_ms < s->base.env->dedupe_window_ms)
		return 0;
	s->turn = !s->turn;
	s->turn_began_ms = now_ms;
	struct run run = db_run(&s->db, tables[s->turn].empty);
	if (sqlite_done(s, &run) || put_meta(s, "dedupe_turn", s->turn) || put_meta(s, "dedupe_began_ms", now_ms))
		return -1;
	return 0;
}

/* 1 and the newest entry of the key, 0, -1. */
static int find(struct sqlite *s, const struct dedupe_key *key, struct dedupe_entry *entry)
{
	struct run run = db_run(&s->db, QUERY_DEDUPE_FIND);
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

int sqlite_dedupe_check(struct sqlite *s, struct publish_item *item, bool known[2])
{
	int result = DEDUPE_FRESH;
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
	for (unsigned i = 0; i < item->keys_len; i++) {
		if (known[i])
			continue;
		if (turn(s))
			return -1;
		struct run run = db_run(&s->db, tables[s->turn].put);
		run_blob(&run, 1, item->keys[i].hash, sizeof item->keys[i].hash);
		run_blob(&run, 2, item->content, sizeof item->content);
		run_int(&run, 3, item->event_id);
		run_int(&run, 4, item->deliveries);
		run_int(&run, 5, s->base.now_ms);
		if (sqlite_done(s, &run))
			return -1;
	}
	return 0;
}
