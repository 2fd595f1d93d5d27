-- What the scheduler, the workers and the lists read.

-- name: event_get
SELECT id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, type, uid, subject, ordering_key, traceparent, tracestate, content_type,
       attributes, data, context, request, erased_ms
FROM events WHERE id = ?1;

-- name: lane_after
SELECT endpoint, due_ms FROM deliveries INDEXED BY deliveries_due WHERE endpoint > ?1 AND state = 0 ORDER BY endpoint, due_ms LIMIT 1;

-- name: lane
SELECT id, event, endpoint, due_ms, expires_ms, round, attempts, round_attempts FROM deliveries INDEXED BY deliveries_due
WHERE endpoint = ?1 AND state = 0 ORDER BY due_ms, id LIMIT ?2;

-- name: expired
SELECT id, event, endpoint, due_ms, expires_ms, round, attempts, round_attempts FROM deliveries INDEXED BY deliveries_expiry
WHERE expires_ms IS NOT NULL AND state < 2 AND expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2;

-- name: expiry_first
SELECT expires_ms FROM deliveries INDEXED BY deliveries_expiry WHERE expires_ms IS NOT NULL AND state < 2 ORDER BY expires_ms LIMIT 1;

-- name: event_row
SELECT id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, type, uid, subject, ordering_key, traceparent, tracestate, content_type,
       attributes, deliveries, length(data), reach, erased_ms, context, request
FROM events WHERE id = ?1;

-- name: events_asc
SELECT id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, type, uid, subject, ordering_key, traceparent, tracestate, content_type,
       attributes, deliveries, length(data), reach, erased_ms
FROM events WHERE id > ?1 AND id < ?2 ORDER BY id;

-- name: events_desc
SELECT id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, type, uid, subject, ordering_key, traceparent, tracestate, content_type,
       attributes, deliveries, length(data), reach, erased_ms
FROM events WHERE id > ?1 AND id < ?2 ORDER BY id DESC;

-- name: event_brief
SELECT type, uid, subject, ordering_key, erased_ms FROM events WHERE id = ?1;

-- name: event_of_uid
SELECT id FROM events INDEXED BY events_uid WHERE uid = ?1 AND uid IS NOT NULL AND subscriber = ?2 ORDER BY id DESC LIMIT 1;

-- name: event_of_uid_first
SELECT id, subscriber FROM events INDEXED BY events_uid WHERE uid = ?1 AND uid IS NOT NULL ORDER BY subscriber, id LIMIT 1;

-- name: event_of_uid_last
SELECT id, subscriber FROM events INDEXED BY events_uid WHERE uid = ?1 AND uid IS NOT NULL ORDER BY subscriber DESC, id DESC LIMIT 1;

-- name: delivery_row
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries WHERE id = ?1;

-- name: deliveries_of_event_asc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries INDEXED BY deliveries_event WHERE event = ?2 AND id > ?1 ORDER BY id;

-- name: deliveries_of_event_desc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries INDEXED BY deliveries_event WHERE event = ?2 AND id < ?1 ORDER BY id DESC;

-- name: attempts_of_delivery
SELECT number, round, started_ms, duration_ms, status, failure, detail, response FROM attempts WHERE delivery = ?1 ORDER BY number;

-- name: attempt_of_row
SELECT attempts, round, last_started_ms, last_duration_ms, last_status, last_failure, last_detail FROM deliveries WHERE id = ?1;

-- Dead letters, after (?1, ?2) in the order of (ended_ms, id), died in ?3 ≤ t < ?4; per endpoint or all.

-- name: dead_asc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries INDEXED BY deliveries_dead
WHERE state = 3 AND ended_ms >= max(?1, ?3) AND ended_ms < ?4 AND (ended_ms, id) > (?1, ?2) ORDER BY ended_ms, id;

-- name: dead_desc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries INDEXED BY deliveries_dead
WHERE state = 3 AND ended_ms >= ?3 AND ended_ms <= min(?1, ?4 - 1) AND (ended_ms, id) < (?1, ?2) ORDER BY ended_ms DESC, id DESC;

-- name: dead_of_endpoint_asc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries INDEXED BY deliveries_dead_endpoint
WHERE endpoint = ?5 AND state = 3 AND ended_ms >= max(?1, ?3) AND ended_ms < ?4 AND (ended_ms, id) > (?1, ?2) ORDER BY ended_ms, id;

-- name: dead_of_endpoint_desc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries INDEXED BY deliveries_dead_endpoint
WHERE endpoint = ?5 AND state = 3 AND ended_ms >= ?3 AND ended_ms <= min(?1, ?4 - 1) AND (ended_ms, id) < (?1, ?2)
ORDER BY ended_ms DESC, id DESC;
