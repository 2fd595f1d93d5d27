/* Private to conf/: what loading an option file shares with loading the rest. */
#ifndef GRAPNEL_CONF_LOADER_H
#define GRAPNEL_CONF_LOADER_H

#include "base/attr.h"
#include "base/err.h"
#include "conf/conf.h"
#include "conf/option.h"

/* Sources are taken in the order of their precedence: who comes first wins. */
enum loader_rank { LOADER_UNSET, LOADER_ARGUMENT, LOADER_ENVIRONMENT, LOADER_FILE, LOADER_DEFAULT };

struct loader {
	struct conf *conf;
	enum loader_rank ranks[OPTION_COUNT];
	struct err *err;
	/* What is wrong is told, and the rest looked at all the same; NULL: the first thing that is wrong ends it. */
	void (*found)(void *context, const char *text);
	void *context;
	bool system; /* the file is that of the system (place.h) */
};

/* Checks the value and keeps it unless a source of higher rank gave one. `origin` says where the value stands: "file:12",
 * "environment variable GRAPNEL_X", "argument --x". */
int loader_take(struct loader *loader, const struct option *option, enum loader_rank rank, const char *origin,
		const char *text) ATTR_MUST_USE;
/* After something went wrong: whether to go on, which it is if all is to be found. Then it was told, and loader->err is empty again. */
bool loader_goes_on(struct loader *loader);
/* Reads an option file. `found_in_data`: it was found through the data folder, so it need not exist and cannot move that folder. */
int loader_file(struct loader *loader, const char *path, bool found_in_data) ATTR_MUST_USE;

#endif
