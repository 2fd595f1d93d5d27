/* Requests as GitHub sends them to a source: the payload alone, X-GitHub-Delivery with the event's number, and
 * X-Hub-Signature-256 over the body
 * (docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). */
#ifndef GRAPNEL_BENCH_SIGNED_H
#define GRAPNEL_BENCH_SIGNED_H

#include <stddef.h>
#include <stdint.h>

/* Where the places are that each request fills in, from the beginning of the head. */
struct signed_head {
	size_t len;
	size_t delivery_at, signature_at;
};

/* Writes the head of the requests for a body of this length; exits when it does not fit. */
struct signed_head signed_head(char *head, size_t size, const char *path, size_t body_bytes);
/* Fills in the number and the signature of the body that follows the head. */
void signed_fill(const struct signed_head *places, char *request, size_t body_bytes, uint64_t n, const char *secret);

#endif
