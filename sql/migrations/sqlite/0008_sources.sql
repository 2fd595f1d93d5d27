-- Sources, and the requests that they refused.
CREATE TABLE sources (
	id INTEGER PRIMARY KEY,
	uid TEXT,
	subscriber INTEGER NOT NULL,
	version INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL,
	doc TEXT NOT NULL
);
CREATE UNIQUE INDEX sources_uid ON sources (uid) WHERE uid IS NOT NULL;
CREATE INDEX sources_subscriber ON sources (subscriber) WHERE subscriber <> 0;

-- Sealed. Place 0 is the present one; until_ms 0: no end.
CREATE TABLE source_secrets (
	source INTEGER NOT NULL,
	place INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (source, place)
) WITHOUT ROWID;

-- source 0: there was none of this name. stored: what head and body take. head (method, path, query, headers) is sealed: it may hold
-- passwords. event: what it became when it was accepted later; 0: it was not. The body comes last: lists never touch its pages.
CREATE TABLE rejections (
	id INTEGER PRIMARY KEY,
	source INTEGER NOT NULL,
	stored INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	event INTEGER NOT NULL,
	body_bytes INTEGER NOT NULL,
	cut INTEGER NOT NULL,
	reason TEXT NOT NULL,
	why TEXT NOT NULL,
	name TEXT NOT NULL,
	remote TEXT NOT NULL,
	method TEXT NOT NULL,
	content_type TEXT,
	head BLOB NOT NULL,
	body BLOB NOT NULL
);
CREATE INDEX rejections_source ON rejections (source, id, stored);
