/* The data folder: grapnel.lock, held while the hub lives, and the master key that the secrets in grapnel.db are sealed with. */
#ifndef GRAPNEL_FOLDER_H
#define GRAPNEL_FOLDER_H

#include "base/attr.h"
#include "base/err.h"
#include "conf/conf.h"
#include "match/index.h"
#include "sign/seal.h"
#include "source/table.h"

struct data_folder {
	int fd;
	int lock_fd;
	struct master_key master;
	bool borrowed; /* this process, root's, acts as the folder's owner */
};

void data_folder_init(struct data_folder *folder);
/* Makes the folder when it is missing, takes its lock within lock_wait_ms, and reads the master key, which is made only for a new database.
 * What was opened before a failure is closed by data_folder_close(). A command (not `serve`) that root runs acts as the owner of the data from
 * here to data_folder_close(): what it makes, the hub can open.
 *
 * The master key is the first of these that is there: master_key.file; the credential master.key; master.key in the folder; that of the system,
 * when the folder is, too. Two of the credential and the folder's must not differ. */
int data_folder_open(struct data_folder *folder, const struct conf *conf, bool serve, int lock_wait_ms, struct err *err) ATTR_MUST_USE;
/* With another master key every delivery would fail: one sealed secret tells. */
int data_folder_check_key(struct data_folder *folder, struct index *index, struct source_table *sources, struct err *err) ATTR_MUST_USE;
void data_folder_close(struct data_folder *folder);

#endif
