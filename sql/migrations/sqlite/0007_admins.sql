-- Who may log in on the page. hash: an argon2id PHC string.
CREATE TABLE admins (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	hash TEXT NOT NULL,
	disabled INTEGER NOT NULL,
	created_ms INTEGER NOT NULL
);
