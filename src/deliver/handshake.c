/* Handshakes: made, and their answers judged. */
#include "deliver/handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "deliver/exchange.h"

enum { RATE_MAX = 1000000000 };

/* ---- The request ---- */

static struct event *event_of(const struct handshake *handshake, int64_t wall_ms)
{
	char data[256], time[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(wall_ms, time);
	int len = snprintf(data, sizeof data, "{\"type\":\"grapnel.challenge\",\"timestamp\":\"%s\",\"data\":{\"challenge\":\"%s\"}}", time,
	                   handshake->challenge);
	struct event_fields fields = {.time_ms = wall_ms,
	                              .type = SLICE_LITERAL("grapnel.challenge"),
	                              .content_type = SLICE_LITERAL("application/json"),
	                              .data = {data, (size_t)len}};
	return event_new(&fields, NULL);
}

struct handshake *handshake_new(struct endpoint *endpoint, const char *origin, int64_t wall_ms)
{
	uint8_t random[18], own[8];
	char id[ID_TEXT_SIZE];
	struct handshake *handshake = mem_new(struct handshake);
	codec_random(random, sizeof random);
	codec_base32(random, sizeof random, handshake->challenge);
	codec_random(own, sizeof own);
	codec_base32(own, sizeof own, id);
	snprintf(handshake->id, sizeof handshake->id, "chl_%.13s", id);
	handshake->type = endpoint->verification->type;
	handshake->serial = endpoint->verification->serial;
	handshake->origin = origin;
	handshake->job.handshake = handshake;
	handshake->job.outcome.due = (struct due){.endpoint = endpoint->meta.id, .round = DELIVERY_ROUND_TEST};
	handshake->job.event = event_of(handshake, wall_ms);
	handshake->job.endpoint = endpoint_ref(endpoint);
	if (handshake->job.event)
		return handshake;
	handshake_free(handshake);
	return NULL;
}

void handshake_free(struct handshake *handshake)
{
	event_unref(handshake->job.event);
	endpoint_unref(handshake->job.endpoint);
	free(handshake->job.outcome.response);
	free(handshake);
}

/* ---- The answer ---- */

static struct slice trimmed(struct slice text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.at[0]) && text.at[0])
		text = (struct slice){text.at + 1, text.len - 1};
	while (text.len > 0 && strchr(" \t\r\n", text.at[text.len - 1]) && text.at[text.len - 1])
		text.len--;
	return text;
}

static void refuse(struct handshake *handshake, const char *why)
{
	snprintf(handshake->why, sizeof handshake->why, "%s", why);
}

/* Of the header's values the one at this place; NULL: there are fewer. */
static const char *header_at(const struct exchange *exchange, const char *name, size_t at)
{
	struct curl_header *header;
	return curl_easy_header(exchange->easy, name, at, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

/* "*", or a positive number. */
static int allowed_rate(const char *text, int64_t *rate)
{
	char *end;
	*rate = 0;
	if (!text || strcmp(text, "*") == 0)
		return 0;
	long long number = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || number < 1)
		return -1;
	*rate = number < RATE_MAX ? number : RATE_MAX;
	return 0;
}

static void judge_consent(const struct exchange *exchange, struct handshake *handshake)
{
	const char *origin;
	bool any = false;
	for (size_t i = 0; !handshake->consent && (origin = header_at(exchange, "WebHook-Allowed-Origin", i)); i++) {
		any = true;
		handshake->consent = strcmp(origin, "*") == 0 || strcasecmp(origin, handshake->origin) == 0;
	}
	if (!any)
		snprintf(handshake->why, sizeof handshake->why, "it answered %d without the header WebHook-Allowed-Origin", exchange->status);
	else if (!handshake->consent)
		snprintf(handshake->why, sizeof handshake->why, "WebHook-Allowed-Origin names neither %.100s nor *", handshake->origin);
	else if (allowed_rate(header_at(exchange, "WebHook-Allowed-Rate", 0), &handshake->allowed_per_minute)) {
		handshake->consent = false;
		refuse(handshake, "WebHook-Allowed-Rate is neither * nor a number of requests a minute");
	}
}

static bool echoes(struct slice body, const char *challenge)
{
	if (slice_is(body, challenge))
		return true;
	json_t *doc = body.len > 0 && body.at[0] == '{' ? json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *text = json_string_value(json_object_get(doc, "challenge"));
	bool good = text && strcmp(text, challenge) == 0;
	json_decref(doc);
	return good;
}

static void judge_echo(const struct exchange *exchange, struct handshake *handshake)
{
	struct slice body = {strbuf_text(&exchange->body), exchange->body.len};
	if (exchange->status < 200 || exchange->status > 299)
		snprintf(handshake->why, sizeof handshake->why, "it answered %d to the challenge", exchange->status);
	else if (!echoes(trimmed(body), handshake->challenge))
		snprintf(handshake->why, sizeof handshake->why, "it answered %d, but not with the challenge, alone or as {\"challenge\": …}",
		         exchange->status);
	else
		handshake->consent = true;
}

void handshake_judge(struct exchange *exchange)
{
	struct handshake *handshake = exchange->job->handshake;
	if (exchange->status == 0)
		return;
	if (handshake->type == VERIFY_CLOUDEVENTS)
		judge_consent(exchange, handshake);
	else
		judge_echo(exchange, handshake);
}
