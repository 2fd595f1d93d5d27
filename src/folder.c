/* The data folder: its lock, and the master key that its database needs. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "base/systemd.h"
#include "conf/place.h"
#include "sign/outgoing.h"

void data_folder_init(struct data_folder *folder)
{
	*folder = (struct data_folder){.fd = -1, .lock_fd = -1};
}

/* Commands of root. The owner is that of the database, which a hub made; of the folder, when there is none. Without a right to change the user
 * (in a container that knows no other) root stays what it is. */
static void owner_borrow(struct data_folder *folder)
{
	struct stat status;
	if (geteuid() != 0 || (fstatat(folder->fd, "grapnel.db", &status, 0) && fstatat(folder->fd, "grapnel.lock", &status, 0) && fstat(folder->fd, &status)))
		return;
	if (status.st_uid == 0 || setegid(status.st_gid))
		return;
	if (seteuid(status.st_uid) == 0)
		folder->borrowed = true;
	else if (setegid(getgid()))
		log_fatal("hub", "the group of this process cannot be set back: %s", strerror(errno));
}

static void owner_return(struct data_folder *folder)
{
	if (folder->borrowed && (seteuid(getuid()) || setegid(getgid())))
		log_fatal("hub", "the user of this process cannot be set back: %s", strerror(errno));
	folder->borrowed = false;
}

void data_folder_close(struct data_folder *folder)
{
	owner_return(folder);
	if (folder->lock_fd >= 0)
		close(folder->lock_fd); /* releases the lock */
	if (folder->fd >= 0)
		close(folder->fd);
	data_folder_init(folder);
}

static int lock_take(struct data_folder *folder, const char *path, int wait_ms, struct err *err)
{
	folder->lock_fd = openat(folder->fd, "grapnel.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (folder->lock_fd < 0)
		return err_set(err, ERR_STORAGE, "%s/grapnel.lock cannot be opened: %s", path, strerror(errno));
	/* There is no lock call with a time limit; whoever waits here is a person at a command line. */
	for (int waited = 0; flock(folder->lock_fd, LOCK_EX | LOCK_NB); waited += 50) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(err, ERR_STORAGE, "%s/grapnel.lock cannot be locked: %s", path, strerror(errno));
		if (waited >= wait_ms) {
			char pid[24] = "";
			ssize_t got = pread(folder->lock_fd, pid, sizeof pid - 1, 0);
			pid[got > 0 ? strcspn(pid, "\n") : 0] = '\0';
			return err_set(err, ERR_UNAVAILABLE, "the data folder %s is in use by another grapnel (process %s): stop that one, or choose another --data",
			               path, pid[0] ? pid : "unknown");
		}
		poll(NULL, 0, 50);
	}
	if (ftruncate(folder->lock_fd, 0) || dprintf(folder->lock_fd, "%ld\n", (long)getpid()) < 0)
		return err_set(err, ERR_STORAGE, "%s/grapnel.lock cannot be written: %s", path, strerror(errno));
	return 0;
}

/* Makes the folder and those above it, as mkdir -p does. */
static int folder_make(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof part)
		return err_set(err, ERR_INVALID, "--data must be the path of a folder, shorter than %d bytes", PATH_MAX);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return err_set(err, ERR_STORAGE, "the data folder %s cannot be made: %s", part, strerror(errno));
	}
	return 0;
}

/* ---- The master key ------------------------------------------------------------------------------------------------------------ */

/* The system's own is root's: a command of root that acts as the owner reads it as root. */
static int key_load_system(struct data_folder *folder, const char *path, struct err *err)
{
	bool borrowed = folder->borrowed;
	owner_return(folder);
	int result = master_key_load(path, false, &folder->master, err);
	if (borrowed)
		owner_borrow(folder);
	return result;
}

/* A database that was restored has its key beside it, and the credential may be another one: which of them is right nobody could say later. */
static int key_load_credential(struct data_folder *folder, const char *credential, const char *own, struct err *err)
{
	struct master_key other;
	struct err unused = {0};
	if (master_key_load_credential(credential, &folder->master, err))
		return -1;
	if (access(own, F_OK) || master_key_load(own, false, &other, &unused))
		return 0;
	bool same = CRYPTO_memcmp(&other, &folder->master, sizeof other) == 0;
	OPENSSL_cleanse(&other, sizeof other);
	if (same)
		return 0;
	return err_set(err, ERR_INVALID,
	               "there are two master keys that differ: the credential master.key (LoadCredential= of the unit, from /etc/grapnel/master.key) and %s; put "
	               "the one that the database is sealed with in the place of the first, and take the second away",
	               own);
}

static int key_load(struct data_folder *folder, const struct conf *conf, struct err *err)
{
	char own[PATH_MAX], credential[PATH_MAX];
	if ((size_t)snprintf(own, sizeof own, "%s/master.key", conf->data) >= sizeof own)
		return err_set(err, ERR_INVALID, "--data is too long");
	if (!conf->master_key_file && systemd_credential("master.key", credential, sizeof credential))
		return key_load_credential(folder, credential, own, err);
	const char *system = conf_place_key(conf);
	if (!conf->master_key_file && system && access(own, F_OK))
		return key_load_system(folder, system, err);
	/* Secrets that were sealed before can be read with their own key alone: a new one is made only for a new database. */
	const char *key = conf->master_key_file ? conf->master_key_file : own;
	bool fresh = faccessat(folder->fd, "grapnel.db", F_OK, 0) != 0;
	if (!fresh && access(key, F_OK) && errno == ENOENT) {
		/* In the place that the unit reads: beside the database the next command would find it, and the service would not. */
		const char *wanted = conf->master_key_file ? NULL : conf_place_key_wanted(conf);
		return err_set(err, ERR_INVALID, "%s/grapnel.db is there, but not its master key %s: put the key back from where the backups are kept",
		               conf->data, wanted ? wanted : key);
	}
	return master_key_load(key, fresh, &folder->master, err);
}

int data_folder_open(struct data_folder *folder, const struct conf *conf, bool serve, int lock_wait_ms, struct err *err)
{
	if (folder_make(conf->data, err))
		return -1;
	folder->fd = open(conf->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A member of the group, who reaches a hub that runs by its socket and may do nothing without it. */
	if (folder->fd < 0 && errno == EACCES && !serve)
		return err_set(err, ERR_STORAGE,
		               "no hub runs on the data folder %s, and without one only its owner and root may open it: start the hub (systemctl start grapnel), "
		               "or run this as root",
		               conf->data);
	if (folder->fd < 0)
		return err_set(err, ERR_STORAGE, "the data folder %s cannot be opened: %s", conf->data, strerror(errno));
	if (!serve)
		owner_borrow(folder);
	return lock_take(folder, conf->data, lock_wait_ms, err) || key_load(folder, conf, err) ? -1 : 0;
}

struct key_trial {
	const struct master_key *master;
	bool tried;
	struct err *err;
	int result;
};

static void key_try(struct endpoint *endpoint, void *context)
{
	struct key_trial *trial = context;
	if (trial->tried || endpoint->secrets_len == 0)
		return;
	trial->tried = true;
	struct signer *signer = signer_new(endpoint, trial->master, trial->err);
	if (!signer)
		trial->result = err_set(trial->err, ERR_INVALID,
		                        "the master key is not the one that the secrets in the database are sealed with: put the right one back");
	signer_free(signer);
}

static void key_try_source(struct source *source, void *context)
{
	struct key_trial *trial = context;
	struct source_opened opened;
	if (trial->tried || source->secrets_len == 0)
		return;
	trial->tried = true;
	if (source_open(source, trial->master, 0, &opened, trial->err))
		trial->result = err_set(trial->err, ERR_INVALID,
		                        "the master key is not the one that the secrets in the database are sealed with: put the right one back");
	else
		source_opened_clear(&opened);
}

/* With another key every delivery would fail: one secret tells. */
int data_folder_check_key(struct data_folder *folder, struct index *index, struct source_table *sources, struct err *err)
{
	struct key_trial trial = {.master = &folder->master, .err = err};
	index_each_endpoint(index, key_try, &trial);
	source_table_each(sources, key_try_source, &trial);
	return trial.result;
}
