-- When the payload and whatever else an event said was erased; NULL: it is there. It takes no room in the row, so it is read without the
-- payload that stands before it.
ALTER TABLE events ADD COLUMN erased_ms INTEGER;

-- No id is given out again whose row retention deleted, whatever the clock says; when retention last looked at the clock.
INSERT INTO meta (name, value) VALUES ('id_floor', 0), ('retention_seen_ms', 0);
