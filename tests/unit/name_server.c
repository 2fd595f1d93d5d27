/* A name server for tests. */
#include "name_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 12, TYPE_A = 1, PACKET_MAX = 2048 };

struct name_server {
	int fd;
	unsigned ttl_s;
	atomic_uint queries;
	pthread_t thread;
	char address[32];
};

static const struct {
	const char *label;
	int rcode; /* -1: no answer */
	unsigned addresses;
	uint32_t at[2];
} zone[] = {
    {"public", 0, 1, {0x01010101}}, {"loopback", 0, 1, {0x7f000001}}, {"mixed", 0, 2, {0x7f000001, 0x0a000001}},
    {"many", 0, 20, {0x01010101}},  {"missing", 3, 0, {0}},           {"broken", 2, 0, {0}},
    {"silent", -1, 0, {0}},
};

static size_t put(uint8_t *packet, size_t at, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0)
		packet[at++] = (uint8_t)(value >> 8 * bytes);
	return at;
}

/* The answer stands over the query; 0: none. */
static size_t make_answer(struct name_server *server, uint8_t *packet, size_t len)
{
	size_t end = HEADER;
	if (len < HEADER + 5)
		return 0;
	while (end + 5 <= len && packet[end] != 0)
		end += packet[end] + 1u;
	if (end + 5 > len)
		return 0;
	unsigned type = packet[end + 1] * 256u + packet[end + 2];
	size_t at = end + 5;
	size_t row = 0;
	while (row < sizeof zone / sizeof *zone &&
	       (packet[HEADER] != strlen(zone[row].label) || memcmp(packet + HEADER + 1, zone[row].label, packet[HEADER]) != 0))
		row++;
	bool known = row < sizeof zone / sizeof *zone;
	int rcode = known ? zone[row].rcode : 3;
	unsigned answers = known && type == TYPE_A ? zone[row].addresses : 0;
	if (type == TYPE_A)
		atomic_fetch_add(&server->queries, 1);
	if (rcode < 0)
		return 0;
	packet[2] = 0x84; /* an answer, authoritative */
	packet[3] = (uint8_t)rcode;
	put(packet, 6, answers, 2);
	put(packet, 8, 0, 4);
	for (unsigned i = 0; i < answers; i++) {
		at = put(packet, at, 0xc000 | HEADER, 2); /* the name of the question */
		at = put(packet, at, TYPE_A, 2);
		at = put(packet, at, 1, 2);
		at = put(packet, at, server->ttl_s, 4);
		at = put(packet, at, 4, 2);
		at = put(packet, at, zone[row].at[i % 2] ? zone[row].at[i % 2] : zone[row].at[0] + i, 4);
	}
	return at;
}

static void *run(void *argument)
{
	struct name_server *server = argument;
	for (;;) {
		uint8_t packet[PACKET_MAX];
		struct sockaddr_in from;
		socklen_t from_len = sizeof from;
		ssize_t len = recvfrom(server->fd, packet, PACKET_MAX / 2, 0, (struct sockaddr *)&from, &from_len);
		if (len <= 1)
			return NULL; /* one byte is the word to stop */
		size_t answer = make_answer(server, packet, (size_t)len);
		if (answer > 0 && sendto(server->fd, packet, answer, 0, (struct sockaddr *)&from, from_len) < 0)
			abort();
	}
}

struct name_server *name_server_start(unsigned ttl_s)
{
	struct name_server *server = calloc(1, sizeof *server);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	server->ttl_s = ttl_s;
	server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(server->fd, (struct sockaddr *)&at, len) || getsockname(server->fd, (struct sockaddr *)&at, &len) ||
	    pthread_create(&server->thread, NULL, run, server))
		abort();
	snprintf(server->address, sizeof server->address, "127.0.0.1:%u", ntohs(at.sin_port));
	return server;
}

const char *name_server_address(const struct name_server *server)
{
	return server->address;
}

unsigned name_server_queries(struct name_server *server)
{
	return atomic_load(&server->queries);
}

void name_server_stop(struct name_server *server)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;
	if (getsockname(server->fd, (struct sockaddr *)&at, &len) || sendto(server->fd, "", 1, 0, (struct sockaddr *)&at, len) != 1)
		abort();
	pthread_join(server->thread, NULL);
	close(server->fd);
	free(server);
}
