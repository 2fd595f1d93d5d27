-- Retention: what is old and finished goes. Erasure: what an event said goes, the row stays.

-- name: retire_event_next
SELECT id FROM events WHERE id > ?1 ORDER BY id LIMIT 1;

-- Its deliveries, with what decides whether they may go.
-- name: retire_deliveries
SELECT id, state, ended_ms FROM deliveries INDEXED BY deliveries_event WHERE event = ?1 AND id > ?2 ORDER BY id LIMIT ?3;

-- name: retire_expands
SELECT 1 FROM expansions WHERE event = ?1 LIMIT 1;

-- name: retire_dead
SELECT id, event FROM deliveries INDEXED BY deliveries_dead WHERE state = 3 AND ended_ms < ?1 ORDER BY ended_ms LIMIT ?2;

-- name: retire_attempts
SELECT id, delivery, started_ms FROM attempts WHERE id > ?1 ORDER BY id LIMIT ?2;

-- name: delivery_unfinished
SELECT state < 2 FROM deliveries WHERE id = ?1;

-- name: attempt_delete
DELETE FROM attempts WHERE id = ?1;

-- name: attempts_delete
DELETE FROM attempts WHERE delivery = ?1;

-- name: delivery_delete
DELETE FROM deliveries WHERE id = ?1;

-- name: event_delete
DELETE FROM events WHERE id = ?1;

-- name: retire_audit
DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ?1 ORDER BY id LIMIT ?2);

-- name: retire_operations
DELETE FROM operations WHERE id IN (SELECT id FROM operations WHERE id < ?1 AND ended_ms <> 0 ORDER BY id LIMIT ?2);

-- Deleted endpoints of which nothing is left that refers to them but what retention keeps for others.
-- name: retire_tombstones
SELECT id FROM endpoints INDEXED BY endpoints_status WHERE status = 3 AND status_since_ms < ?1 AND id > ?2 ORDER BY id LIMIT ?3;

-- name: tombstone_needed
SELECT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0)
    OR EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_order WHERE endpoint = ?1 AND order_key IS NOT NULL AND state < 2)
    OR EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_dead_endpoint WHERE endpoint = ?1 AND state = 3)
    OR EXISTS (SELECT 1 FROM operations INDEXED BY operations_open WHERE ended_ms = 0 AND endpoint = ?1);

-- name: tombstone_delete
DELETE FROM endpoints WHERE id = ?1 AND status = 3;

-- name: tombstone_verification
DELETE FROM endpoint_verifications WHERE endpoint = ?1;

-- name: tombstone_drill
DELETE FROM endpoint_drills WHERE endpoint = ?1;

-- name: tombstone_health
DELETE FROM endpoint_health WHERE endpoint = ?1;

-- Bulk work that sends again what is stored.
-- name: operations_sending
SELECT count(*) FROM operations INDEXED BY operations_open WHERE ended_ms = 0 AND kind IN (1, 5);

-- name: event_oldest
SELECT id FROM events WHERE id > 0 ORDER BY id LIMIT 1;

-- name: event_erased
SELECT coalesce(erased_ms, 0) FROM events WHERE id = ?1;

-- What says something of somebody goes; what tells that the event was, and what became of it, stays.
-- name: event_erase
UPDATE events SET data = x'', context = NULL, attributes = NULL, subject = NULL, ordering_key = NULL, tracestate = NULL, erased_ms = ?2
WHERE id = ?1;

-- An unfinished ordered one needs its key.
-- name: delivery_erase
UPDATE deliveries SET order_key = NULL, last_detail = NULL WHERE id = ?1 AND state > 1;

-- name: attempts_with_response
SELECT count(*) FROM attempts WHERE delivery = ?1 AND response IS NOT NULL;

-- name: attempts_erase
UPDATE attempts SET response = NULL, detail = NULL WHERE delivery = ?1;

-- The hub's own events that belong to nobody name in their subject the endpoint that they tell of.
-- name: erase_walk_events
SELECT id, subscriber, erased_ms IS NULL, CASE WHEN subscriber = 0 AND type GLOB 'grapnel.*' THEN subject END FROM events WHERE id > ?1 ORDER BY id;

-- name: erase_walk_deliveries
SELECT id, subscriber, 1 FROM deliveries WHERE id > ?1 ORDER BY id;

-- name: erase_walk_audit
SELECT id, subscriber, coalesce(before, after) IS NOT NULL AND action NOT IN ('subscriber.erase', 'event.erase') FROM audit WHERE id > ?1 ORDER BY id;

-- name: audit_erase
UPDATE audit SET before = NULL, after = NULL WHERE id = ?1;

-- name: endpoints_of_subscriber
SELECT id FROM endpoints INDEXED BY endpoints_subscriber WHERE subscriber = ?1 AND status <> 3 ORDER BY id LIMIT ?2;

-- name: tombstones_of_subscriber
SELECT id FROM endpoints INDEXED BY endpoints_deleted WHERE subscriber = ?1 AND status = 3 AND id > ?2 ORDER BY id LIMIT ?3;

-- name: tombstone_erase
UPDATE endpoints SET doc = ?2 WHERE id = ?1 AND status = 3;
