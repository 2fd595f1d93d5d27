/* A reload: file, environment and certificate are read again by a hub that runs, as at its start. All or nothing: what is wrong with
 * anything changes nothing, and all of it is told. What only a start can take is named. Any thread; one at a time.
 *
 * Each part has a function that takes new values while others read the old ones: egress_become(), proxies_become(), tls_reload(),
 * server_limit(), api_limit(), store_tune(), log_configure(), endpoint_defaults_set(). Which option goes where stands in reload.c, and
 * tests/check-options looks that these are the ones that options.def calls OPTION_LIVE. */
#ifndef GRAPNEL_RELOAD_H
#define GRAPNEL_RELOAD_H

#include <pthread.h>

#include <jansson.h>

#include "api/api.h"
#include "conf/conf.h"
#include "deliver/egress.h"
#include "http/proxies.h"
#include "http/server.h"
#include "http/tls.h"
#include "schedule/schedule.h"
#include "store/store.h"

/* What is given new values. */
struct reload_parts {
	struct egress *egress;
	struct proxies *proxies;
	struct tls *tls; /* NULL: there is no certificate */
	struct server *server;
	struct api *api;
	struct store *store;
	struct scheduler *scheduler;
};

struct reload {
	const struct conf *started;
	int argc;
	char **argv; /* of the start, options only */
	pthread_mutex_t mutex;
	struct conf now; /* under the mutex: as at the start, with what reloads took */
};

/* Before any thread that may reload; `started` and argv must live until reload_destroy(). */
void reload_init(struct reload *reload, const struct conf *started, int argc, char **argv);
void reload_destroy(struct reload *reload);
/* What came of it, which is logged, too: {"reloaded", "changed": [names], "restart": [names], "certificate", "findings": [sentences]}. With
 * `dry` it is only said what would be done. NULL: memory is out. */
json_t *reload_now(struct reload *reload, const struct reload_parts *parts, bool dry) ATTR_MUST_USE;

#endif
