/* The hub: builds every part from the configuration, wires them, starts and stops them in order. hub.c is where the data flow
 * can be read on one page. */
#ifndef GRAPNEL_HUB_H
#define GRAPNEL_HUB_H

#include "api/api.h"
#include "base/err.h"
#include "base/inbox.h"
#include "conf/conf.h"
#include "http/message.h"
#include "model/pause.h"

struct hub;

/* Takes the data folder's lock (waits up to lock_wait_ms for another holder, then says who), opens the store. With `serve`:
 * also scheduler, workers, admin socket and listeners, and it is ready when this returns. Without: only what the command line needs to
 * run API calls in its own process. */
struct hub *hub_start(const struct conf *conf, bool serve, int lock_wait_ms, struct err *err);
/* From now on the watch is woken when the hub is not ready or is paused, and when it is not so any more. It must live until hub_stop(). */
void hub_watch(struct hub *hub, struct inbox *watch);
/* "" when ready; else why not. */
void hub_ready(struct hub *hub, char *why, size_t why_size);
void hub_paused(struct hub *hub, struct pause_view *view);
/* How much waits: see api_backlog(). */
int hub_backlog(struct hub *hub, struct api_backlog *ask) ATTR_MUST_USE;
/* One API request as the administrator, in the caller's thread. */
void hub_call(struct hub *hub, const struct http_request *request, struct http_response *response);
/* From now on it can be reloaded; the arguments are those that `conf` was loaded from, and live until hub_stop(). */
void hub_reloadable(struct hub *hub, int argc, char **argv);
/* Takes options and certificate again (reload.h). What came of it is logged. */
void hub_reload(struct hub *hub);
/* Drains and stops everything within the deadline of the options; NULL is allowed. */
void hub_stop(struct hub *hub);

#endif
