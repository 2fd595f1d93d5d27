-- What a publish reads and writes.

-- name: event_insert
INSERT INTO events (id, subscriber, source, time_ms, deliver_at_ms, expires_at_ms, deliveries, type, uid, subject, ordering_key, traceparent,
                    tracestate, content_type, attributes, data, reach, context, request)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19);

-- name: delivery_insert
INSERT INTO deliveries (id, event, endpoint, subscriber, state, due_ms, expires_ms, order_key, round, reason, attempts, round_attempts, ended_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0);

-- Several pending ones of an event, of endpoints that are not ordered: the table and its indexes are opened once for all of them.
-- OR FAIL: a failure ends the whole transaction anyway, and to undo this statement alone each page would be copied before it is changed.

-- name: deliveries_insert_4
INSERT OR FAIL INTO deliveries (id, event, endpoint, subscriber, state, due_ms, expires_ms, order_key, round, reason, attempts, round_attempts,
                                ended_ms)
VALUES (?5, ?1, ?6, ?7, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?8, ?1, ?9, ?10, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?11, ?1, ?12, ?13, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?14, ?1, ?15, ?16, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0);

-- name: deliveries_insert_16
INSERT OR FAIL INTO deliveries (id, event, endpoint, subscriber, state, due_ms, expires_ms, order_key, round, reason, attempts, round_attempts,
                                ended_ms)
VALUES (?5, ?1, ?6, ?7, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?8, ?1, ?9, ?10, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?11, ?1, ?12, ?13, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?14, ?1, ?15, ?16, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?17, ?1, ?18, ?19, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?20, ?1, ?21, ?22, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?23, ?1, ?24, ?25, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?26, ?1, ?27, ?28, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?29, ?1, ?30, ?31, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?32, ?1, ?33, ?34, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?35, ?1, ?36, ?37, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?38, ?1, ?39, ?40, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?41, ?1, ?42, ?43, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?44, ?1, ?45, ?46, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?47, ?1, ?48, ?49, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0),
       (?50, ?1, ?51, ?52, 0, ?2, ?3, NULL, ?4, 0, 0, 0, 0);
