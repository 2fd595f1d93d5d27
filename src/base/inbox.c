/* The inbox. Invariant: when it is not empty, its owner is awake, or was woken, or will be by a poster that counts in `posting`. */
#include "base/inbox.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

enum { HELD_MAX = 16 };

/* The inboxes whose owners this thread is to wake when it releases; it counts in their `posting`. */
static _Thread_local struct {
	bool on;
	unsigned len;
	struct inbox *at[HELD_MAX];
} held;

int inbox_init(struct inbox *inbox, struct err *err)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
	atomic_init(&inbox->head, NULL);
	atomic_init(&inbox->posting, 0);
	atomic_init(&inbox->sleeping, false);
	atomic_init(&inbox->dozing, false);
	atomic_init(&inbox->called, false);
	inbox->slept = false;
	inbox->owed = 0;
	inbox->fd = fd;
	return 0;
}

void inbox_destroy(struct inbox *inbox)
{
	while (atomic_load(&inbox->posting) > 0)
		sched_yield();
	close(inbox->fd);
	inbox->fd = -1;
}

/* Whoever finds the owner asleep, and nobody else, wakes it. EAGAIN would mean that the counter is full: the owner is woken anyway. */
static void wake_sleeper(struct inbox *inbox)
{
	uint64_t one = 1;
	if (!atomic_exchange(&inbox->sleeping, false))
		return;
	while (write(inbox->fd, &one, sizeof one) < 0 && errno != EAGAIN)
		if (errno != EINTR)
			log_fatal("base", "cannot write an eventfd: %s", strerror(errno));
}

/* Takes over the poster's count; false: it is to wake the owner itself. */
static bool hold_back(struct inbox *inbox)
{
	if (!held.on)
		return false;
	for (unsigned i = 0; i < held.len; i++) {
		if (held.at[i] == inbox) {
			atomic_fetch_sub(&inbox->posting, 1);
			return true;
		}
	}
	if (held.len == HELD_MAX)
		return false;
	held.at[held.len++] = inbox;
	return true;
}

static void post(struct inbox *inbox, struct inbox_node *node, bool lazily)
{
	/* Once the owner has the node it may destroy the inbox: it waits for this count. */
	atomic_fetch_add(&inbox->posting, 1);
	struct inbox_node *before = atomic_load(&inbox->head);
	do
		node->next = before;
	while (!atomic_compare_exchange_weak(&inbox->head, &before, node));
	/* Behind another one it is that one's poster who wakes, unless that was lazy: while the owner dozes everybody else does. */
	bool wakes = atomic_load(&inbox->dozing) ? !lazily : !before;
	if (wakes && hold_back(inbox))
		return;
	if (wakes)
		wake_sleeper(inbox);
	atomic_fetch_sub(&inbox->posting, 1);
}

void inbox_post(struct inbox *inbox, struct inbox_node *node)
{
	post(inbox, node, false);
}

void inbox_post_lazily(struct inbox *inbox, struct inbox_node *node)
{
	post(inbox, node, true);
}

void inbox_hold(void)
{
	held.on = true;
}

void inbox_release(void)
{
	for (unsigned i = 0; i < held.len; i++) {
		struct inbox *inbox = held.at[i];
		/* An owner that was awake has taken it meanwhile. */
		if (atomic_load(&inbox->head))
			wake_sleeper(inbox);
		atomic_fetch_sub(&inbox->posting, 1);
	}
	held.len = 0;
	held.on = false;
}

/* A poster that ended the sleep may write only later: what is owed is read sooner or later, so that no sleep ends for nothing twice. */
static void end_sleep(struct inbox *inbox)
{
	uint64_t count;
	if (!inbox->slept)
		return;
	inbox->slept = false;
	inbox->owed += !atomic_exchange(&inbox->sleeping, false);
	if (inbox->owed > 0 && read(inbox->fd, &count, sizeof count) > 0)
		inbox->owed -= count;
}

struct inbox_node *inbox_take(struct inbox *inbox)
{
	end_sleep(inbox);
	atomic_store(&inbox->called, false);
	struct inbox_node *at = atomic_load(&inbox->head) ? atomic_exchange(&inbox->head, NULL) : NULL, *first = NULL;
	while (at) {
		struct inbox_node *next = at->next;
		at->next = first;
		first = at;
		at = next;
	}
	return first;
}

void inbox_wake(struct inbox *inbox)
{
	atomic_store(&inbox->called, true);
	wake_sleeper(inbox);
}

/* The flag first, then the look: a poster does it the other way round, so that one of them sees the other. */
bool inbox_may_sleep(struct inbox *inbox)
{
	inbox->slept = true;
	atomic_store(&inbox->sleeping, true);
	return !atomic_load(&inbox->head) && !atomic_load(&inbox->called);
}

void inbox_wait(struct inbox *inbox, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = inbox->fd, .events = POLLIN};
	/* An interrupted wait just ends early: callers look at their work and their time anyway. */
	if (inbox_may_sleep(inbox) && timeout_ms != 0 && poll(&poll_fd, 1, timeout_ms) < 0 && errno != EINTR)
		log_fatal("base", "cannot poll an eventfd: %s", strerror(errno));
}

/* The flag before the look of inbox_may_sleep(), and back before the next one: what was posted lazily meanwhile is seen by that. */
void inbox_doze(struct inbox *inbox, int timeout_ms)
{
	atomic_store(&inbox->dozing, true);
	inbox_wait(inbox, timeout_ms);
	atomic_store(&inbox->dozing, false);
}
