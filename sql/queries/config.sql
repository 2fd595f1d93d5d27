-- Subscribers, endpoints, keys.

-- name: subscriber_get
SELECT id, created_ms, updated_ms, doc, version FROM subscribers WHERE id = ?1;

-- name: subscriber_of_uid
SELECT id FROM subscribers WHERE uid = ?1;

-- name: subscriber_put
INSERT INTO subscribers (id, uid, created_ms, updated_ms, doc, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, updated_ms = excluded.updated_ms, doc = excluded.doc, version = excluded.version;

-- name: subscriber_delete
DELETE FROM subscribers WHERE id = ?1;

-- name: subscriber_endpoints
SELECT count(*) FROM endpoints INDEXED BY endpoints_subscriber WHERE subscriber = ?1 AND status <> 3;

-- name: subscriber_uids
SELECT id, uid FROM subscribers;

-- name: subscribers_asc
SELECT id, created_ms, updated_ms, doc, version FROM subscribers WHERE id > ?1 ORDER BY id;

-- name: subscribers_desc
SELECT id, created_ms, updated_ms, doc, version FROM subscribers WHERE id < ?1 ORDER BY id DESC;

-- name: endpoint_get
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints
WHERE id = ?1 AND status <> 3;

-- name: endpoint_status
SELECT status FROM endpoints WHERE id = ?1;

-- name: endpoint_of_uid
SELECT id FROM endpoints WHERE subscriber = ?1 AND uid = ?2;

-- name: endpoint_put
INSERT INTO endpoints (id, subscriber, uid, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (id) DO UPDATE SET subscriber = excluded.subscriber, uid = excluded.uid, version = excluded.version, status = excluded.status,
	status_reason = excluded.status_reason, status_since_ms = excluded.status_since_ms, updated_ms = excluded.updated_ms, doc = excluded.doc;

-- name: endpoints_asc
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints
WHERE status <> 3 AND id > ?1 ORDER BY id;

-- name: endpoints_desc
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints
WHERE status <> 3 AND id < ?1 ORDER BY id DESC;

-- name: endpoints_of_subscriber_asc
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints INDEXED BY endpoints_subscriber
WHERE subscriber = ?2 AND status <> 3 AND id > ?1 ORDER BY id;

-- name: endpoints_of_subscriber_desc
SELECT id, subscriber, version, status, status_reason, status_since_ms, created_ms, updated_ms, doc FROM endpoints INDEXED BY endpoints_subscriber
WHERE subscriber = ?2 AND status <> 3 AND id < ?1 ORDER BY id DESC;

-- name: secrets_get
SELECT until_ms, sealed FROM endpoint_secrets WHERE endpoint = ?1 ORDER BY place;

-- name: secrets_delete
DELETE FROM endpoint_secrets WHERE endpoint = ?1;

-- name: secret_insert
INSERT INTO endpoint_secrets (endpoint, place, until_ms, sealed) VALUES (?1, ?2, ?3, ?4);

-- name: pairs_get
SELECT until_ms, public_key, sealed FROM endpoint_pairs WHERE endpoint = ?1 ORDER BY place;

-- name: pairs_delete
DELETE FROM endpoint_pairs WHERE endpoint = ?1;

-- name: pair_insert
INSERT INTO endpoint_pairs (endpoint, place, until_ms, public_key, sealed) VALUES (?1, ?2, ?3, ?4, ?5);

-- name: drill_get
SELECT at_ms, verdict, findings, insecure, insecure_ms FROM endpoint_drills WHERE endpoint = ?1;

-- name: drill_put
INSERT INTO endpoint_drills (endpoint, at_ms, verdict, findings, insecure, insecure_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (endpoint) DO UPDATE SET at_ms = excluded.at_ms, verdict = excluded.verdict, findings = excluded.findings, insecure = excluded.insecure,
	insecure_ms = excluded.insecure_ms;
-- name: credentials_get
SELECT sealed FROM endpoint_credentials WHERE endpoint = ?1;

-- name: credentials_delete
DELETE FROM endpoint_credentials WHERE endpoint = ?1;

-- name: credentials_put
INSERT INTO endpoint_credentials (endpoint, sealed) VALUES (?1, ?2)
ON CONFLICT (endpoint) DO UPDATE SET sealed = excluded.sealed;
-- name: legacy_get
SELECT 0, sealed FROM endpoint_legacy WHERE endpoint = ?1;

-- name: legacy_delete
DELETE FROM endpoint_legacy WHERE endpoint = ?1;

-- name: legacy_insert
INSERT INTO endpoint_legacy (endpoint, sealed) VALUES (?1, ?2);

-- name: verification_get
SELECT type, state, serial, since_ms, allowed_per_minute, detail, url FROM endpoint_verifications WHERE endpoint = ?1;

-- name: verification_delete
DELETE FROM endpoint_verifications WHERE endpoint = ?1;

-- name: verification_insert
INSERT INTO endpoint_verifications (endpoint, type, state, serial, since_ms, allowed_per_minute, detail, url)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- name: key_get
SELECT id, hash, scopes, subscriber, created_ms, expires_ms, name, hint FROM keys WHERE id = ?1;

-- name: key_insert
INSERT INTO keys (id, hash, scopes, subscriber, created_ms, expires_ms, name, hint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- name: key_delete
DELETE FROM keys WHERE id = ?1;

-- name: key_of_subscriber
SELECT id FROM keys WHERE subscriber = ?1 LIMIT 1;

-- name: keys_asc
SELECT id, hash, scopes, subscriber, created_ms, expires_ms, name, hint FROM keys WHERE id > ?1 ORDER BY id;

-- name: keys_desc
SELECT id, hash, scopes, subscriber, created_ms, expires_ms, name, hint FROM keys WHERE id < ?1 ORDER BY id DESC;
