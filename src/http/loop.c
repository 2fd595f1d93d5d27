/* The parts of an event loop. */
#include "http/loop.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"

enum { LOOP_EVENTS = 128 };

int loop_watch(int epoll_fd, int fd, uint32_t events, struct loop_source *source, struct err *err)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return err_set(err, ERR_INTERNAL, "cannot watch a descriptor: %s", strerror(errno));
	return 0;
}

void loop_unwatch(int epoll_fd, int fd)
{
	struct epoll_event unused = {0};
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &unused);
}

int loop_wait(int epoll_fd, int64_t timeout_ms)
{
	struct epoll_event events[LOOP_EVENTS];
	int ready = epoll_wait(epoll_fd, events, LOOP_EVENTS, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
	if (ready < 0 && errno != EINTR)
		log_fatal("http", "cannot wait for events: %s", strerror(errno));
	for (int i = 0; i < ready; i++) {
		struct loop_source *source = events[i].data.ptr;
		if (source->ready)
			source->ready(source);
	}
	return ready > 0 ? ready : 0;
}

int64_t loop_sooner(int64_t timeout_ms, int64_t other_ms)
{
	if (other_ms < 0)
		other_ms = 0;
	return timeout_ms < 0 || other_ms < timeout_ms ? other_ms : timeout_ms;
}

int64_t loop_until(int64_t at_us, int64_t now_us)
{
	return (at_us - now_us + 999) / 1000;
}

void loop_queue_add(struct loop_queue *queue, struct loop_deadline *deadline, int64_t at_us)
{
	*deadline = (struct loop_deadline){.prev = queue->last, .at_us = at_us};
	*(queue->last ? &queue->last->next : &queue->first) = deadline;
	queue->last = deadline;
}

void loop_queue_remove(struct loop_queue *queue, struct loop_deadline *deadline)
{
	if (deadline->at_us == 0)
		return;
	*(deadline->prev ? &deadline->prev->next : &queue->first) = deadline->next;
	*(deadline->next ? &deadline->next->prev : &queue->last) = deadline->prev;
	*deadline = (struct loop_deadline){0};
}

struct loop_deadline *loop_queue_expired(struct loop_queue *queue, int64_t now_us)
{
	struct loop_deadline *first = queue->first;
	if (!first || first->at_us > now_us)
		return NULL;
	queue->first = first->next;
	*(first->next ? &first->next->prev : &queue->last) = NULL;
	*first = (struct loop_deadline){0};
	return first;
}
