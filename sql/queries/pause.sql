-- The hub's own pause.

-- name: pause_get
SELECT since_ms, reason, backup_ms FROM hub_pause WHERE one = 1;

-- name: pause_put
INSERT INTO hub_pause (one, since_ms, reason, backup_ms) VALUES (1, ?1, ?2, ?3)
ON CONFLICT (one) DO UPDATE SET since_ms = excluded.since_ms, reason = excluded.reason, backup_ms = excluded.backup_ms;

-- name: pause_delete
DELETE FROM hub_pause;
