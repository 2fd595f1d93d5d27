-- What operational events are made of: deaths that wait to be told of, sources that fail.

-- name: toll_add
INSERT INTO tolls (endpoint, reason, subscriber, deaths, since_ms, until_ms, delivery) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (endpoint, reason) DO UPDATE SET deaths = deaths + excluded.deaths, until_ms = excluded.until_ms, delivery = excluded.delivery;

-- name: tolls_get
SELECT reason, subscriber, deaths, since_ms, until_ms, delivery FROM tolls WHERE endpoint = ?1;

-- name: tolls_delete
DELETE FROM tolls WHERE endpoint = ?1;

-- name: tolls_endpoint_after
SELECT endpoint FROM tolls WHERE endpoint > ?1 ORDER BY endpoint LIMIT 1;

-- name: failing_put
INSERT INTO failing_sources (source, since_ms) VALUES (?1, ?2) ON CONFLICT (source) DO UPDATE SET since_ms = excluded.since_ms;

-- name: failing_delete
DELETE FROM failing_sources WHERE source = ?1;

-- name: failing_after
SELECT source FROM failing_sources WHERE source > ?1 ORDER BY source LIMIT 1;
