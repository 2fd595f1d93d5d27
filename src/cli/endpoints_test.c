/* grapnel endpoints test: sends an event to one endpoint and tells how that went. */
#include <string.h>

#include "cli/endpoint.h"
#include "json/scan.h"

const struct args_option endpoints_test_run_options[] = {
    {"type", "TYPE", "the event's type; without, the hub's own for tests"},
    {"payload", "JSON", "the event's payload; without, one that the hub makes"},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column columns[] = {
    {"event", "event"},
    {"delivery", "delivery"},
    {"state", "state"},
    {"status", "attempt.status"},
    {"failure", "attempt.failure"},
    {"detail", "attempt.detail"},
    {"duration ms", "attempt.duration_ms"},
    {"response", "attempt.response"},
};

/* The body; the payload's bytes stay as they are. */
static int put_body(const struct command_run *run, struct strbuf *body)
{
	const char *type = args_value(run->args, "type"), *payload = args_value(run->args, "payload");
	struct json_scan scan;
	struct slice value;

	strbuf_putc(body, '{');
	if (type) {
		strbuf_puts(body, "\"type\":");
		json_put_string(body, slice_of(type));
	}
	if (payload) {
		json_scan_init(&scan, slice_of(payload), JSON_DEPTH_MAX);
		if (json_value(&scan, &value) != 0 || json_end(&scan) != 0)
			return command_misused(run, "--payload is no JSON: %s, at byte %zu", scan.why, (size_t)(scan.at - scan.begin));
		strbuf_puts(body, type ? ",\"data\":" : "\"data\":");
		strbuf_slice(body, value);
	}
	strbuf_putc(body, '}');
	return EXIT_OK;
}

int endpoints_test_run(const struct command_run *run)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES), body = STRBUF_INIT(16 << 20);
	struct client *client = NULL;
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	code = put_body(run, &body);
	if (code != EXIT_OK)
		goto out;
	client = client_open(run, false, &code);
	if (!client)
		goto out;
	path_make(&path, "endpoints", run->args->words[0], "test");
	path_filters(&path, run, endpoint_owner);
	code =
	    client_request(client, "POST", strbuf_text(&path), "application/json", (struct slice){strbuf_text(&body), body.len}, &answer);
	if (code != EXIT_OK)
		goto out;
	thing_put(run, columns, sizeof columns / sizeof *columns, answer);
	const char *state = json_string_value(json_object_get(answer, "state"));
	code = state && strcmp(state, "delivered") == 0 ? EXIT_OK : EXIT_FAILED;
out:
	json_decref(answer);
	client_close(client);
	strbuf_free(&path);
	strbuf_free(&body);
	return code;
}
