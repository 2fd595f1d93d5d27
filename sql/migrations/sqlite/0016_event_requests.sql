-- The request that published an event: its x-request-id as 64 bits (src/base/id.h). NULL: the hub itself did, or an older version.
ALTER TABLE events ADD COLUMN request INTEGER;
