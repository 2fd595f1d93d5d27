/* grapnel restore: puts a backup into an empty data folder. The copy is made and opened in a folder of its own inside, under the lock of
 * the data folder; only when it has passed every check it gets its name, the master key first. What was delivered after the backup was made
 * would be sent again: so the copy begins paused (model/pause.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/table.h"
#include "conf/place.h"

const struct args_option restore_run_options[] = {
    {"master-key", "FILE", "the copy of master.key that belongs to the backup"},
    {"json", NULL, "print what was restored as JSON, in one line"},
    {0},
};

#define STAGING "restore.tmp"
enum { COPY_BYTES = 1 << 20, KEY_BYTES_MAX = 4096 };

struct restore {
	const struct command_run *run;
	const char *file, *key;
	char data[PATH_MAX];
	char key_place[PATH_MAX]; /* where the hub has its key by its options, or, of a packaged one, by its unit; "": in the data folder */
	bool key_there;           /* it is there already */
	char staging[PATH_MAX + sizeof STAGING];
	int folder; /* the data folder */
	int lock;
	bool made;   /* the data folder was not there before */
	bool staged; /* the folder of its own is there */
	json_t *told; /* what the copy says of itself */
};

/* ---- Files ------------------------------------------------------------------------------------------------------------- */

static int say_file(const char *what, const char *path)
{
	command_say("%s %s: %s", path, what, strerror(errno));
	return EXIT_FAILED;
}

static int copy_bytes(int from, int to)
{
	char *chunk = malloc(COPY_BYTES);
	ssize_t got = chunk ? 1 : -1;

	while (got > 0) {
		got = read(from, chunk, COPY_BYTES);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0 && write(to, chunk, (size_t)got) != got)
			got = -1;
	}
	free(chunk);
	return got == 0 && fsync(to) == 0 ? 0 : -1;
}

/* A new file `name` in the folder of its own, 0600. */
static int copy_file(const struct restore *restore, const char *from, const char *name)
{
	char path[PATH_MAX + 64];
	struct stat status;
	int code = EXIT_FAILED;

	snprintf(path, sizeof path, "%s/%s", restore->staging, name);
	int source = open(from, O_RDONLY | O_CLOEXEC), target = -1;
	if (source < 0 || fstat(source, &status) != 0)
		return say_file("cannot be opened", from);
	if (!S_ISREG(status.st_mode)) {
		command_say("%s is no regular file", from);
		goto out;
	}
	target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (target < 0 || copy_bytes(source, target) != 0)
		say_file("cannot be written", path);
	else
		code = EXIT_OK;
out:
	close(source);
	if (target >= 0)
		close(target);
	return code;
}

/* Takes the folder of its own away with all in it. */
static void unstage(const struct restore *restore)
{
	DIR *folder = opendir(restore->staging);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	if (folder)
		closedir(folder);
	rmdir(restore->staging);
}

/* ---- The data folder --------------------------------------------------------------------------------------------------- */

/* What may be there before: options, what a hub leaves that never had a database, and a restore that was broken off. */
static bool may_be_there(const char *name)
{
	static const char *const names[] = {".", "..", "grapnel.conf", "grapnel.lock", "lost+found", STAGING};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static int check_empty(const struct restore *restore)
{
	DIR *folder = opendir(restore->data);
	struct dirent *entry;
	int code = EXIT_OK;

	if (!folder)
		return say_file("cannot be read", restore->data);
	while (code == EXIT_OK && (entry = readdir(folder))) {
		if (may_be_there(entry->d_name))
			continue;
		command_say("%s is not empty: %s is in it; a restore never replaces anything: move the folder away (mv %s %s.before), or name a "
		            "new one with --data",
		            restore->data, entry->d_name, restore->data, restore->data);
		code = EXIT_FAILED;
	}
	closedir(folder);
	return code;
}

/* One that root makes is for the packaged hub, when there is one: with root's own it could not start. */
static int make_folder(struct restore *restore)
{
	struct stat packaged;

	restore->made = mkdir(restore->data, 0700) == 0;
	if (!restore->made && errno != EEXIST)
		return say_file("cannot be made", restore->data);
	if (restore->made && geteuid() == 0 && stat(conf_place.data, &packaged) == 0 &&
	    chown(restore->data, packaged.st_uid, packaged.st_gid) != 0)
		return say_file("cannot be given to the owner of the packaged hub's data folder", restore->data);
	return EXIT_OK;
}

/* Nothing was restored. */
static void unmake_folder(const struct restore *restore)
{
	if (restore->folder >= 0)
		unlinkat(restore->folder, "grapnel.lock", 0);
	rmdir(restore->data);
}

/* The same lock that a hub holds. */
static int take_lock(struct restore *restore)
{
	if (make_folder(restore) != EXIT_OK)
		return EXIT_FAILED;
	restore->folder = open(restore->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (restore->folder < 0)
		return say_file("cannot be opened", restore->data);
	restore->lock = openat(restore->folder, "grapnel.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (restore->lock < 0)
		return say_file("has no lock that can be opened", restore->data);
	if (flock(restore->lock, LOCK_EX | LOCK_NB) == 0)
		return EXIT_OK;
	command_say("a hub runs on the data folder %s: stop it first (systemctl stop grapnel.socket grapnel), or name a new folder with --data",
	            restore->data);
	return EXIT_UNAVAILABLE;
}

/* ---- The backup -------------------------------------------------------------------------------------------------------- */

/* One request to the copy as a hub; NULL: it was refused, which was said. */
static json_t *ask(const struct restore *restore, void *hub, const char *method, const char *path)
{
	struct http_request request = {.method = slice_of(method), .path = slice_of(path), .local = true};
	struct http_response response = {.body = STRBUF_INIT(1 << 20)};

	snprintf(request.peer, sizeof request.peer, "command line");
	snprintf(request.id, sizeof request.id, "req_restore");
	restore->run->local->call(hub, &request, &response);
	json_t *answer = json_loadb(strbuf_text(&response.body), response.body.len, 0, NULL);
	bool refused = response.status >= 300;
	const char *why = json_string_value(json_object_get(answer, "detail"));
	if (refused || !answer)
		command_say("%s cannot be restored: %s", restore->file, refused && why ? why : "the copy gives no answer");
	if (refused) {
		json_decref(answer);
		answer = NULL;
	}
	http_response_free(&response);
	return answer;
}

static int check_findings(const struct restore *restore, const json_t *answer)
{
	const json_t *findings = json_object_get(answer, "findings");

	if (json_is_array(findings) && json_array_size(findings) == 0)
		return EXIT_OK;
	command_say("%s is damaged: nothing was restored", restore->file);
	for (size_t i = 0; i < json_array_size(findings); i++)
		command_say("%s", json_string_value(json_array_get(findings, i)));
	return EXIT_FAILED;
}

/* Opens the copy as a hub would, which checks schema and master key, has it checked, and makes it begin paused. */
static int check_copy(struct restore *restore)
{
	const struct cli_local *local = restore->run->local;
	struct conf conf;
	struct err err = {0};
	char data[] = "--data", master[] = "--master-key-file=", config[] = "--config=/dev/null";
	char *argv[] = {config, master, data, restore->staging};
	int code = EXIT_FAILED;

	if (conf_load(&conf, sizeof argv / sizeof *argv, argv, NULL, &err) != 0) {
		command_say("%s", err.detail);
		return EXIT_USAGE;
	}
	void *hub = local->open(&conf, &err);
	if (!hub) {
		command_say("%s cannot be restored: %s", restore->file, err.detail);
		goto out;
	}
	json_t *answer = ask(restore, hub, "GET", "/local/check");
	if (answer)
		code = check_findings(restore, answer);
	if (code == EXIT_OK && !(restore->told = ask(restore, hub, "POST", "/local/restored")))
		code = EXIT_FAILED;
	json_decref(answer);
	local->close(hub);
out:
	conf_free(&conf);
	return code;
}

/* Root restores for the hub: what root makes in its folder belongs to whom the folder belongs to. */
static int hand_over(const struct restore *restore, const char *name)
{
	struct stat folder;

	if (geteuid() != 0 || (fstat(restore->folder, &folder) == 0 && fchownat(restore->folder, name, folder.st_uid, folder.st_gid, 0) == 0))
		return EXIT_OK;
	return say_file("cannot be given to the owner of the data folder", name);
}

/* The key first: a database without it could not be opened. */
static int give_names(const struct restore *restore)
{
	static const char *const names[] = {"master.key", "grapnel.db"};

	for (size_t i = restore->key_place[0] ? 1 : 0; i < sizeof names / sizeof *names; i++) {
		char from[64];
		snprintf(from, sizeof from, STAGING "/%s", names[i]);
		int code = hand_over(restore, from);
		if (code != EXIT_OK)
			return code;
		if (renameat(restore->folder, from, restore->folder, names[i]) != 0 || fsync(restore->folder) != 0)
			return say_file("cannot be put in its place", names[i]);
	}
	return hand_over(restore, "grapnel.lock");
}

/* ---- The master key ---------------------------------------------------------------------------------------------------- */

/* 1: the same bytes, 0: others, -1: the file is not there or cannot be read. */
static int same_bytes(const char *a, const char *b)
{
	char of_a[KEY_BYTES_MAX], of_b[KEY_BYTES_MAX];
	int fds[] = {open(a, O_RDONLY | O_CLOEXEC), open(b, O_RDONLY | O_CLOEXEC)};
	ssize_t len_a = fds[0] < 0 ? -1 : read(fds[0], of_a, sizeof of_a), len_b = fds[1] < 0 ? -1 : read(fds[1], of_b, sizeof of_b);
	int same = len_a < 0 || len_b < 0 ? -1 : len_a == len_b && memcmp(of_a, of_b, (size_t)len_a) == 0;

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	explicit_bzero(of_a, sizeof of_a);
	explicit_bzero(of_b, sizeof of_b);
	return same;
}

/* The options say that the hub finds its key elsewhere: what is there is never replaced. */
static int check_key_place(struct restore *restore)
{
	if (!restore->key_place[0] || (access(restore->key_place, F_OK) != 0 && errno == ENOENT))
		return EXIT_OK;
	int same = same_bytes(restore->key, restore->key_place);
	if (same < 0)
		return say_file("cannot be read", restore->key_place);
	restore->key_there = same > 0;
	if (same > 0)
		return EXIT_OK;
	command_say("the hub on %s takes its master key from %s, and that is another one than %s: put the key of the backup there first, "
	            "cp %s %s (keep the present one if another hub needs it), then restore again",
	            restore->data, restore->key_place, restore->key, restore->key, restore->key_place);
	return EXIT_FAILED;
}

/* Before the database has its name. */
static int place_key(const struct restore *restore)
{
	struct stat folder;

	if (!restore->key_place[0] || restore->key_there)
		return EXIT_OK;
	int from = open(restore->key, O_RDONLY | O_CLOEXEC), to = open(restore->key_place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int code = EXIT_OK;
	if (from < 0 || to < 0 || copy_bytes(from, to) != 0 ||
	    (geteuid() == 0 && (fstat(restore->folder, &folder) != 0 || fchown(to, folder.st_uid, folder.st_gid) != 0)))
		code = say_file("cannot be written", restore->key_place);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return code;
}

/* ---- The command ------------------------------------------------------------------------------------------------------- */

static int stage_and_check(struct restore *restore)
{
	unstage(restore);
	if (mkdir(restore->staging, 0700) != 0)
		return say_file("cannot be made", restore->staging);
	restore->staged = true;
	int code = copy_file(restore, restore->file, "grapnel.db");
	if (code == EXIT_OK)
		code = copy_file(restore, restore->key, "master.key");
	if (code == EXIT_OK)
		code = check_copy(restore);
	if (code == EXIT_OK)
		code = place_key(restore);
	return code == EXIT_OK ? give_names(restore) : code;
}

/* What a hub wrote last stands beside its database: a copy of that file alone would lose it. */
static int check_backup(const struct restore *restore)
{
	struct strbuf wal = STRBUF_INIT(PATH_MAX);
	struct stat status;

	strbuf_printf(&wal, "%s-wal", restore->file);
	bool live = stat(strbuf_text(&wal), &status) == 0 && status.st_size > 0;
	strbuf_free(&wal);
	if (!live)
		return EXIT_OK;
	command_say("%s is the database of a hub, not a backup: make one with grapnel backup", restore->file);
	return EXIT_FAILED;
}

static int read_arguments(struct restore *restore)
{
	const struct command_run *run = restore->run;
	struct conf conf;
	struct err err = {0};

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	restore->file = run->args->words[0];
	restore->key = args_value(run->args, "master-key");
	if (!restore->key)
		return command_misused(run,
		                       "the secrets in a backup are sealed with the master key of its hub: say with --master-key where "
		                       "the copy of master.key is that was kept with it");
	if (conf_load(&conf, run->args->conf_len, run->args->conf, NULL, &err) != 0) {
		command_say("%s", err.detail);
		return EXIT_USAGE;
	}
	snprintf(restore->data, sizeof restore->data, "%s", conf.data);
	const char *key_place = conf.master_key_file ? conf.master_key_file : conf_place_key(&conf);
	snprintf(restore->key_place, sizeof restore->key_place, "%s", key_place ? key_place : "");
	conf_free(&conf);
	snprintf(restore->staging, sizeof restore->staging, "%s/" STAGING, restore->data);
	return EXIT_OK;
}

static void put_done(const struct restore *restore)
{
	const char *backup_at = json_string_value(json_object_get(restore->told, "backup_at"));
	bool at_least = json_is_true(json_object_get(restore->told, "at_least"));

	if (args_value(restore->run->args, "json")) {
		json_t *doc = json_pack("{s:s, s:s, s:b}", "restored", restore->file, "data", restore->data, "paused", 1);
		json_object_update(doc, restore->told);
		json_line(doc, stdout);
		json_decref(doc);
		return;
	}
	printf("restored %s to %s\n", restore->file, restore->data);
	if (backup_at)
		printf("the backup ends at %s\n", backup_at);
	printf("deliveries pending: %s%lld, held behind them: %lld; those that were delivered after the backup would be sent again\n",
	       at_least ? "at least " : "", (long long)json_integer_value(json_object_get(restore->told, "pending")),
	       (long long)json_integer_value(json_object_get(restore->told, "held")));
	puts("the hub begins paused: it takes events in and sends nothing until: grapnel resume");
}

int restore_run(const struct command_run *run)
{
	struct restore restore = {.run = run, .folder = -1, .lock = -1};

	int code = read_arguments(&restore);
	if (code == EXIT_OK && access(restore.file, R_OK) != 0)
		code = say_file("cannot be read", restore.file);
	if (code == EXIT_OK && access(restore.key, R_OK) != 0)
		code = say_file("cannot be read", restore.key);
	if (code == EXIT_OK)
		code = check_backup(&restore);
	if (code == EXIT_OK)
		code = take_lock(&restore);
	if (code == EXIT_OK)
		code = check_empty(&restore);
	if (code == EXIT_OK)
		code = check_key_place(&restore);
	if (code == EXIT_OK)
		code = stage_and_check(&restore);
	if (restore.staged)
		unstage(&restore);
	if (code != EXIT_OK && restore.made)
		unmake_folder(&restore);
	if (code == EXIT_OK)
		put_done(&restore);
	json_decref(restore.told);
	if (restore.lock >= 0)
		close(restore.lock);
	if (restore.folder >= 0)
		close(restore.folder);
	return code;
}
