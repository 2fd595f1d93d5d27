/* The places of a packaged hub. */
#include "conf/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct conf_place conf_place = {
    .file = GRAPNEL_SYSCONFDIR "/grapnel/grapnel.conf",
    .key = GRAPNEL_SYSCONFDIR "/grapnel/master.key",
    .data = GRAPNEL_LOCALSTATEDIR "/lib/grapnel",
};

static bool same(const char *a, const char *b)
{
	struct stat of_a, of_b;
	return strcmp(a, b) == 0 || (stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino);
}

bool conf_place_has_hub(const char *data)
{
	static const char *const names[] = {"grapnel.db", "grapnel.lock", "grapnel.conf"};
	char path[4096];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if ((size_t)snprintf(path, sizeof path, "%s/%s", data, names[i]) < sizeof path && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

bool conf_place_exists(void)
{
	return access(conf_place.file, F_OK) == 0 || errno == EACCES;
}

bool conf_place_is(const char *file)
{
	return same(file, conf_place.file);
}

const char *conf_place_key(const struct conf *conf)
{
	return same(conf->data, conf_place.data) && access(conf_place.key, F_OK) == 0 ? conf_place.key : NULL;
}

const char *conf_place_key_wanted(const struct conf *conf)
{
	return same(conf->data, conf_place.data) && conf_place_exists() ? conf_place.key : NULL;
}
