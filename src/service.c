/* The hub as a service of systemd. */
#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/systemd.h"
#include "base/utf8.h"

enum {
	STATUS_EVERY_US = 30 * 1000 * 1000,
	STOP_MORE_US = 90 * 1000 * 1000, /* for what comes behind stop.deadline: outcomes, answers, the last checkpoint */
	STATUS_SIZE = 300,
};

struct service {
	const sigset_t *signals;
	struct hub *hub;
	/* The following only when somebody listens. */
	int signal_fd;
	struct inbox inbox; /* its one node is that of `backlog` */
	bool watched;       /* WATCHDOG=1 is expected */
	int64_t every_us, next_us;
	bool asked;         /* the threads were, and it was not told yet that all have answered */
	bool counting;      /* `backlog` is on its way */
	struct api_backlog backlog;
	int64_t paused_ms;  /* since when the hub is, as it was looked at last */
	char status[STATUS_SIZE];
};

struct service *service_open(const sigset_t *signals, struct err *err)
{
	if (systemd_open(err))
		return NULL;
	struct service *service = mem_new(struct service);
	*service = (struct service){.signals = signals, .signal_fd = -1};
	if (!systemd_listens())
		return service;
	int64_t watchdog_us = systemd_watchdog_us();
	service->watched = watchdog_us > 0;
	service->every_us = service->watched ? watchdog_us / 2 : STATUS_EVERY_US;
	if (inbox_init(&service->inbox, err))
		goto failed;
	service->signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (service->signal_fd >= 0)
		return service;
	err_set(err, ERR_INTERNAL, "cannot wait for signals: %s", strerror(errno));
	inbox_destroy(&service->inbox);
failed:
	free(service);
	return NULL;
}

void service_close(struct service *service)
{
	if (service->signal_fd >= 0) {
		close(service->signal_fd);
		inbox_destroy(&service->inbox);
	}
	free(service);
}

/* ---- What it says ---------------------------------------------------------------------------------------------------------- */

static void put_age(char *out, size_t size, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
	size_t unit = 0;
	while (unit + 1 < sizeof units / sizeof *units && ms < units[unit].ms * 2)
		unit++;
	snprintf(out, size, "%" PRId64 " %s", ms > 0 ? ms / units[unit].ms : 0, units[unit].name);
}

/* "; 3 deliveries are pending, the oldest for 12 s" */
static void put_backlog(const struct api_backlog *backlog, char *out, size_t size)
{
	char age[32];
	if (backlog->pending.count == 0) {
		snprintf(out, size, "; no delivery is pending");
		return;
	}
	put_age(age, sizeof age, clock_wall_ms(&clock_system) - backlog->oldest_ms);
	snprintf(out, size, "; %s%" PRId64 " deliver%s pending, the oldest for %s", backlog->pending.at_least ? "more than " : "", backlog->pending.count,
	         backlog->pending.count == 1 ? "y is" : "ies are", age);
}

static void status_now(const struct service *service, char out[STATUS_SIZE])
{
	char why[STATUS_SIZE - 20], waits[120] = "", since[CLOCK_RFC3339_SIZE];
	struct pause_view pause;
	hub_ready(service->hub, why, sizeof why);
	hub_paused(service->hub, &pause);
	if (!service->counting && service->backlog.known)
		put_backlog(&service->backlog, waits, sizeof waits);
	if (why[0]) {
		snprintf(out, STATUS_SIZE, "not ready: %s", why);
	} else if (pause.since_ms) {
		clock_format_rfc3339(pause.since_ms, since);
		snprintf(out, STATUS_SIZE, "paused since %s, nothing is sent until: grapnel resume%s", since, waits);
	} else {
		snprintf(out, STATUS_SIZE, "ready%s", waits);
	}
}

/* Only what is new is told. */
static void status_tell(struct service *service)
{
	char status[STATUS_SIZE];
	status_now(service, status);
	if (strcmp(status, service->status) == 0)
		return;
	memcpy(service->status, status, sizeof status);
	systemd_notify("STATUS=%s", status);
}

/* One line, of a length that a message may have; systemd passes over what is no UTF-8. */
void service_refused(const char *why)
{
	char status[1024];
	size_t len = strlen(why);
	struct err unused = {0};
	if (!systemd_listens() && systemd_open(&unused))
		return;
	len = utf8_trim(why, len < sizeof status ? len : sizeof status - 1);
	for (size_t i = 0; i < len; i++)
		status[i] = (unsigned char)why[i] < 0x20 ? ' ' : why[i];
	status[len] = '\0';
	systemd_notify("STATUS=does not start: %s", status);
}

void service_ready(struct service *service, struct hub *hub)
{
	service->hub = hub;
	if (!systemd_listens())
		return;
	hub_watch(hub, &service->inbox);
	status_now(service, service->status);
	systemd_notify("READY=1\nSTATUS=%s", service->status);
}

void service_reload(struct service *service)
{
	if (!systemd_listens())
		return;
	snprintf(service->status, sizeof service->status, "reloading");
	systemd_notify("RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=%s", clock_mono_us(&clock_system), service->status);
}

void service_reloaded(struct service *service)
{
	if (!systemd_listens())
		return;
	status_now(service, service->status);
	systemd_notify("READY=1\nSTATUS=%s", service->status);
}

void service_stop(struct service *service, int64_t deadline_ms)
{
	(void)service;
	systemd_notify("STOPPING=1\nSTATUS=stopping: attempts in flight are awaited\nEXTEND_TIMEOUT_USEC=%" PRId64, deadline_ms * 1000 + STOP_MORE_US);
}

/* ---- The wait -------------------------------------------------------------------------------------------------------------- */

static void count(struct service *service)
{
	if (service->counting)
		return;
	service->backlog.to = &service->inbox;
	service->counting = hub_backlog(service->hub, &service->backlog) == 0;
}

/* The times of `every_us` begin here: all threads are asked, and how much waits. */
static void tick(struct service *service, int64_t now_us)
{
	char names[STATUS_SIZE];
	service->next_us = now_us + service->every_us;
	if (service->asked) {
		pulse_names(names, sizeof names);
		log_warn("main", "no answer for %" PRId64 " s from the threads: %s; the watchdog ends the process unless they go on", service->every_us / 1000000, names);
	} else if (service->watched) {
		service->asked = true;
		pulse_ask(&service->inbox);
	}
	count(service);
}

static void look(struct service *service)
{
	if (inbox_take(&service->inbox))
		service->counting = false;
	if (service->asked && pulse_awaited() == 0) {
		service->asked = false;
		systemd_notify("WATCHDOG=1");
	}
	/* Who pauses or resumes the hub looks how much waits now, not half a minute ago. */
	struct pause_view pause;
	hub_paused(service->hub, &pause);
	if (pause.since_ms != service->paused_ms)
		count(service);
	service->paused_ms = pause.since_ms;
	int64_t now_us = clock_mono_us(&clock_system);
	if (now_us >= service->next_us)
		tick(service, now_us);
	if (!service->counting)
		status_tell(service);
}

/* 0: none came. */
static int wait_once(struct service *service)
{
	struct pollfd polled[] = {{.fd = service->signal_fd, .events = POLLIN}, {.fd = service->inbox.fd, .events = POLLIN}};
	struct signalfd_siginfo info;
	int64_t left_us = service->next_us - clock_mono_us(&clock_system);
	int timeout_ms = inbox_may_sleep(&service->inbox) && left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
	if (poll(polled, 2, timeout_ms) < 0 && errno != EINTR)
		log_fatal("main", "cannot wait for signals: %s", strerror(errno));
	return read(service->signal_fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int service_wait(struct service *service)
{
	int signal = 0;
	if (!systemd_listens()) {
		while (sigwait(service->signals, &signal) != 0)
			;
		return signal;
	}
	while (!(signal = wait_once(service)))
		look(service);
	return signal;
}
