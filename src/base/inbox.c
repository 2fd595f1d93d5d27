/* The inbox. Invariant, under the mutex: a non-empty inbox has its eventfd set. */
#include "base/inbox.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

int inbox_init(struct inbox *inbox, struct err *err)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
	pthread_mutex_init(&inbox->mutex, NULL);
	inbox->head = NULL;
	inbox->tail = &inbox->head;
	inbox->fd = fd;
	return 0;
}

void inbox_destroy(struct inbox *inbox)
{
	close(inbox->fd);
	inbox->fd = -1;
	pthread_mutex_destroy(&inbox->mutex);
}

/* EAGAIN means that the counter is full: the owner is woken anyway. */
static void inbox_signal(struct inbox *inbox)
{
	uint64_t one = 1;
	while (write(inbox->fd, &one, sizeof one) < 0 && errno != EAGAIN)
		if (errno != EINTR)
			log_fatal("base", "cannot write an eventfd: %s", strerror(errno));
}

void inbox_post(struct inbox *inbox, struct inbox_node *node)
{
	inbox_post_chain(inbox, node, node);
}

void inbox_post_chain(struct inbox *inbox, struct inbox_node *first, struct inbox_node *last)
{
	last->next = NULL;
	pthread_mutex_lock(&inbox->mutex);
	bool was_empty = !inbox->head;
	*inbox->tail = first;
	inbox->tail = &last->next;
	/* Inside the mutex: once the owner has the node it may destroy the inbox, so nothing may be touched after that. */
	if (was_empty)
		inbox_signal(inbox);
	pthread_mutex_unlock(&inbox->mutex);
}

struct inbox_node *inbox_take(struct inbox *inbox)
{
	uint64_t count;
	pthread_mutex_lock(&inbox->mutex);
	while (read(inbox->fd, &count, sizeof count) < 0 && errno == EINTR)
		continue;
	struct inbox_node *first = inbox->head;
	inbox->head = NULL;
	inbox->tail = &inbox->head;
	pthread_mutex_unlock(&inbox->mutex);
	return first;
}

void inbox_wake(struct inbox *inbox)
{
	inbox_signal(inbox);
}

void inbox_wait(struct inbox *inbox, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = inbox->fd, .events = POLLIN};
	/* An interrupted wait just ends early: callers look at their work and their time anyway. */
	if (poll(&poll_fd, 1, timeout_ms) < 0 && errno != EINTR)
		log_fatal("base", "cannot poll an eventfd: %s", strerror(errno));
}
