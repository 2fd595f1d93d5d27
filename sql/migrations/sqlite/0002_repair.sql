-- Whom an event was for, so that what it missed can be told later. NULL: the endpoints of its subscriber (or those without one), 1: all
-- endpoints, 0: one endpoint alone. These take no room in the row, so they are read without its payload.
ALTER TABLE events ADD COLUMN reach INTEGER;

-- Held deliveries of a key go in the order of their events, also those that were made or reopened later than their successors.
DROP INDEX deliveries_order;
CREATE INDEX deliveries_order ON deliveries (endpoint, order_key, event) WHERE order_key IS NOT NULL AND state < 2;
