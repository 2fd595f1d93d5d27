-- Sources and what they refused.

-- name: source_get
SELECT id, subscriber, version, created_ms, updated_ms, doc FROM sources WHERE id = ?1;

-- name: source_of_uid
SELECT id FROM sources WHERE uid = ?1;

-- name: source_put
INSERT INTO sources (id, uid, subscriber, version, created_ms, updated_ms, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, subscriber = excluded.subscriber, version = excluded.version,
	updated_ms = excluded.updated_ms, doc = excluded.doc;

-- name: source_delete
DELETE FROM sources WHERE id = ?1;

-- name: sources_of_subscriber
SELECT count(*) FROM sources INDEXED BY sources_subscriber WHERE subscriber = ?1 AND subscriber <> 0;

-- name: sources_asc
SELECT id, subscriber, version, created_ms, updated_ms, doc FROM sources WHERE id > ?1 ORDER BY id;

-- name: sources_desc
SELECT id, subscriber, version, created_ms, updated_ms, doc FROM sources WHERE id < ?1 ORDER BY id DESC;

-- name: source_secrets_get
SELECT until_ms, sealed FROM source_secrets WHERE source = ?1 ORDER BY place;

-- name: source_secrets_delete
DELETE FROM source_secrets WHERE source = ?1;

-- name: source_secret_insert
INSERT INTO source_secrets (source, place, until_ms, sealed) VALUES (?1, ?2, ?3, ?4);

-- name: rejection_insert
INSERT INTO rejections (id, source, stored, at_ms, event, body_bytes, cut, reason, why, name, remote, method, content_type, head, body)
VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14);

-- name: rejection_get
SELECT id, source, at_ms, event, body_bytes, cut, reason, why, name, remote, method, content_type, head, body FROM rejections WHERE id = ?1;

-- name: rejection_state
SELECT event FROM rejections WHERE id = ?1;

-- The event has the body now.
-- name: rejection_accept
UPDATE rejections SET event = ?2, stored = stored - length(body), body = x'' WHERE id = ?1;

-- name: rejection_delete
DELETE FROM rejections WHERE id = ?1;

-- name: rejections_tally
SELECT source, count(*), sum(stored) FROM rejections INDEXED BY rejections_source GROUP BY source;

-- name: rejection_oldest_of_source
SELECT id, stored FROM rejections INDEXED BY rejections_source WHERE source = ?1 ORDER BY id LIMIT 1;

-- name: rejection_oldest
SELECT id, source, stored, at_ms FROM rejections ORDER BY id LIMIT 1;

-- name: rejections_asc
SELECT id, source, at_ms, event, body_bytes, cut, reason, why, name, remote, method, content_type FROM rejections
WHERE id > ?1 AND id < ?2 ORDER BY id;

-- name: rejections_desc
SELECT id, source, at_ms, event, body_bytes, cut, reason, why, name, remote, method, content_type FROM rejections
WHERE id > ?1 AND id < ?2 ORDER BY id DESC;

-- name: rejections_of_source_asc
SELECT id, source, at_ms, event, body_bytes, cut, reason, why, name, remote, method, content_type FROM rejections INDEXED BY rejections_source
WHERE source = ?3 AND id > ?1 AND id < ?2 ORDER BY id;

-- name: rejections_of_source_desc
SELECT id, source, at_ms, event, body_bytes, cut, reason, why, name, remote, method, content_type FROM rejections INDEXED BY rejections_source
WHERE source = ?3 AND id > ?1 AND id < ?2 ORDER BY id DESC;
