-- Transactions, and the few single values.

-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: savepoint
SAVEPOINT command;

-- name: savepoint_release
RELEASE command;

-- name: savepoint_rollback
ROLLBACK TO command;

-- name: meta_get
SELECT value FROM meta WHERE name = ?1;

-- name: meta_put
UPDATE meta SET value = ?2 WHERE name = ?1;

-- name: id_greatest
SELECT max(coalesce((SELECT value FROM meta WHERE name = 'id_floor'), 0), coalesce((SELECT max(id) FROM events), 0), coalesce((SELECT max(id) FROM deliveries), 0),
           coalesce((SELECT max(id) FROM admins), 0),
           coalesce((SELECT max(id) FROM sources), 0), coalesce((SELECT max(id) FROM rejections), 0),
           coalesce((SELECT max(id) FROM endpoints), 0), coalesce((SELECT max(id) FROM subscribers), 0),
           coalesce((SELECT max(id) FROM keys), 0), coalesce((SELECT max(id) FROM operations), 0),
           coalesce((SELECT max(id) FROM audit), 0), coalesce((SELECT max(id) FROM event_types), 0));

-- name: leases_take
UPDATE leases SET node = ?1, epoch = epoch + 1;

-- name: leases_list
SELECT shard, epoch FROM leases ORDER BY shard;
