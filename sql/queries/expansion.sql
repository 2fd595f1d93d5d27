-- Fan-outs that are not made whole yet.

-- name: expansion_insert
INSERT INTO expansions (event, last, targets) VALUES (?1, ?2, ?3);

-- name: expansion_first
SELECT event, last, targets FROM expansions ORDER BY event, last LIMIT 1;

-- name: expansion_event_after
SELECT event FROM expansions WHERE event > ?1 ORDER BY event LIMIT 1;

-- name: expansion_at
SELECT event, last, targets FROM expansions WHERE event = ?1 AND last >= ?2 ORDER BY last LIMIT 1;

-- name: expansion_put
UPDATE expansions SET targets = ?3 WHERE event = ?1 AND last = ?2;

-- name: expansion_delete
DELETE FROM expansions WHERE event = ?1 AND last = ?2;

-- name: expansion_left
SELECT coalesce(sum(length(targets)), 0) / 8 FROM expansions WHERE event = ?1;

-- The payload only of an event that is small.
-- name: expansion_event
SELECT id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, type, uid, subject, ordering_key, traceparent, tracestate, content_type,
       attributes, CASE WHEN length(data) <= ?2 THEN data END, context
FROM events WHERE id = ?1;
