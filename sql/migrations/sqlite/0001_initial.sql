-- The first schema. Times are wall milliseconds since the Unix epoch. Numbers of states, reasons and failures: src/model/*.def.
-- 'grap' in the file's header says whose file it is.
PRAGMA application_id = 1735549296;

-- schema_version, and whatever else is one value.
CREATE TABLE meta (
	name TEXT PRIMARY KEY NOT NULL,
	value INTEGER NOT NULL
) WITHOUT ROWID;

-- Shards of endpoints and who may send for them; outcomes of an older epoch are not applied.
CREATE TABLE leases (
	shard INTEGER PRIMARY KEY,
	node INTEGER NOT NULL,
	epoch INTEGER NOT NULL
);
WITH RECURSIVE shards (shard) AS (SELECT 0 UNION ALL SELECT shard + 1 FROM shards WHERE shard < 63)
INSERT INTO leases (shard, node, epoch) SELECT shard, 0, 0 FROM shards;

CREATE TABLE subscribers (
	id INTEGER PRIMARY KEY,
	uid TEXT,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL,
	doc TEXT NOT NULL
);
CREATE UNIQUE INDEX subscribers_uid ON subscribers (uid) WHERE uid IS NOT NULL;

-- subscriber 0: none. A deleted endpoint stays as a tombstone (status 3) without uid and secrets.
CREATE TABLE endpoints (
	id INTEGER PRIMARY KEY,
	subscriber INTEGER NOT NULL,
	uid TEXT,
	version INTEGER NOT NULL,
	status INTEGER NOT NULL,
	status_reason TEXT NOT NULL,
	status_since_ms INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL,
	doc TEXT NOT NULL
);
CREATE UNIQUE INDEX endpoints_uid ON endpoints (subscriber, uid) WHERE uid IS NOT NULL;
CREATE INDEX endpoints_subscriber ON endpoints (subscriber, id) WHERE status <> 3;

-- Sealed. Place 0 is the present one; until_ms 0: no end.
CREATE TABLE endpoint_secrets (
	endpoint INTEGER NOT NULL,
	place INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (endpoint, place)
) WITHOUT ROWID;

CREATE TABLE keys (
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	scopes INTEGER NOT NULL,
	subscriber INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	name TEXT NOT NULL,
	hint TEXT NOT NULL
);

-- The payload comes last, so that reading the other columns never touches its overflow pages.
CREATE TABLE events (
	id INTEGER PRIMARY KEY,
	subscriber INTEGER NOT NULL,
	source INTEGER NOT NULL,
	time_ms INTEGER NOT NULL,
	deliver_at_ms INTEGER NOT NULL,
	expires_at_ms INTEGER NOT NULL,
	deliveries INTEGER NOT NULL,
	type TEXT NOT NULL,
	uid TEXT,
	subject TEXT,
	ordering_key TEXT,
	traceparent TEXT,
	tracestate TEXT,
	content_type TEXT,
	attributes TEXT,
	data BLOB NOT NULL
);
CREATE INDEX events_uid ON events (uid, subscriber) WHERE uid IS NOT NULL;

-- order_key: NULL when the endpoint was not ordered, '' when it was and the event named no key.
-- last_…: the last attempt; that of a success on the first try stands only here, others in attempts as well.
CREATE TABLE deliveries (
	id INTEGER PRIMARY KEY,
	event INTEGER NOT NULL,
	endpoint INTEGER NOT NULL,
	subscriber INTEGER NOT NULL,
	state INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	round INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	round_attempts INTEGER NOT NULL,
	due_ms INTEGER NOT NULL,
	ended_ms INTEGER NOT NULL,
	expires_ms INTEGER,
	order_key TEXT,
	last_started_ms INTEGER,
	last_duration_ms INTEGER,
	last_status INTEGER,
	last_failure INTEGER,
	last_detail TEXT
);
CREATE INDEX deliveries_event ON deliveries (event);
-- What is due: per endpoint, never by time alone, so that a dead endpoint's rows never stand before a healthy one's.
CREATE INDEX deliveries_due ON deliveries (endpoint, due_ms) WHERE state = 0;
-- Unfinished ordered ones. Of each (endpoint, order_key) exactly one is pending, the others are held.
CREATE INDEX deliveries_order ON deliveries (endpoint, order_key) WHERE order_key IS NOT NULL AND state < 2;
CREATE INDEX deliveries_dead_endpoint ON deliveries (endpoint, ended_ms) WHERE state = 3;
CREATE INDEX deliveries_dead ON deliveries (ended_ms) WHERE state = 3;
CREATE INDEX deliveries_expiry ON deliveries (expires_ms) WHERE expires_ms IS NOT NULL AND state < 2;

-- Failures and everything after the first try. Appended in the order of time, found by delivery.
CREATE TABLE attempts (
	id INTEGER PRIMARY KEY,
	delivery INTEGER NOT NULL,
	number INTEGER NOT NULL,
	round INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	duration_ms INTEGER NOT NULL,
	status INTEGER NOT NULL,
	failure INTEGER NOT NULL,
	detail TEXT,
	response BLOB
);
CREATE UNIQUE INDEX attempts_delivery ON attempts (delivery, number);

-- Keys that callers gave: two tables that take turns (src/store/dedupe.h).
CREATE TABLE dedupe_a (
	key BLOB PRIMARY KEY NOT NULL,
	content BLOB NOT NULL,
	event INTEGER NOT NULL,
	deliveries INTEGER NOT NULL,
	at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE dedupe_b (
	key BLOB PRIMARY KEY NOT NULL,
	content BLOB NOT NULL,
	event INTEGER NOT NULL,
	deliveries INTEGER NOT NULL,
	at_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Bulk work. ended_ms 0: not finished. The cursor is the (time of death, id), or the place in the list of ids, that was done last.
CREATE TABLE operations (
	id INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL,
	subscriber INTEGER NOT NULL,
	endpoint INTEGER NOT NULL,
	started_ms INTEGER NOT NULL,
	ended_ms INTEGER NOT NULL,
	max_id INTEGER NOT NULL,
	cursor_key INTEGER NOT NULL,
	cursor_id INTEGER NOT NULL,
	done INTEGER NOT NULL,
	skipped INTEGER NOT NULL,
	total INTEGER NOT NULL,
	cancelled INTEGER NOT NULL,
	filter TEXT NOT NULL
);
CREATE INDEX operations_open ON operations (id) WHERE ended_ms = 0;

INSERT INTO meta (name, value) VALUES ('schema_version', 0), ('dedupe_turn', 0), ('dedupe_began_ms', 0), ('probe', 0);
