/* The grammar of messages, and their sockets. */
#include "http1.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void parse_line(const char *line, size_t len, struct http1_head *head)
{
	static const char length[] = "content-length:", signature[] = "webhook-signature:";
	char first = (char)(line[0] | 0x20);
	if (first == 'c' && len > sizeof length && strncasecmp(line, length, sizeof length - 1) == 0)
		head->body_bytes = strtoul(line + sizeof length - 1, NULL, 10);
	else if (first == 'w' && len > sizeof signature && strncasecmp(line, signature, sizeof signature - 1) == 0)
		head->is_signed = true;
}

int http1_parse(const char *bytes, size_t len, struct http1_head *head)
{
	const char *at = bytes, *end = bytes + len;
	*head = (struct http1_head){0};
	for (;;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			return 0;
		size_t line_len = (size_t)(newline - at);
		if (line_len == 0 || newline[-1] != '\r')
			return -1;
		if (at == bytes)
			head->status = line_len > 12 && memcmp(at, "HTTP/1.", 7) == 0 ? (unsigned)strtoul(at + 9, NULL, 10) : 0;
		else if (line_len > 1)
			parse_line(at, line_len, head);
		at = newline + 1;
		if (line_len == 1) {
			head->head_bytes = (size_t)(at - bytes);
			return 1;
		}
	}
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return fd;
}

static struct sockaddr_in address_of(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int http1_connect(unsigned port)
{
	int fd = new_socket();
	struct sockaddr_in at = address_of(port);
	if (connect(fd, (struct sockaddr *)&at, sizeof at))
		err(1, "connect to port %u", port);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int http1_listen(unsigned port)
{
	int fd = new_socket();
	struct sockaddr_in at = address_of(port);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096))
		err(1, "listen on port %u", port);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}
