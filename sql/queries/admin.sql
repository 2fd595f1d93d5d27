-- Administrators.

-- name: admin_of_name
SELECT id, name, hash, disabled, created_ms FROM admins WHERE name = ?1;

-- name: admin_put
INSERT INTO admins (id, name, hash, disabled, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, disabled = excluded.disabled;

-- name: admins_list
SELECT id, name, hash, disabled, created_ms FROM admins ORDER BY name;
