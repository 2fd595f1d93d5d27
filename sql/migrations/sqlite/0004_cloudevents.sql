-- The context attributes of an event that came as a CloudEvent (JSON); NULL: it came otherwise. It lies behind the payload, so lists, which
-- read many rows, leave it out.
ALTER TABLE events ADD COLUMN context TEXT;
