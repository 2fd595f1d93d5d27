-- Sending again by hand: what an event reached, and what an endpoint missed.

-- Without the payload.
-- name: repair_event
SELECT id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, type, uid, subject, ordering_key, traceparent, tracestate, content_type,
       attributes, reach
FROM events WHERE id = ?1;

-- What was erased cannot be sent any more.
-- name: repair_events
SELECT id, subscriber, time_ms, expires_at_ms, type, reach FROM events WHERE id > ?1 AND id < ?2 AND erased_ms IS NULL ORDER BY id;

-- name: repair_delivery
SELECT id, state, ended_ms, expires_ms, subscriber FROM deliveries INDEXED BY deliveries_event WHERE event = ?1 AND endpoint = ?2 LIMIT 1;

-- name: repair_endpoints
SELECT endpoint FROM deliveries INDEXED BY deliveries_event WHERE event = ?1 AND (?3 = 0 OR subscriber = ?3) ORDER BY id LIMIT ?2;

-- One more was made than when it was published.
-- name: repair_count
UPDATE events SET deliveries = deliveries + 1 WHERE id = ?1;
