/* Access tokens: one entry for each endpoint, with the token or the request for it. */
#include "deliver/tokens.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/attr.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/transport.h"

enum {
	ANSWER_BYTES_MAX = 32 * 1024, /* and as much for its headers */
	TOKEN_BYTES_MAX = 16 * 1024,
	FORM_BYTES_MAX = 64 * 1024,
	LIFETIME_S = 300,       /* of a token that does not say how long it lives */
	LIFETIME_MAX_S = 86400, /* whatever it says */
	MARGIN_MAX_S = 60,      /* it is renewed so long before its end, or in the last quarter of its life */
	FAILED_US = 1000000,    /* so long a failure stands for all who ask */
};

struct token {
	struct lru_node node;
	struct tokens *tokens;
	struct endpoint *endpoint; /* a reference: its version is what the token was asked for with */
	bool orphan;               /* not in the table any more: freed when its request ends */
	char *text;                /* NULL: none */
	int64_t until_us;          /* of the token, or of the failure; monotonic */
	char why[TOKEN_WHY_MAX];   /* of the failure; "": it did not fail */
	struct token_waiter *waiters;
	/* the request */
	bool resolving, sending;
	bool stopped; /* while it was being resolved */
	bool no_socket, too_large;
	int64_t deadline_us;
	char *secret; /* the client's */
	char *basic;  /* the same in HTTP Basic; NULL: it stands in the form */
	CURL *easy;
	struct curl_slist *lines;
	struct transport transport;
	char error[CURL_ERROR_SIZE];
	size_t header_bytes;
	struct strbuf body;
	struct token *next, *previous; /* among those that run */
};

struct tokens {
	const struct deliver_config *config;
	CURLM *multi;
	struct resolver *resolver;
	struct sockets *sockets;
	struct lru lru;
	struct token *running;
};

/* CURLOPT_PRIVATE of other handles is the address of an exchange, which is even. */
#define TOKEN_TAG ((uintptr_t)1)

static void wipe(char **text)
{
	if (*text)
		OPENSSL_cleanse(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

/* ---- entries ---- */

static bool busy(const struct token *token)
{
	return token->resolving || token->sending;
}

static void token_free(struct token *token)
{
	wipe(&token->text);
	endpoint_unref(token->endpoint);
	free(token);
}

/* Out of the table; one with a request under way lives until that ends. */
static void forget(struct token *token)
{
	lru_remove(&token->tokens->lru, &token->node);
	token->orphan = true;
	if (!busy(token))
		token_free(token);
}

/* The entry of this version of the endpoint. */
static struct token *entry(struct tokens *tokens, const struct endpoint *endpoint)
{
	struct lru_node *node = lru_get(&tokens->lru, (uint64_t)endpoint->meta.id);
	if (node) {
		struct token *known = CONTAINER_OF(node, struct token, node);
		if (known->endpoint->meta.version == endpoint->meta.version)
			return known;
		forget(known);
	}
	if (tokens->lru.map.len >= TOKENS_MAX)
		forget(CONTAINER_OF(tokens->lru.oldest, struct token, node));
	struct token *token = mem_new(struct token);
	token->tokens = tokens;
	token->endpoint = endpoint_ref((struct endpoint *)(uintptr_t)endpoint);
	token->body = STRBUF_INIT(ANSWER_BYTES_MAX);
	lru_put(&tokens->lru, &token->node, (uint64_t)endpoint->meta.id);
	return token;
}

static int64_t now_us(const struct token *token)
{
	return clock_mono_us(token->tokens->config->clock);
}

/* ---- waiters ---- */

void tokens_leave(struct token_waiter *waiter)
{
	if (!waiter->at)
		return;
	*waiter->at = waiter->next;
	if (waiter->next)
		waiter->next->at = waiter->at;
	waiter->at = NULL;
	waiter->next = NULL;
}

static void wait_for(struct token *token, struct token_waiter *waiter)
{
	waiter->next = token->waiters;
	waiter->at = &token->waiters;
	if (waiter->next)
		waiter->next->at = &waiter->next;
	token->waiters = waiter;
}

/* Who is told may ask for a token again, also for this one. */
static void tell_all(struct token *token)
{
	char *text = token->text ? mem_text(token->text) : NULL;
	char why[TOKEN_WHY_MAX];
	bool no_socket = token->no_socket;
	struct token_waiter *told = token->waiters;
	memcpy(why, token->why, sizeof why);
	if (told)
		told->at = &told;
	token->waiters = NULL;
	if (token->orphan)
		token_free(token);
	while (told) {
		struct token_waiter *waiter = told;
		tokens_leave(waiter);
		waiter->done(waiter, text, why, no_socket);
	}
	wipe(&text);
}

/* ---- the answer ---- */

static void give_up(struct token *token, const char *format, ...) ATTR_PRINTF(2, 3);

static void give_up(struct token *token, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(token->why, sizeof token->why, format, arguments);
	va_end(arguments);
	token->until_us = now_us(token) + FAILED_US;
}

/* Why there is no way to it is for those who run the hub: a subscriber could explore the hub's network by what differs. */
static void give_up_unreached(struct token *token, const char *why)
{
	char id[ID_TEXT_SIZE];
	id_format(ID_ENDPOINT, token->endpoint->meta.id, id);
	log_info("deliver", "the token endpoint of the endpoint %s cannot be reached: %s", id, why);
	give_up(token, TOKENS_UNREACHED);
}

/* What the token endpoint says may repeat what it was told. */
static void failed_as_said(struct token *token, long status, const json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "error"));
	const char *description = json_string_value(json_object_get(answer, "error_description"));
	struct strbuf said = STRBUF_INIT(8 * ANSWER_BYTES_MAX);
	struct access access = {.open = json_pack("{s:{s:s}}", "auth", "client_secret", token->secret), .value = token->basic};
	if (code)
		access_redact(&access, NULL, slice_of(code), &said);
	if (code && description) {
		strbuf_puts(&said, ": ");
		access_redact(&access, NULL, slice_of(description), &said);
	}
	give_up(token, "the token endpoint answered %ld%s%s%s", status, said.len ? " (" : "", strbuf_text(&said), said.len ? ")" : "");
	json_decref(access.open);
	strbuf_free(&said);
}

/* RFC 6750, 2.1, is narrower; what many servers give is only free of what would break the header. */
static bool token_good(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len >= 1 && len <= TOKEN_BYTES_MAX;
}

/* A number, or a text of one, as some servers give it. */
static double lifetime_s(const json_t *value)
{
	double lifetime = json_is_number(value) ? json_number_value(value) : json_is_string(value) ? strtod(json_string_value(value), NULL) : LIFETIME_S;
	return !(lifetime > 0) ? 0 : lifetime > LIFETIME_MAX_S ? LIFETIME_MAX_S : lifetime;
}

static void take(struct token *token, const json_t *answer)
{
	const json_t *value = json_object_get(answer, "access_token"), *type = json_object_get(answer, "token_type");
	if (!token_good(value)) {
		give_up(token, "the token endpoint answered without a usable access_token");
		return;
	}
	if (type && (!json_is_string(type) || strcasecmp(json_string_value(type), "bearer") != 0)) {
		give_up(token, "the token endpoint gave a token_type that is not Bearer");
		return;
	}
	double lifetime = lifetime_s(json_object_get(answer, "expires_in"));
	double margin = lifetime / 4 < MARGIN_MAX_S ? lifetime / 4 : MARGIN_MAX_S;
	token->text = mem_text(json_string_value(value));
	token->until_us = now_us(token) + (int64_t)((lifetime - margin) * 1e6);
}

static bool unreached(enum attempt_failure failure)
{
	return failure == FAILURE_ADDRESS_DENIED || failure == FAILURE_CONNECT || failure == FAILURE_CONNECT_TIMEOUT || failure == FAILURE_PROXY ||
	       failure == FAILURE_INTERNAL;
}

static void judge(struct token *token, CURLcode code)
{
	long status = 0;
	(void)curl_easy_getinfo(token->easy, CURLINFO_RESPONSE_CODE, &status);
	const char *message = token->error[0] ? token->error : curl_easy_strerror(code);
	if (code != CURLE_OK && unreached(transport_failure(&token->transport, token->easy, code, message))) {
		give_up_unreached(token, token->transport.denied[0] ? token->transport.denied : message);
	} else if (token->too_large || token->body.failed) {
		give_up(token, "the token endpoint's answer is too large");
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		give_up_unreached(token, "it did not answer in time");
	} else if (code != CURLE_OK) {
		give_up(token, "the token endpoint: %s", message);
	} else if (status >= 300 && status < 400) {
		give_up(token, "the token endpoint answered %ld; redirects are not followed", status);
	} else {
		json_t *answer = json_loadb(strbuf_text(&token->body), token->body.len, 0, NULL);
		if (status >= 200 && status < 300)
			take(token, answer);
		else
			failed_as_said(token, status, answer);
		json_decref(answer);
	}
}

/* ---- the request ---- */

static void begin_running(struct token *token)
{
	struct tokens *tokens = token->tokens;
	token->next = tokens->running;
	token->previous = NULL;
	if (tokens->running)
		tokens->running->previous = token;
	tokens->running = token;
}

/* The request is over, whatever came of it: nothing of it stays. */
static void clear_request(struct token *token)
{
	*(token->previous ? &token->previous->next : &token->tokens->running) = token->next;
	if (token->next)
		token->next->previous = token->previous;
	if (token->easy)
		transport_clear(&token->transport, token->easy);
	curl_easy_cleanup(token->easy);
	token->easy = NULL;
	for (struct curl_slist *line = token->lines; line; line = line->next)
		OPENSSL_cleanse(line->data, strlen(line->data));
	curl_slist_free_all(token->lines);
	token->lines = NULL;
	if (token->body.data)
		OPENSSL_cleanse(token->body.data, token->body.len);
	strbuf_free(&token->body);
	token->body = STRBUF_INIT(ANSWER_BYTES_MAX);
	wipe(&token->secret);
	wipe(&token->basic);
	token->header_bytes = 0;
	token->error[0] = '\0';
}

static void end_request(struct token *token)
{
	clear_request(token);
	tell_all(token);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct token *token = context;
	(void)bytes;
	token->header_bytes += size * count;
	token->too_large |= token->header_bytes > ANSWER_BYTES_MAX;
	return token->too_large ? CURL_WRITEFUNC_ERROR : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct token *token = context;
	strbuf_append(&token->body, bytes, size * count);
	return token->body.failed ? CURL_WRITEFUNC_ERROR : size * count;
}

/* application/x-www-form-urlencoded, as RFC 6749, appendix B, wants it. */
static void put_encoded(struct strbuf *out, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool plain = (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || strchr("-._*", *at);
		if (plain)
			strbuf_putc(out, (char)*at);
		else if (*at == ' ')
			strbuf_putc(out, '+');
		else
			strbuf_printf(out, "%%%02X", *at);
	}
}

static void put_field(struct strbuf *out, const char *name, const char *text)
{
	if (!text)
		return;
	strbuf_printf(out, "%s%s=", out->len ? "&" : "", name);
	put_encoded(out, text);
}

static void add_line(struct token *token, const char *line, bool *failing)
{
	struct curl_slist *lines = curl_slist_append(token->lines, line);
	*failing |= !lines;
	token->lines = lines ? lines : token->lines;
}

/* RFC 6749, 2.3.1: both are encoded as in a form before they become HTTP Basic. */
static void add_client(struct token *token, bool *failing)
{
	struct strbuf id = STRBUF_INIT(FORM_BYTES_MAX), secret = STRBUF_INIT(FORM_BYTES_MAX), line = STRBUF_INIT(2 * FORM_BYTES_MAX);
	put_encoded(&id, token->endpoint->auth->client_id);
	put_encoded(&secret, token->secret);
	token->basic = access_basic(slice_of(strbuf_text(&id)), slice_of(strbuf_text(&secret)));
	strbuf_puts(&line, "Authorization: ");
	strbuf_puts(&line, token->basic);
	add_line(token, strbuf_text(&line), failing);
	*failing |= id.failed || secret.failed || line.failed;
	if (secret.data)
		OPENSSL_cleanse(secret.data, secret.len);
	if (line.data)
		OPENSSL_cleanse(line.data, line.len);
	strbuf_free(&line);
	strbuf_free(&secret);
	strbuf_free(&id);
}

#define SET(option, value) (curl_easy_setopt(token->easy, option, value) != CURLE_OK)

static bool set_up_form(struct token *token)
{
	const struct endpoint_auth *auth = token->endpoint->auth;
	struct strbuf form = STRBUF_INIT(FORM_BYTES_MAX);
	bool failed = false;
	put_field(&form, "grant_type", "client_credentials");
	put_field(&form, "scope", auth->scope);
	put_field(&form, "audience", auth->audience);
	add_line(token, "Accept: application/json", &failed);
	add_line(token, "Expect:", &failed);
	if (auth->in_body) {
		put_field(&form, "client_id", auth->client_id);
		put_field(&form, "client_secret", token->secret);
	} else {
		add_client(token, &failed);
	}
	failed |= form.failed || SET(CURLOPT_POST, 1L) || SET(CURLOPT_COPYPOSTFIELDS, strbuf_text(&form));
	if (form.data)
		OPENSSL_cleanse(form.data, form.len);
	strbuf_free(&form);
	return !failed;
}

/* A connection of its own, so that no other endpoint's is used. The endpoint's `tls` is not for this: whom it
 * trusts there is no reason to show the client's secret to. */
static bool set_up(struct token *token, int64_t left_us)
{
	const struct deliver_config *config = token->tokens->config;
	const struct endpoint_auth *auth = token->endpoint->auth;
	bool failed = false;
	failed |= SET(CURLOPT_PRIVATE, (void *)((uintptr_t)token | TOKEN_TAG));
	failed |= SET(CURLOPT_ERRORBUFFER, token->error);
	failed |= SET(CURLOPT_NOSIGNAL, 1L);
	failed |= SET(CURLOPT_PROTOCOLS_STR, "http,https");
	failed |= SET(CURLOPT_FOLLOWLOCATION, 0L);
	failed |= SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	failed |= SET(CURLOPT_HTTP09_ALLOWED, 0L);
	failed |= SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	failed |= SET(CURLOPT_FRESH_CONNECT, 1L);
	failed |= SET(CURLOPT_FORBID_REUSE, 1L);
	failed |= SET(CURLOPT_USERAGENT, config->user_agent);
	failed |= SET(CURLOPT_HEADERFUNCTION, on_header);
	failed |= SET(CURLOPT_HEADERDATA, token);
	failed |= SET(CURLOPT_WRITEFUNCTION, on_body);
	failed |= SET(CURLOPT_WRITEDATA, token);
	if (config->authorities)
		failed |= SET(CURLOPT_CAINFO, config->authorities);
	failed |= !transport_apply(&token->transport, token->easy);
	failed |= SET(CURLOPT_URL, auth->token_url);
	failed |= SET(CURLOPT_TIMEOUT_MS, (long)((left_us + 999) / 1000));
	failed |= !set_up_form(token);
	failed |= SET(CURLOPT_HTTPHEADER, token->lines);
	return !failed;
}

static void send_request(struct token *token)
{
	int64_t left_us = token->deadline_us - now_us(token);
	if (left_us <= 0)
		give_up_unreached(token, "its name was not resolved in time");
	else if (!set_up(token, left_us) || curl_multi_add_handle(token->tokens->multi, token->easy) != CURLM_OK)
		give_up(token, "the request for a token could not be made");
	else
		token->sending = true;
	if (!token->sending)
		end_request(token);
}

/* False when the request ends here. */
static bool resolved_well(struct token *token, const struct resolved *resolved)
{
	token->resolving = false;
	if (token->stopped) {
		clear_request(token);
		if (token->orphan)
			token_free(token);
		return false;
	}
	if (resolved->len > 0)
		return true;
	token->no_socket = resolved->out_of_sockets;
	give_up_unreached(token, resolved->why);
	end_request(token);
	return false;
}

static void proxy_resolved(void *context, const struct resolved *resolved)
{
	struct token *token = context;
	if (!resolved_well(token, resolved))
		return;
	transport_aim_proxy(&token->transport, resolved);
	send_request(token);
}

static void name_resolved(void *context, const struct resolved *resolved)
{
	struct token *token = context;
	struct tokens *tokens = token->tokens;
	struct transport *transport = &token->transport;
	const struct url *url = &token->endpoint->auth->token;
	if (!resolved_well(token, resolved))
		return;
	token->easy = curl_easy_init();
	if (!token->easy || !transport_init(transport, token->easy, tokens->config->egress, tokens->sockets)) {
		give_up(token, "the request for a token could not be made");
		end_request(token);
	} else if (!transport_aim(transport, url->host, url->port, url->https, resolved, 0)) {
		give_up_unreached(token, transport->denied);
		end_request(token);
	} else if (transport_proxy(transport)) {
		token->resolving = true;
		resolver_query(tokens->resolver, transport_proxy(transport), proxy_resolved, token);
	} else {
		send_request(token);
	}
}

bool tokens_completed(struct tokens *tokens, void *private, CURLcode code)
{
	if (!((uintptr_t)private & TOKEN_TAG))
		return false;
	struct token *token = (void *)((uintptr_t)private & ~TOKEN_TAG);
	curl_multi_remove_handle(tokens->multi, token->easy);
	token->sending = false;
	token->no_socket = token->transport.out_of_sockets;
	judge(token, code);
	end_request(token);
	return true;
}

static void request(struct token *token, const struct access *access)
{
	wipe(&token->text);
	token->why[0] = '\0';
	token->no_socket = token->too_large = false;
	token->secret = mem_text(access->secret);
	token->deadline_us = now_us(token) + (int64_t)endpoint_timeout_ms(token->endpoint) * 1000;
	token->resolving = true;
	begin_running(token);
	resolver_query(token->tokens->resolver, token->endpoint->auth->token.host, name_resolved, token);
}

void tokens_get(struct tokens *tokens, const struct endpoint *endpoint, const struct access *access, const char *refused,
                struct token_waiter *waiter)
{
	struct token *token = entry(tokens, endpoint);
	if (busy(token)) {
		wait_for(token, waiter);
		return;
	}
	bool fresh = now_us(token) < token->until_us;
	if (fresh && token->why[0] && !token->no_socket) {
		waiter->done(waiter, NULL, token->why, false);
	} else if (fresh && token->text && !(refused && strcmp(token->text, refused) == 0)) {
		waiter->done(waiter, token->text, "", false);
	} else {
		wait_for(token, waiter);
		request(token, access);
	}
}

/* ---- begin and end ---- */

struct tokens *tokens_new(const struct deliver_config *config, CURLM *multi, struct resolver *resolver, struct sockets *sockets)
{
	struct tokens *tokens = mem_new(struct tokens);
	*tokens = (struct tokens){.config = config, .multi = multi, .resolver = resolver, .sockets = sockets};
	return tokens;
}

void tokens_stop(struct tokens *tokens)
{
	struct token *next;
	for (struct token *token = tokens->running; token; token = next) {
		next = token->next;
		while (token->waiters)
			tokens_leave(token->waiters);
		if (token->sending)
			curl_multi_remove_handle(tokens->multi, token->easy);
		token->sending = false;
		token->stopped = token->resolving;
		if (token->resolving)
			continue;
		clear_request(token);
		if (token->orphan)
			token_free(token);
	}
}

void tokens_free(struct tokens *tokens)
{
	if (!tokens)
		return;
	while (tokens->lru.oldest)
		forget(CONTAINER_OF(tokens->lru.oldest, struct token, node));
	lru_free(&tokens->lru);
	free(tokens);
}
