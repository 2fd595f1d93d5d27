-- Endpoints that fail.

-- name: health_all
SELECT endpoint, since_ms, failed_ms, attempts FROM endpoint_health;

-- name: health_put
INSERT INTO endpoint_health (endpoint, since_ms, failed_ms, attempts) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (endpoint) DO UPDATE SET since_ms = excluded.since_ms, failed_ms = excluded.failed_ms, attempts = excluded.attempts;

-- name: health_delete
DELETE FROM endpoint_health WHERE endpoint = ?1;
