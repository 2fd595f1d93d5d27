-- Endpoints that fail since their last success: for how long (while the hub ran) and how often. A row is written when that has gone on for
-- a minute, then once in ten, and goes with the next success (src/store/health.h).
CREATE TABLE endpoint_health (
	endpoint INTEGER PRIMARY KEY,
	since_ms INTEGER NOT NULL,
	failed_ms INTEGER NOT NULL,
	attempts INTEGER NOT NULL
);
