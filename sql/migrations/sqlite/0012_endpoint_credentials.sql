-- The secrets of an endpoint's auth, tls and headers: one sealed JSON object. In the document "***" stands for them.
CREATE TABLE endpoint_credentials (
	endpoint INTEGER PRIMARY KEY,
	sealed BLOB NOT NULL
);
