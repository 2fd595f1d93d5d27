/* Out of sockets. */
#include "deliver/shortage.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool shortage_errno(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool shortage_now(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return shortage_errno(errno);
	close(fd);
	return false;
}
