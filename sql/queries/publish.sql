-- What a publish reads and writes.

-- name: event_insert
INSERT INTO events (id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, deliveries, type, uid, subject, ordering_key, traceparent,
                    tracestate, content_type, attributes, data, reach, context)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18);

-- name: delivery_insert
INSERT INTO deliveries (id, event, endpoint, subscriber, state, due_ms, expires_ms, order_key, round, reason, attempts, round_attempts, ended_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0);
