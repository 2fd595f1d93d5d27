-- The sealed secret of an endpoint's legacy signature, where that has one of its own (src/sign/legacy.h).
CREATE TABLE endpoint_legacy (endpoint INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
