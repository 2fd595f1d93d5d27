/* Handshakes that are under way. */
#include "http/handshakes.h"

#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/tls.h"

static struct handshake *oldest(const struct handshakes *handshakes)
{
	return CONTAINER_OF(handshakes->queue.first, struct handshake, deadline);
}

void handshake_begin(struct handshakes *handshakes, struct handshake *handshake, int64_t now_us)
{
	loop_queue_add(&handshakes->queue, &handshake->deadline, now_us + (int64_t)HANDSHAKE_MOST_MS * 1000);
	handshakes->len++;
}

void handshake_end(struct handshakes *handshakes, struct handshake *handshake)
{
	if (handshake->deadline.at_us == 0)
		return;
	loop_queue_remove(&handshakes->queue, &handshake->deadline);
	handshakes->len--;
}

int64_t handshakes_due_us(const struct handshakes *handshakes)
{
	int64_t early_us = handshakes->len > HANDSHAKES_MAX ? (int64_t)(HANDSHAKE_MOST_MS - HANDSHAKE_LEAST_MS) * 1000 : 0;
	return handshakes->queue.first ? handshakes->queue.first->at_us - early_us : 0;
}

/* Its connection ends, unless the handshake is over and the client only has not asked for anything. */
static void give_up(struct handshakes *handshakes, struct handshake *handshake)
{
	handshake_end(handshakes, handshake);
	if (tls_shaken(handshake->session))
		return;
	log_debug("http", "a TLS handshake was too slow and was cut off");
	shutdown(handshake->fd, SHUT_RDWR);
}

void handshakes_expire(struct handshakes *handshakes, int64_t now_us)
{
	while (handshakes->queue.first && handshakes_due_us(handshakes) <= now_us)
		give_up(handshakes, oldest(handshakes));
}
