/* The sockets of a worker. Invariant: what is wanted is in the set; what is there and not wanted is watched for EPOLLIN alone, so that a
 * connection nobody uses reports nothing until its peer does something. */
#include "deliver/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"

enum { FIRST_LEN = 64 };

struct socket_watch {
	uint8_t in_set; /* the events that it stands in the set with; 0: it does not */
	uint8_t wanted;
};

void sockets_free(struct sockets *sockets)
{
	free(sockets->at);
	sockets->at = NULL;
	sockets->len = 0;
}

static struct socket_watch *watch_of(struct sockets *sockets, int fd)
{
	size_t place = (size_t)fd, len = sockets->len ? sockets->len : FIRST_LEN;
	if (place < sockets->len)
		return &sockets->at[place];
	while (len <= place)
		len *= 2;
	struct socket_watch *at = realloc(sockets->at, len * sizeof *at);
	if (!at)
		log_fatal("deliver", "out of memory for the table of sockets");
	memset(at + sockets->len, 0, (len - sockets->len) * sizeof *at);
	sockets->at = at;
	sockets->len = len;
	return &at[place];
}

void sockets_opened(struct sockets *sockets, int fd)
{
	*watch_of(sockets, fd) = (struct socket_watch){0};
}

static void take_out(struct sockets *sockets, struct socket_watch *watch, int fd)
{
	/* Fails when it is closed already, which took it out. */
	if (watch->in_set)
		epoll_ctl(sockets->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	watch->in_set = 0;
}

void sockets_want(struct sockets *sockets, int fd, uint32_t events)
{
	struct socket_watch *watch = watch_of(sockets, fd);
	struct epoll_event event = {.events = events, .data.u64 = SOCKETS_TAG | (unsigned)fd};
	watch->wanted = (uint8_t)events;
	if (events == 0 && watch->in_set != EPOLLIN)
		take_out(sockets, watch, fd);
	if (events == 0 || events == watch->in_set)
		return;
	/* An unwatched exchange ends by its time-out. */
	if (epoll_ctl(sockets->epoll_fd, watch->in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
		log_error("deliver", "cannot watch a socket: %s", strerror(errno));
	else
		watch->in_set = (uint8_t)events;
}

bool sockets_reported(struct sockets *sockets, int fd)
{
	struct socket_watch *watch = watch_of(sockets, fd);
	if (!watch->wanted)
		take_out(sockets, watch, fd);
	return watch->wanted != 0;
}
