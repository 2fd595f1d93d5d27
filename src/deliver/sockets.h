/* Which of curl's sockets the worker's epoll set holds. curl asks for each request anew that its socket be watched, and takes it back at
 * the end. A connection that is kept for the next request stays in the set meanwhile, so that requests over it cost no system call
 * here. Owned by the worker's thread. */
#ifndef GRAPNEL_DELIVER_SOCKETS_H
#define GRAPNEL_DELIVER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockets {
	int epoll_fd;
	struct socket_watch *at; /* by descriptor */
	size_t len;
};

/* In what epoll gives back for a socket: this bit and the descriptor. A pointer never has it. */
#define SOCKETS_TAG (UINT64_C(1) << 63)

void sockets_free(struct sockets *sockets);
/* Every new socket is told: its descriptor may have been another one's, which the kernel took out of the set when that was closed. */
void sockets_opened(struct sockets *sockets, int fd);
/* curl wants these events (EPOLLIN, EPOLLOUT), 0: none. */
void sockets_want(struct sockets *sockets, int fd, uint32_t events);
/* epoll reported something. False: nobody waits for this socket (the peer closed an idle connection, say), and it was taken out. */
bool sockets_reported(struct sockets *sockets, int fd);

#endif
