/* Passing events on. */
#include "cli/forward.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "config.h"
#include "sign/outgoing.h"

enum { FORWARD_TIMEOUT_MS = 30000, SIGNED_MAX_BYTES = 512 << 20, DIGEST_BYTES = 32 };

struct forward {
	CURL *curl;
	char *url;
	const struct clock *clock;
	const volatile sig_atomic_t *interrupted;
	char secret[SECRET_TEXT_SIZE];
	uint8_t key[SECRET_BYTES_MAX];
	int key_len;
	char error[CURL_ERROR_SIZE];
};

struct forward *forward_new(const char *url, const char *secret, const struct clock *clock, const volatile sig_atomic_t *interrupted,
                            struct err *err)
{
	struct forward *forward = mem_new(struct forward);

	forward->url = mem_text(url);
	forward->clock = clock;
	forward->interrupted = interrupted;
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
		err_set(err, ERR_INVALID, "--forward cannot be \"%.100s\"; accepted: http(s)://host[:port]/path", url);
		goto failed;
	}
	if (secret)
		snprintf(forward->secret, sizeof forward->secret, "%s", secret);
	else
		secret_make(forward->secret);
	forward->key_len = secret_parse(slice_of(secret ? secret : forward->secret), "--secret", forward->key, err);
	if (forward->key_len < 0)
		goto failed;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		forward->curl = curl_easy_init();
	if (forward->curl)
		return forward;
	err_set(err, ERR_INTERNAL, "libcurl does not start");
failed:
	forward_free(forward);
	return NULL;
}

void forward_free(struct forward *forward)
{
	if (!forward)
		return;
	curl_easy_cleanup(forward->curl);
	free(forward->url);
	OPENSSL_cleanse(forward->key, sizeof forward->key);
	free(forward);
}

const char *forward_secret(const struct forward *forward)
{
	return forward->secret;
}

/* ---- The request ------------------------------------------------------------------------------------------------------- */

static size_t drop_bytes(char *bytes, size_t size, size_t len, void *user)
{
	(void)bytes;
	(void)user;
	return size * len;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct forward *forward = user;

	(void)down_total, (void)down, (void)up_total, (void)up;
	return forward->interrupted && *forward->interrupted;
}

/* "v1,<base64>": Standard Webhooks, over `id.timestamp.body`. */
static void put_signature(const struct forward *forward, const char *id, long long timestamp_s, struct slice payload, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT(SIGNED_MAX_BYTES);
	uint8_t digest[DIGEST_BYTES];
	char base64[CODEC_BASE64_SIZE(DIGEST_BYTES)];
	unsigned len = 0;

	strbuf_printf(&text, "%s.%lld.", id, timestamp_s);
	strbuf_slice(&text, payload);
	if (!text.failed &&
	    HMAC(EVP_sha256(), forward->key, forward->key_len, (const uint8_t *)strbuf_text(&text), text.len, digest, &len)) {
		codec_base64(digest, sizeof digest, base64);
		strbuf_printf(out, "v1,%s", base64);
	}
	strbuf_free(&text);
}

static const char *text_of(const json_t *event, const char *member)
{
	const char *text = json_string_value(json_object_get(event, member));
	return text ? text : "";
}

static void add(struct curl_slist **headers, struct strbuf *line)
{
	struct curl_slist *more = line->failed ? NULL : curl_slist_append(*headers, strbuf_text(line));
	if (more)
		*headers = more;
	strbuf_clear(line);
}

/* Those of a delivery. There is no delivery in the hub: the id that stands for it is made from the event's, so that it is the same each
 * time. */
static struct curl_slist *make_headers(const struct forward *forward, const json_t *event, struct slice payload)
{
	struct curl_slist *headers = NULL;
	struct strbuf line = STRBUF_INIT(64 << 10);
	const char *id = text_of(event, "id"), *digits = strchr(id, '_'), *type = text_of(event, "content_type");
	long long now_s = clock_wall_ms(forward->clock) / 1000;

	strbuf_printf(&line, "Content-Type: %s", type[0] ? type : "application/json");
	add(&headers, &line);
	strbuf_printf(&line, "webhook-id: %s", id);
	add(&headers, &line);
	strbuf_printf(&line, "webhook-timestamp: %lld", now_s);
	add(&headers, &line);
	strbuf_puts(&line, "webhook-signature: ");
	put_signature(forward, id, now_s, payload, &line);
	add(&headers, &line);
	strbuf_printf(&line, "grapnel-event-type: %s", text_of(event, "type"));
	add(&headers, &line);
	strbuf_printf(&line, "grapnel-delivery-id: dlv%s", digits ? digits : "_0");
	add(&headers, &line);
	strbuf_puts(&line, "grapnel-attempt: 1");
	add(&headers, &line);
	strbuf_puts(&line, "Expect:");
	add(&headers, &line);
	strbuf_free(&line);
	return headers;
}

static void set_options(struct forward *forward, struct slice payload, struct curl_slist *headers)
{
	CURL *curl = forward->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, forward->url);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, forward->error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)FORWARD_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)payload.len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, payload.len > 0 ? payload.at : "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_bytes);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, forward);
}

void forward_send(struct forward *forward, const json_t *event, struct slice payload, struct forward_result *result)
{
	struct curl_slist *headers = make_headers(forward, event, payload);
	int64_t begun_us = clock_mono_us(forward->clock);
	long status = 0;

	*result = (struct forward_result){.status = 0};
	forward->error[0] = '\0';
	set_options(forward, payload, headers);
	CURLcode code = curl_easy_perform(forward->curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(forward->curl, CURLINFO_RESPONSE_CODE, &status);
	result->status = (int)status;
	result->duration_ms = (clock_mono_us(forward->clock) - begun_us) / 1000;
	if (code != CURLE_OK)
		snprintf(result->why, sizeof result->why, "%s", forward->error[0] ? forward->error : curl_easy_strerror(code));
	curl_slist_free_all(headers);
}
