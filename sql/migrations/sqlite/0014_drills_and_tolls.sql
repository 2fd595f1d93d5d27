-- What drills of an endpoint found (src/model/drill.h): the last one, and since when and for what it is held to be insecure (insecure_ms 0: it is
-- not). findings and insecure are bits of src/model/drill.def.
CREATE TABLE endpoint_drills (
	endpoint INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	verdict INTEGER NOT NULL,
	findings INTEGER NOT NULL,
	insecure INTEGER NOT NULL,
	insecure_ms INTEGER NOT NULL
);

-- Deaths that are still to be told of, by endpoint and reason: see src/store/herald.h. `delivery`: the last one.
CREATE TABLE tolls (
	endpoint INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	subscriber INTEGER NOT NULL,
	deaths INTEGER NOT NULL,
	since_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	delivery INTEGER NOT NULL,
	PRIMARY KEY (endpoint, reason)
) WITHOUT ROWID;

-- Sources that were told of as failing, until a request of theirs verifies.
CREATE TABLE failing_sources (
	source INTEGER PRIMARY KEY,
	since_ms INTEGER NOT NULL
);
