-- Lists and counts of endpoints by status; and the deleted ones of a subscriber, whose dead letters stay.
CREATE INDEX endpoints_status ON endpoints (status);
CREATE INDEX endpoints_deleted ON endpoints (subscriber) WHERE status = 3;
