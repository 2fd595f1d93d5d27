/* The hub as a service of systemd: tells it what goes on, answers its watchdog, and waits for signals meanwhile. Owned by the main thread.
 *
 * WATCHDOG=1 is sent only when the threads that the hub lives by (HTTP, writer, scheduler, workers) have all just answered (base/pulse). They are
 * asked twice in the time that systemd gives, so one that hangs ends the process after that time, and one that is held up for less than half of it
 * (a disk that stalls) never does. Without systemd there is nothing but the wait for a signal, and an idle hub sleeps on. */
#ifndef GRAPNEL_SERVICE_H
#define GRAPNEL_SERVICE_H

#include <signal.h>

#include "base/attr.h"
#include "base/err.h"
#include "hub.h"

struct service;

/* Before any thread: looks whether systemd started this process. `signals` are blocked, and must live as long as the service. */
struct service *service_open(const sigset_t *signals, struct err *err) ATTR_MUST_USE;
/* The hub does not start; also before service_open(), or without it. */
void service_refused(const char *why);
/* The hub serves. */
void service_ready(struct service *service, struct hub *hub);
/* Waits for one of the signals. */
int service_wait(struct service *service);
/* A reload begins, and is over. */
void service_reload(struct service *service);
void service_reloaded(struct service *service);
/* The hub stops, which takes as long as this and some. */
void service_stop(struct service *service, int64_t deadline_ms);
/* When the hub is no more. */
void service_close(struct service *service);

#endif
