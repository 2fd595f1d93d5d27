/* grapnel send: publishes an event, or a file of them. */
#include <stdlib.h>

#include "cli/client.h"
#include "cli/envelope.h"
#include "conf/readfile.h"

const struct args_option send_run_options[] = {
    {"type", "TYPE", "the event's type, such as order.created"},
    {"data-file", "FILE", "the payload from a file, or from the standard input when it is -; otherwise it is the JSON argument"},
    {"subject", "TEXT", "what the event is about"},
    {"subscriber", "ID", "whose endpoints it reaches (id or uid; * for all); without, those that have no subscriber"},
    {"endpoint", "ID", "reach this endpoint alone, whatever its types"},
    {"uid", "TEXT", "your own id of the event: sent again with it, the event is published once"},
    {"ordering-key", "TEXT", "deliver events with the same key one after another"},
    {"attribute", "NAME=VALUE", "an attribute of the event; may be given several times"},
    {"deliver-at", "TIME", "not before: RFC 3339, or from now on, as in +10m"},
    {"expires-at", "TIME", "not after"},
    {"events", "FILE", "publish envelopes instead, one JSON object a line (NDJSON), from a file or from the standard input (-)"},
    {0},
};

/* Envelopes as they are: nothing else may be said about them. */
static int put_events(const struct command_run *run, const char *file, struct strbuf *out)
{
	struct err err = {0};

	if (run->args->given_len > 1 || run->args->words_len > 0)
		return command_misused(run, "--events goes with no other option of send: envelopes say all themselves");
	if (readfile(file, true, out, &err) == 0)
		return EXIT_OK;
	command_say("%s", err.detail);
	return EXIT_FAILED;
}

static int put_published(const json_t *published)
{
	const char *id = json_string_value(json_object_get(published, "id"));

	if (!id) {
		char *text = json_dumps(published, JSON_COMPACT | JSON_ENCODE_ANY);
		command_say("the hub did not publish: %s", text ? text : "");
		free(text);
		return EXIT_FAILED;
	}
	printf("%s deliveries=%lld%s\n", id, (long long)json_integer_value(json_object_get(published, "deliveries")),
	       json_is_true(json_object_get(published, "duplicate")) ? " duplicate" : "");
	return EXIT_OK;
}

static int put_answer(const json_t *answer)
{
	const json_t *batch = json_object_get(answer, "data");
	int code = EXIT_OK;

	if (!json_is_array(batch))
		return put_published(answer);
	for (size_t i = 0; i < json_array_size(batch); i++) {
		if (put_published(json_array_get(batch, i)) != EXIT_OK)
			code = EXIT_FAILED;
	}
	return code;
}

int send_run(const struct command_run *run)
{
	const char *events = args_value(run->args, "events");
	struct strbuf body = STRBUF_INIT(ENVELOPE_MAX_BYTES);
	struct client *client = NULL;
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 1) != EXIT_OK)
		return EXIT_USAGE;
	code = events ? put_events(run, events, &body) : envelope_put(run, &body);
	if (code != EXIT_OK)
		goto out;
	code = EXIT_FAILED;
	if (body.failed) {
		command_say("the event is too large");
		goto out;
	}
	client = client_open(run, false, &code);
	if (!client)
		goto out;
	code = client_request(client, "POST", "/v1/events", events ? "application/x-ndjson" : "application/json",
			      (struct slice){strbuf_text(&body), body.len}, &answer);
	if (code == EXIT_OK)
		code = put_answer(answer);
out:
	client_close(client);
	json_decref(answer);
	strbuf_free(&body);
	return code;
}
