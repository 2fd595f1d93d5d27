/* Packing endpoints. Behind the structure come the arrays, which are aligned like it, then what they and it point to. */
#include "model/endpoint_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void endpoint_pieces_free(struct endpoint *endpoint)
{
	if (endpoint->packed)
		return;
	for (unsigned i = 0; i < endpoint->patterns_len; i++)
		free(endpoint->patterns[i]);
	for (unsigned i = 0; i < endpoint->headers_len; i++) {
		free(endpoint->headers[i].name);
		free(endpoint->headers[i].value);
	}
	for (unsigned i = 0; i < endpoint->secrets_len; i++)
		free(endpoint->secrets[i].sealed);
	free(endpoint->secrets);
	free(endpoint->patterns);
	free(endpoint->headers);
	free(endpoint->uid);
	free(endpoint->url);
	free(endpoint->host);
}

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t bytes_of(const struct endpoint *endpoint)
{
	size_t bytes = text_bytes(endpoint->uid) + text_bytes(endpoint->url) + text_bytes(endpoint->host) +
	               endpoint->patterns_len * sizeof endpoint->patterns[0] + endpoint->headers_len * sizeof endpoint->headers[0] +
	               endpoint->secrets_len * sizeof endpoint->secrets[0];
	for (unsigned i = 0; i < endpoint->patterns_len; i++)
		bytes += text_bytes(endpoint->patterns[i]);
	for (unsigned i = 0; i < endpoint->headers_len; i++)
		bytes += text_bytes(endpoint->headers[i].name) + text_bytes(endpoint->headers[i].value);
	for (unsigned i = 0; i < endpoint->secrets_len; i++)
		bytes += endpoint->secrets[i].sealed_len;
	return bytes;
}

/* A copy at *to, which moves on. */
static void *put(char **to, const void *from, size_t bytes)
{
	void *copy = *to;
	if (bytes > 0)
		memcpy(copy, from, bytes);
	*to += bytes;
	return bytes > 0 ? copy : NULL;
}

static char *put_text(char **to, const char *text)
{
	return put(to, text, text_bytes(text));
}

struct endpoint *endpoint_pack(struct endpoint *pieces)
{
	struct endpoint *endpoint = mem_alloc(sizeof *endpoint + bytes_of(pieces));
	char *to = (char *)(endpoint + 1);
	memcpy(endpoint, pieces, sizeof *endpoint);
	endpoint->packed = true;
	endpoint->patterns = put(&to, pieces->patterns, pieces->patterns_len * sizeof pieces->patterns[0]);
	endpoint->headers = put(&to, pieces->headers, pieces->headers_len * sizeof pieces->headers[0]);
	endpoint->secrets = put(&to, pieces->secrets, pieces->secrets_len * sizeof pieces->secrets[0]);
	endpoint->uid = put_text(&to, pieces->uid);
	endpoint->url = put_text(&to, pieces->url);
	endpoint->host = put_text(&to, pieces->host);
	for (unsigned i = 0; i < endpoint->patterns_len; i++)
		endpoint->patterns[i] = put_text(&to, pieces->patterns[i]);
	for (unsigned i = 0; i < endpoint->headers_len; i++) {
		endpoint->headers[i].name = put_text(&to, pieces->headers[i].name);
		endpoint->headers[i].value = put_text(&to, pieces->headers[i].value);
	}
	for (unsigned i = 0; i < endpoint->secrets_len; i++)
		endpoint->secrets[i].sealed = put(&to, pieces->secrets[i].sealed, pieces->secrets[i].sealed_len);
	endpoint_pieces_free(pieces);
	free(pieces);
	return endpoint;
}
