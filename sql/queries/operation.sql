-- Bulk work.

-- name: operation_get
SELECT id, kind, subscriber, endpoint, started_ms, ended_ms, max_id, cursor_key, cursor_id, done, skipped, total, cancelled, filter
FROM operations WHERE id = ?1;

-- name: operation_open_after
SELECT id FROM operations INDEXED BY operations_open WHERE ended_ms = 0 AND id > ?1 ORDER BY id LIMIT 1;

-- name: operation_insert
INSERT INTO operations (id, kind, subscriber, endpoint, started_ms, max_id, total, filter, ended_ms, cursor_key, cursor_id, done, skipped, cancelled)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, 0, 0, 0);

-- name: operation_progress
UPDATE operations SET ended_ms = ?2, cursor_key = ?3, cursor_id = ?4, done = ?5, skipped = ?6, total = ?7, cancelled = ?8 WHERE id = ?1;

-- name: operations_asc
SELECT id, kind, subscriber, endpoint, started_ms, ended_ms, max_id, cursor_key, cursor_id, done, skipped, total, cancelled, filter
FROM operations WHERE id > ?1 ORDER BY id;

-- name: operations_desc
SELECT id, kind, subscriber, endpoint, started_ms, ended_ms, max_id, cursor_key, cursor_id, done, skipped, total, cancelled, filter
FROM operations WHERE id < ?1 ORDER BY id DESC;
