-- Changes of deliveries. Every query that is meant for a partial index repeats that index's condition word by word.

-- The state of the row and the round are those the outcome was made in; otherwise no row changes.
-- name: outcome_apply
UPDATE deliveries SET state = ?3, reason = ?4, due_ms = coalesce(?5, due_ms), ended_ms = ?6, attempts = attempts + 1,
       round_attempts = round_attempts + 1, last_started_ms = ?7, last_duration_ms = ?8, last_status = ?9, last_failure = ?10, last_detail = ?11
WHERE id = ?1 AND round = ?2 AND state = 0;

-- It ended without a request.
-- name: outcome_end
UPDATE deliveries SET state = ?3, reason = ?4, due_ms = coalesce(?5, due_ms), ended_ms = ?6 WHERE id = ?1 AND round = ?2 AND state = ?7;

-- An attempt whose outcome came too late to be applied.
-- name: outcome_late
UPDATE deliveries SET attempts = attempts + 1, last_started_ms = ?2, last_duration_ms = ?3, last_status = ?4, last_failure = ?5, last_detail = ?6
WHERE id = ?1;

-- The number is that of the row, which has counted this attempt already.
-- name: attempt_insert
INSERT INTO attempts (delivery, number, round, started_ms, duration_ms, status, failure, detail, response)
SELECT id, attempts, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM deliveries WHERE id = ?1;

-- An attempt that stands only in the delivery's row (a success on the first try) becomes a row of its own before it is overwritten.
-- name: attempt_keep_last
INSERT INTO attempts (delivery, number, round, started_ms, duration_ms, status, failure, detail)
SELECT id, attempts, round, last_started_ms, last_duration_ms, last_status, last_failure, last_detail FROM deliveries
WHERE id = ?1 AND attempts > 0 AND NOT EXISTS (SELECT 1 FROM attempts WHERE delivery = ?1 AND number = deliveries.attempts);

-- name: delivery_get
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, round_attempts, due_ms, ended_ms, expires_ms, order_key
FROM deliveries WHERE id = ?1;

-- name: delivery_put
UPDATE deliveries SET state = ?2, reason = ?3, round = ?4, round_attempts = ?5, due_ms = ?6, ended_ms = ?7 WHERE id = ?1;

-- name: delivery_order_key
SELECT order_key FROM deliveries WHERE id = ?1;

-- name: delivery_promote
UPDATE deliveries SET state = ?2 WHERE id = ?1;

-- name: order_any
SELECT id FROM deliveries INDEXED BY deliveries_order
WHERE endpoint = ?1 AND order_key = ?2 AND order_key IS NOT NULL AND state < 2 LIMIT 1;

-- name: order_head
SELECT id FROM deliveries INDEXED BY deliveries_order
WHERE endpoint = ?1 AND order_key = ?2 AND order_key IS NOT NULL AND state < 2 AND state = 0 LIMIT 1;

-- name: order_next
SELECT id, event, due_ms, expires_ms, round, attempts, round_attempts FROM deliveries INDEXED BY deliveries_order
WHERE endpoint = ?1 AND order_key = ?2 AND order_key IS NOT NULL AND state < 2 AND state = 1 ORDER BY event, id LIMIT 1;

-- name: order_endpoint_after
SELECT endpoint FROM deliveries INDEXED BY deliveries_order
WHERE endpoint > ?1 AND order_key IS NOT NULL AND state < 2 ORDER BY endpoint LIMIT 1;

-- name: pending_ids
SELECT id FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0 ORDER BY due_ms, id LIMIT ?2;

-- name: unfinished_count
SELECT (SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0 LIMIT ?2))
     + (SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_order
                              WHERE endpoint = ?1 AND order_key IS NOT NULL AND state < 2 AND state = 1 LIMIT ?2));
