/* Requests with libcurl. */
#include "cli/transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"

/* A connection on which nothing moves for so long is given up; what the hub works on for long (a backup) goes over the admin socket, where
 * nothing gets lost on the way. */
enum { CONNECT_TIMEOUT_MS = 10000, SILENCE_MAX_S = 300 };

struct transport {
	const char *folder, *url, *key, *ca;
	CURL *curl;
	const volatile sig_atomic_t *interrupted; /* NULL: nothing interrupts */
	/* of the request under way */
	const struct client_ask *ask;
	struct client_answer *answer;
	char error[CURL_ERROR_SIZE];
};

struct transport *transport_new(const char *folder, const char *url, const char *key, const char *ca)
{
	struct transport *transport = mem_new(struct transport);

	*transport = (struct transport){.folder = folder, .url = url, .key = key, .ca = ca};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		transport->curl = curl_easy_init();
	if (transport->curl)
		return transport;
	free(transport);
	return NULL;
}

void transport_free(struct transport *transport)
{
	if (!transport)
		return;
	curl_easy_cleanup(transport->curl);
	free(transport);
}

void transport_interrupt(struct transport *transport, const volatile sig_atomic_t *flag)
{
	transport->interrupted = flag;
}

/* ---- What curl calls --------------------------------------------------------------------------------------------------- */

static size_t on_bytes(char *bytes, size_t size, size_t len, void *user)
{
	struct transport *transport = user;
	long status = 0;

	curl_easy_getinfo(transport->curl, CURLINFO_RESPONSE_CODE, &status);
	if (transport->ask->sink && status >= 200 && status < 300)
		return fwrite(bytes, size, len, transport->ask->sink) * size;
	strbuf_append(&transport->answer->body, bytes, size * len);
	return transport->answer->body.failed ? 0 : size * len;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct transport *transport = user;

	(void)down_total, (void)down, (void)up_total, (void)up;
	return transport->interrupted && *transport->interrupted;
}

/* ---- The request ------------------------------------------------------------------------------------------------------- */

/* Adds "name: value"; false: memory is out. */
static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
	struct strbuf line = STRBUF_INIT(64 << 10);

	strbuf_printf(&line, "%s:%s%s", name, value[0] ? " " : "", value);
	struct curl_slist *more = line.failed ? NULL : curl_slist_append(*headers, strbuf_text(&line));
	strbuf_free(&line);
	if (more)
		*headers = more;
	return more != NULL;
}

/* Whether the request brings a header of this name itself. */
static bool brings(const struct client_ask *ask, const char *name)
{
	for (size_t i = 0; i < ask->headers_len; i++)
		if (strcasecmp(ask->headers[i].name, name) == 0)
			return true;
	return false;
}

static bool add_headers(const struct transport *transport, struct curl_slist **headers)
{
	const struct client_ask *ask = transport->ask;
	struct strbuf bearer = STRBUF_INIT(64 << 10);

	strbuf_printf(&bearer, "Bearer %s", transport->key ? transport->key : "");
	bool good = add_header(headers, "Expect", "") && (!transport->url || brings(ask, "Authorization") || add_header(headers, "Authorization", strbuf_text(&bearer))) &&
	            (!ask->content_type || add_header(headers, "Content-Type", ask->content_type)) &&
	            (!ask->idempotency_key || add_header(headers, "Idempotency-Key", ask->idempotency_key));
	for (size_t i = 0; good && i < ask->headers_len; i++)
		good = add_header(headers, ask->headers[i].name, ask->headers[i].value);
	strbuf_free(&bearer);
	return good;
}

static void set_options(struct transport *transport, const char *url, const char *socket_path, struct curl_slist *headers)
{
	const struct client_ask *ask = transport->ask;
	CURL *curl = transport->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transport->error);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (transport->ca) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, transport->ca);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ask->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transport);
	if (transport->interrupted) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transport);
	}
	if (ask->content_type) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body.at);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.len);
	}
	if (socket_path) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
	} else {
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_MAX_S);
	}
}

static enum way failed(const struct transport *transport, CURLcode code, char why[TRANSPORT_WHY_SIZE])
{
	bool local = !transport->url;
	long os_errno = 0;

	curl_easy_getinfo(transport->curl, CURLINFO_OS_ERRNO, &os_errno);
	bool refused = code == CURLE_COULDNT_CONNECT;
	if (local && refused && (os_errno == EACCES || os_errno == EPERM)) {
		snprintf(why, TRANSPORT_WHY_SIZE, "%s/" TRANSPORT_SOCKET ": %s: this user may not speak to the hub", transport->folder,
		         strerror((int)os_errno));
		return WAY_FAILED;
	}
	if (local && refused) {
		snprintf(why, TRANSPORT_WHY_SIZE, "no hub runs on the data folder %s", transport->folder);
		return WAY_NO_HUB;
	}
	const char *text = transport->error[0] ? transport->error : curl_easy_strerror(code);
	if (refused || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
	    code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CACERT_BADFILE) {
		snprintf(why, TRANSPORT_WHY_SIZE, "the hub at %.200s cannot be reached: %.200s", transport->url, text);
		return WAY_FAILED;
	}
	if (code == CURLE_WRITE_ERROR) {
		bool large = transport->answer->body.failed;
		snprintf(why, TRANSPORT_WHY_SIZE, large ? "the answer is too large" : "the answer cannot be written: %s", strerror(errno));
		return WAY_FAILED;
	}
	/* The request may have been carried out: it is not sent again. */
	snprintf(why, TRANSPORT_WHY_SIZE, "the hub did not answer (%.200s); whether it did what was asked is not known", text);
	return WAY_FAILED;
}

static enum way perform(struct transport *transport, const char *socket_path, char why[TRANSPORT_WHY_SIZE])
{
	struct strbuf url = STRBUF_INIT(1 << 20);
	struct curl_slist *headers = NULL;
	enum way way = WAY_FAILED;
	long status = 0;

	strbuf_printf(&url, "%s%s", transport->url ? transport->url : "http://localhost", transport->ask->path);
	if (url.failed || !add_headers(transport, &headers)) {
		snprintf(why, TRANSPORT_WHY_SIZE, "the request is too long");
		goto out;
	}
	set_options(transport, strbuf_text(&url), socket_path, headers);
	CURLcode code = curl_easy_perform(transport->curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(transport->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK) {
		way = failed(transport, code, why);
		goto out;
	}
	transport->answer->status = (int)status;
	way = WAY_ANSWERED;
out:
	curl_slist_free_all(headers);
	strbuf_free(&url);
	return way;
}

enum way transport_ask(struct transport *transport, const struct client_ask *ask, struct client_answer *answer,
                       char why[TRANSPORT_WHY_SIZE])
{
	char path[64];

	transport->ask = ask;
	transport->answer = answer;
	transport->error[0] = '\0';
	if (transport->url)
		return perform(transport, NULL, why);
	/* The socket is reached through a file descriptor of its folder: the path to a socket holds 107 bytes at most, that of a folder any
	 * number. */
	int folder = open(transport->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		snprintf(why, TRANSPORT_WHY_SIZE, "the data folder %s cannot be reached: %s", transport->folder, strerror(errno));
		return WAY_NO_HUB;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d/" TRANSPORT_SOCKET, folder);
	enum way way = perform(transport, path, why);
	close(folder);
	return way;
}
