-- The sealed secret of an endpoint's legacy signature, where that has one of its own (src/sign/legacy.h).
CREATE TABLE endpoint_legacy (endpoint INTEGER PRIMARY KEY, sealed BLOB NOT NULL);

-- What is known of an endpoint that is to be verified (src/model/endpoint.h), for this URL.
CREATE TABLE endpoint_verifications (
	endpoint INTEGER PRIMARY KEY,
	type INTEGER NOT NULL,
	state INTEGER NOT NULL,
	serial INTEGER NOT NULL,
	since_ms INTEGER NOT NULL,
	allowed_per_minute INTEGER NOT NULL,
	detail TEXT NOT NULL,
	url TEXT NOT NULL
);
