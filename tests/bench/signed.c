#include "signed.h"

#include <err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

enum { HEX_DIGITS = 64 };

static const char DELIVERY[] = "X-GitHub-Delivery: ", SIGNATURE[] = "X-Hub-Signature-256: sha256=";

struct signed_head signed_head(char *head, size_t size, const char *path, size_t body_bytes)
{
	int len = snprintf(head, size,
	                   "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-GitHub-Event: bench\r\n%s%0*d\r\n%s%0*d\r\n"
	                   "Content-Length: %zu\r\n\r\n",
	                   path, DELIVERY, LOAD_DIGITS, 0, SIGNATURE, HEX_DIGITS, 0, body_bytes);
	if (len < 0 || (size_t)len >= size)
		errx(2, "--path is too long");
	return (struct signed_head){
	    .len = (size_t)len,
	    .delivery_at = (size_t)(strstr(head, DELIVERY) - head) + sizeof DELIVERY - 1,
	    .signature_at = (size_t)(strstr(head, SIGNATURE) - head) + sizeof SIGNATURE - 1,
	};
}

void signed_fill(const struct signed_head *places, char *request, size_t body_bytes, uint64_t n, const char *secret)
{
	static const char HEX[] = "0123456789abcdef";
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	load_digits(request + places->delivery_at, LOAD_DIGITS, n);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)request + places->len, body_bytes, mac, &mac_len))
		errx(1, "HMAC failed");
	for (unsigned i = 0; i < HEX_DIGITS / 2; i++) {
		request[places->signature_at + 2 * i] = HEX[mac[i] >> 4];
		request[places->signature_at + 2 * i + 1] = HEX[mac[i] & 15];
	}
}
