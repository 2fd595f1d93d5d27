-- Who changed what, what a repeated request is answered, which event types there are; subscribers get a version.
ALTER TABLE subscribers ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- actor: "hub", "local" or the id of an API key. resource: a public id, or an event type. subscriber 0: nobody's.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	subscriber INTEGER NOT NULL,
	actor TEXT NOT NULL,
	actor_name TEXT,
	address TEXT,
	request_id TEXT,
	action TEXT NOT NULL,
	resource TEXT NOT NULL,
	before TEXT,
	after TEXT
);
CREATE INDEX audit_resource ON audit (resource, id);
CREATE INDEX audit_actor ON audit (actor, id);

-- Requests with an Idempotency-Key that changed something (src/store/once.h). detail (what only the answer
-- of the change says) and answer are sealed; answer is NULL until the request was answered.
CREATE TABLE once (
	id INTEGER PRIMARY KEY,
	key BLOB NOT NULL UNIQUE,
	content BLOB NOT NULL,
	at_ms INTEGER NOT NULL,
	result INTEGER NOT NULL,
	created INTEGER NOT NULL,
	detail BLOB,
	answer BLOB
);
CREATE INDEX once_age ON once (at_ms);

-- Types that were seen (count > 0) or described (doc is not NULL).
CREATE TABLE event_types (
	id INTEGER PRIMARY KEY,
	type TEXT NOT NULL UNIQUE,
	count INTEGER NOT NULL,
	first_seen_ms INTEGER NOT NULL,
	last_seen_ms INTEGER NOT NULL,
	doc TEXT,
	updated_ms INTEGER NOT NULL
);
