-- Dedupe keys: a log in the order in which they came, and runs of older ones by parts of the key's range (src/store/dedupe.h). The two
-- tables of before are read, and emptied when their window is over.
CREATE TABLE dedupe_log (seq INTEGER PRIMARY KEY, entries BLOB NOT NULL);
-- state: 0 being written, 1 whole, 2 being deleted. It holds what stands in the log up to last_seq.
CREATE TABLE dedupe_runs (
	id INTEGER PRIMARY KEY,
	state INTEGER NOT NULL,
	last_seq INTEGER NOT NULL,
	keys INTEGER NOT NULL,
	buckets INTEGER NOT NULL,
	newest_ms INTEGER NOT NULL
);
CREATE TABLE dedupe_filters (run INTEGER PRIMARY KEY, filter BLOB NOT NULL);
-- id: run << 32 | bucket
CREATE TABLE dedupe_buckets (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
INSERT INTO meta (name, value) VALUES ('dedupe_tables_ms', 0);
