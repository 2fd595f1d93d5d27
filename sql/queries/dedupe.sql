-- Dedupe keys: see src/store/sqlite/dedupe_state.h.

-- name: dedupe_log_put
INSERT INTO dedupe_log (seq, entries) VALUES (?1, ?2);

-- name: dedupe_log_after
SELECT seq, entries FROM dedupe_log WHERE seq > ?1 ORDER BY seq;

-- name: dedupe_log_first
SELECT seq FROM dedupe_log WHERE seq >= 0 ORDER BY seq LIMIT 1;

-- name: dedupe_log_delete
DELETE FROM dedupe_log WHERE seq >= ?1 AND seq <= ?2;

-- name: dedupe_runs_all
SELECT id, state, last_seq, keys, buckets, newest_ms FROM dedupe_runs WHERE id > 0 ORDER BY id;

-- name: dedupe_run_put
INSERT OR REPLACE INTO dedupe_runs (id, state, last_seq, keys, buckets, newest_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- name: dedupe_run_delete
DELETE FROM dedupe_runs WHERE id = ?1;

-- name: dedupe_filter_get
SELECT filter FROM dedupe_filters WHERE run = ?1;

-- name: dedupe_filter_put
INSERT INTO dedupe_filters (run, filter) VALUES (?1, ?2);

-- name: dedupe_filter_delete
DELETE FROM dedupe_filters WHERE run = ?1;

-- name: dedupe_bucket_get
SELECT entries FROM dedupe_buckets WHERE id = ?1;

-- name: dedupe_bucket_put
INSERT INTO dedupe_buckets (id, entries) VALUES (?1, ?2);

-- name: dedupe_bucket_last
SELECT id FROM dedupe_buckets WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1;

-- name: dedupe_buckets_delete
DELETE FROM dedupe_buckets WHERE id >= ?1 AND id <= ?2;

-- The tables of before.

-- name: dedupe_tables_find
SELECT content, event, deliveries, at_ms FROM dedupe_a WHERE key = ?1
UNION ALL
SELECT content, event, deliveries, at_ms FROM dedupe_b WHERE key = ?1;

-- name: dedupe_tables_any
SELECT EXISTS (SELECT 1 FROM dedupe_a WHERE key >= x'') OR EXISTS (SELECT 1 FROM dedupe_b WHERE key >= x'');

-- name: dedupe_tables_delete_a
DELETE FROM dedupe_a WHERE key IN (SELECT key FROM dedupe_a WHERE key >= x'' ORDER BY key LIMIT ?1);

-- name: dedupe_tables_delete_b
DELETE FROM dedupe_b WHERE key IN (SELECT key FROM dedupe_b WHERE key >= x'' ORDER BY key LIMIT ?1);
