/* Where a packaged hub has its things, so that commands find it with no arguments: the option file of the system, and what holds where that is
 * the one in force. Which places they are is said at configure time (--sysconfdir, --localstatedir). */
#ifndef GRAPNEL_CONF_PLACE_H
#define GRAPNEL_CONF_PLACE_H

#include <stdbool.h>

#include "conf/conf.h"

struct conf_place {
	const char *file; /* /etc/grapnel/grapnel.conf */
	const char *key;  /* /etc/grapnel/master.key */
	const char *data; /* /var/lib/grapnel: the data folder, unless something says otherwise */
};

/* Only tests change it. */
extern struct conf_place conf_place;

/* Whether a hub was ever here, or is about to be: such a folder goes before the system's file. */
bool conf_place_has_hub(const char *data);
/* Whether the system's file exists; also when this user may not look. */
bool conf_place_exists(void);
/* Whether it is this one, by whatever path. */
bool conf_place_is(const char *file);
/* The master key of a data folder that is the system's, when there is one; else NULL. */
const char *conf_place_key(const struct conf *conf);
/* Where it belongs, there or not; NULL: the data folder is another one, or was not installed with the system's file. */
const char *conf_place_key_wanted(const struct conf *conf);

#endif
