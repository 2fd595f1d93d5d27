-- What an event is still to reach, of a fan-out that is too large for one transaction: the endpoints that were matched when it was
-- published, ascending, 8 bytes each with the highest first. A row has some of them, none greater than `last`; they are taken out as
-- their deliveries are made (src/store/expand.h).
CREATE TABLE expansions (
	event INTEGER NOT NULL,
	last INTEGER NOT NULL,
	targets BLOB NOT NULL,
	PRIMARY KEY (event, last)
) WITHOUT ROWID;
