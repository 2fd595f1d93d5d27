-- The audit, requests that are done once, event types.

-- name: audit_insert
INSERT INTO audit (id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- name: audit_asc
SELECT id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after FROM audit
WHERE id > ?1 AND id < ?2 ORDER BY id;

-- name: audit_desc
SELECT id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after FROM audit
WHERE id > ?1 AND id < ?2 ORDER BY id DESC;

-- name: audit_of_resource_asc
SELECT id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after FROM audit INDEXED BY audit_resource
WHERE resource = ?3 AND id > ?1 AND id < ?2 ORDER BY id;

-- name: audit_of_resource_desc
SELECT id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after FROM audit INDEXED BY audit_resource
WHERE resource = ?3 AND id > ?1 AND id < ?2 ORDER BY id DESC;

-- name: audit_of_actor_asc
SELECT id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after FROM audit INDEXED BY audit_actor
WHERE actor = ?3 AND id > ?1 AND id < ?2 ORDER BY id;

-- name: audit_of_actor_desc
SELECT id, at_ms, subscriber, actor, actor_name, address, request_id, action, resource, before, after FROM audit INDEXED BY audit_actor
WHERE actor = ?3 AND id > ?1 AND id < ?2 ORDER BY id DESC;

-- name: once_get
SELECT content, at_ms, result, created, detail, answer FROM once WHERE key = ?1;

-- name: once_put
INSERT INTO once (key, content, at_ms, result, created, detail, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (key) DO UPDATE SET content = excluded.content, at_ms = excluded.at_ms, result = excluded.result, created = excluded.created,
	detail = excluded.detail, answer = excluded.answer;

-- name: once_oldest
SELECT id FROM once INDEXED BY once_age WHERE at_ms <= ?1 ORDER BY at_ms LIMIT 1;

-- name: once_delete
DELETE FROM once WHERE id = ?1;

-- name: once_any
SELECT 1 FROM once LIMIT 1;

-- name: event_type_get
SELECT id, type, count, first_seen_ms, last_seen_ms, doc, updated_ms FROM event_types WHERE type = ?1;

-- name: event_type_put
INSERT INTO event_types (id, type, count, first_seen_ms, last_seen_ms, doc, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (id) DO UPDATE SET count = excluded.count, first_seen_ms = excluded.first_seen_ms, last_seen_ms = excluded.last_seen_ms,
	doc = excluded.doc, updated_ms = excluded.updated_ms;

-- name: event_type_delete
DELETE FROM event_types WHERE id = ?1;

-- name: event_types_number
SELECT count(*) FROM event_types;

-- name: event_types_asc
SELECT id, type, count, first_seen_ms, last_seen_ms, doc, updated_ms FROM event_types WHERE id > ?1 ORDER BY id;

-- name: event_types_desc
SELECT id, type, count, first_seen_ms, last_seen_ms, doc, updated_ms FROM event_types WHERE id < ?1 ORDER BY id DESC;
