/* The database file: made whole or not at all, told from files that are not ours, brought to the newest schema. */
#ifndef GRAPNEL_STORE_SQLITE_MIGRATE_H
#define GRAPNEL_STORE_SQLITE_MIGRATE_H

#include "store/sqlite/db.h"

/* Makes the file when the folder has none, refuses what is not a database of ours, opens the writing connection and migrates. */
int migrate_open(struct db *db, const char *data_dir, struct err *err) ATTR_MUST_USE;
/* The schema that this program knows. */
int64_t migrate_newest(void);

#endif
