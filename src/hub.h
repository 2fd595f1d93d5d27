/* The hub: builds every part from the configuration, wires them, starts and stops them in order. hub.c is where the data flow
 * can be read on one page. */
#ifndef GRAPNEL_HUB_H
#define GRAPNEL_HUB_H

#include "base/err.h"
#include "conf/conf.h"
#include "http/message.h"

struct hub;

/* Takes the data folder's lock (waits up to lock_wait_ms for another holder, then says who), opens the store. With `serve`:
 * also scheduler, workers, admin socket and listeners, and it is ready when this returns. Without: only what the command line needs to
 * run API calls in its own process. */
struct hub *hub_start(const struct conf *conf, bool serve, int lock_wait_ms, struct err *err);
/* One API request as the administrator, in the caller's thread. */
void hub_call(struct hub *hub, const struct http_request *request, struct http_response *response);
/* From now on it can be reloaded; the arguments are those that `conf` was loaded from, and live until hub_stop(). */
void hub_reloadable(struct hub *hub, int argc, char **argv);
/* Takes options and certificate again (reload.h). What came of it is logged. */
void hub_reload(struct hub *hub);
/* Drains and stops everything within the deadline of the options; NULL is allowed. */
void hub_stop(struct hub *hub);

#endif
