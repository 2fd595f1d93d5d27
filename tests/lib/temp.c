/* Temporary folders for tests. */
#include "temp.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void give_up(const char *what)
{
	perror(what);
	abort();
}

char *temp_make(void)
{
	const char *base = getenv("TMPDIR");
	char *folder = temp_path(base && *base ? base : "/tmp", "grapnel-test-XXXXXX");
	if (!mkdtemp(folder))
		give_up(folder);
	return folder;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void temp_remove(char *folder)
{
	if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS))
		give_up(folder);
	free(folder);
}

char *temp_path(const char *folder, const char *name)
{
	char *path;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		give_up("asprintf");
	return path;
}
