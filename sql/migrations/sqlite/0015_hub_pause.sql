-- The hub's own pause (src/model/pause.h): one row while it is paused, none otherwise. backup_ms: it was restored from a backup in which
-- this is the time of the last thing; 0: it was not.
CREATE TABLE hub_pause (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	since_ms INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	backup_ms INTEGER NOT NULL
);
