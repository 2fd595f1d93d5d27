-- Lists of deliveries, what explains a delivery, and the numbers of the overview.

-- name: deliveries_asc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries WHERE id > ?1 AND id < ?2 ORDER BY id;

-- name: deliveries_desc
SELECT id, event, endpoint, subscriber, state, reason, round, attempts, due_ms, ended_ms, expires_ms, last_started_ms, last_duration_ms,
       last_status, last_failure, last_detail
FROM deliveries WHERE id > ?1 AND id < ?2 ORDER BY id DESC;

-- The ids of a partial index, in its order; nothing but the index is read. Of ordered ones: pending and held.

-- name: ids_pending
SELECT id FROM deliveries INDEXED BY deliveries_due WHERE state = 0;

-- name: ids_pending_of_endpoint
SELECT id FROM deliveries INDEXED BY deliveries_due WHERE endpoint = ?1 AND state = 0;

-- name: ids_ordered
SELECT id FROM deliveries INDEXED BY deliveries_order WHERE order_key IS NOT NULL AND state < 2;

-- name: ids_ordered_of_endpoint
SELECT id FROM deliveries INDEXED BY deliveries_order WHERE endpoint = ?1 AND order_key IS NOT NULL AND state < 2;

-- name: ids_dead
SELECT id FROM deliveries INDEXED BY deliveries_dead WHERE state = 3;

-- name: ids_dead_of_endpoint
SELECT id FROM deliveries INDEXED BY deliveries_dead_endpoint WHERE endpoint = ?1 AND state = 3;

-- name: endpoints_of_status_asc
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints INDEXED BY endpoints_status
WHERE status = ?2 AND id > ?1 ORDER BY id;

-- name: endpoints_of_status_desc
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints INDEXED BY endpoints_status
WHERE status = ?2 AND id < ?1 ORDER BY id DESC;

-- Deleted ones, too.
-- name: endpoint_ever
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints WHERE id = ?1;

-- name: endpoint_owner
SELECT subscriber FROM endpoints WHERE id = ?1;

-- name: delivery_of_event_at
SELECT id FROM deliveries INDEXED BY deliveries_event WHERE event = ?1 AND endpoint = ?2 ORDER BY id DESC LIMIT 1;

-- name: endpoint_of_event
SELECT endpoint FROM deliveries INDEXED BY deliveries_event WHERE event = ?1 ORDER BY id LIMIT 1;

-- name: order_head_of_delivery
SELECT h.id, h.due_ms FROM deliveries AS d CROSS JOIN deliveries AS h INDEXED BY deliveries_order
WHERE d.id = ?1 AND h.endpoint = d.endpoint AND h.order_key = d.order_key AND h.order_key IS NOT NULL AND h.state < 2 AND h.state = 0 LIMIT 1;

-- Pending ones of the same endpoint that come before it by (due, id); at most ?2 are counted.
-- name: ahead_of_delivery
SELECT count(*) FROM (
	SELECT 1 FROM deliveries AS d CROSS JOIN deliveries AS a INDEXED BY deliveries_due
	WHERE d.id = ?1 AND a.endpoint = d.endpoint AND a.state = 0 AND a.due_ms <= d.due_ms AND (a.due_ms, a.id) < (d.due_ms, d.id) LIMIT ?2);

-- name: events_recent
SELECT id, time_ms, subscriber, type, reach FROM events ORDER BY id DESC;

-- name: stats_pending
SELECT id, due_ms FROM deliveries INDEXED BY deliveries_due WHERE state = 0;

-- name: stats_pending_of_subscriber
SELECT d.id, d.due_ms FROM endpoints AS e INDEXED BY endpoints_subscriber CROSS JOIN deliveries AS d INDEXED BY deliveries_due
WHERE e.subscriber = ?1 AND e.status <> 3 AND d.endpoint = e.id AND d.state = 0 AND d.subscriber = ?1;

-- name: stats_ordered
SELECT endpoint, order_key FROM deliveries INDEXED BY deliveries_order WHERE order_key IS NOT NULL AND state < 2 ORDER BY endpoint, order_key;

-- name: stats_ordered_of_subscriber
SELECT d.endpoint, d.order_key FROM endpoints AS e INDEXED BY endpoints_subscriber CROSS JOIN deliveries AS d INDEXED BY deliveries_order
WHERE e.subscriber = ?1 AND e.status <> 3 AND d.endpoint = e.id AND d.order_key IS NOT NULL AND d.state < 2 AND d.subscriber = ?1
ORDER BY e.id, d.order_key;

-- name: stats_dead
SELECT id FROM deliveries INDEXED BY deliveries_dead WHERE state = 3;

-- name: stats_dead_of_subscriber
SELECT d.id FROM endpoints AS e INDEXED BY endpoints_subscriber CROSS JOIN deliveries AS d INDEXED BY deliveries_dead_endpoint
WHERE e.subscriber = ?1 AND e.status <> 3 AND d.endpoint = e.id AND d.state = 3 AND d.subscriber = ?1
UNION ALL
SELECT d.id FROM endpoints AS e INDEXED BY endpoints_deleted CROSS JOIN deliveries AS d INDEXED BY deliveries_dead_endpoint
WHERE e.subscriber = ?1 AND e.status = 3 AND d.endpoint = e.id AND d.state = 3 AND d.subscriber = ?1;

-- name: census_pending
SELECT id FROM deliveries INDEXED BY deliveries_due WHERE state = 0;

-- Of each key exactly one is pending, the others are held: the index alone tells how many.
-- name: census_held
SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT endpoint, order_key FROM deliveries INDEXED BY deliveries_order WHERE order_key IS NOT NULL AND state < 2))
FROM deliveries INDEXED BY deliveries_order WHERE order_key IS NOT NULL AND state < 2;

-- name: census_dead
SELECT count(*) FROM deliveries INDEXED BY deliveries_dead WHERE state = 3;

-- name: stats_events
SELECT id, subscriber FROM events WHERE id >= ?1 ORDER BY id DESC;

-- name: stats_endpoints
SELECT status, count(*) FROM endpoints INDEXED BY endpoints_status WHERE status < 3 GROUP BY status;

-- name: stats_endpoints_of_subscriber
SELECT status, count(*) FROM endpoints INDEXED BY endpoints_subscriber WHERE subscriber = ?1 AND status <> 3 GROUP BY status;

-- name: stats_operations
SELECT count(*) FROM operations INDEXED BY operations_open WHERE ended_ms = 0;

-- name: stats_operations_of_subscriber
SELECT count(*) FROM operations INDEXED BY operations_open WHERE ended_ms = 0 AND subscriber = ?1;

-- The latest time of death there is.
-- name: dead_last
SELECT ended_ms FROM deliveries INDEXED BY deliveries_dead WHERE state = 3 ORDER BY ended_ms DESC LIMIT 1;
