-- Ed25519 key pairs of endpoints that sign v1a: the seed is sealed, the public key is not. Place 0 is the present one; until_ms 0: no end.
CREATE TABLE endpoint_pairs (
	endpoint INTEGER NOT NULL,
	place INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	public_key BLOB NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (endpoint, place)
) WITHOUT ROWID;
