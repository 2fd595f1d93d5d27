/* grapnel events show: an event with its deliveries, or its payload. */
#include "cli/list.h"
#include "cli/thing.h"

const struct args_option events_show_run_options[] = {
    {"payload", NULL, "print the payload alone, its exact bytes"},
    {"deliveries", NULL, "print its deliveries alone"},
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, "print the event as JSON, in one line; with --deliveries, those, one a line"},
    {0},
};

static const struct path_filter owner[] = {{"subscriber", "subscriber"}, {0}};

static const struct column columns[] = {
    {"id", "id"},
    {"uid", "uid"},
    {"type", "type"},
    {"subject", "subject"},
    {"subscriber", "subscriber"},
    {"source", "source"},
    {"time", "time"},
    {"bytes", "data_bytes"},
    {"erased", "erased_at"},
    {"content type", "content_type"},
    {"attributes", "attributes"},
    {"ordering key", "ordering_key"},
    {"deliver at", "deliver_at"},
    {"expires at", "expires_at"},
    {"request", "request_id"},
    {"deliveries", "deliveries"},
};

static const struct column delivery_columns[] = {
    {"DELIVERY", "id"},
    {"ENDPOINT", "endpoint"},
    {"STATE", "state"},
    {"REASON", "reason"},
    {"ATTEMPTS", "attempt_count"},
    {"STATUS", "last_attempt.status"},
    {"FAILURE", "last_attempt.failure"},
    {"DUE", "due_at"},
    {"ENDED", "ended_at"},
};

static int show_event(const struct command_run *run, struct client *client, const char *path, int64_t *deliveries)
{
	json_t *event = NULL;

	int code = client_get(client, path, &event);
	if (code == EXIT_OK)
		thing_put(run, columns, sizeof columns / sizeof *columns, event);
	*deliveries = json_integer_value(json_object_get(event, "deliveries"));
	json_decref(event);
	return code;
}

int events_show_run(const struct command_run *run)
{
	bool payload = args_value(run->args, "payload"), alone = args_value(run->args, "deliveries"), json = args_value(run->args, "json");
	struct table table = TABLE_INIT(delivery_columns);
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES), below = STRBUF_INIT(PATH_MAX_BYTES);
	int64_t deliveries = 1;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	if (payload && (alone || json))
		return command_misused(run, "--payload goes with neither --deliveries nor --json");
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&path, "events", run->args->words[0], NULL);
	path_filters(&path, run, owner);
	path_make(&below, "events", run->args->words[0], payload ? "payload" : "deliveries");
	path_filters(&below, run, owner);
	if (payload)
		code = client_fetch(client, strbuf_text(&below), stdout);
	else if (!alone)
		code = show_event(run, client, strbuf_text(&path), &deliveries);
	if (code == EXIT_OK && !payload && !alone && !json && deliveries > 0)
		putchar('\n');
	if (code == EXIT_OK && !payload && (alone || (!json && deliveries > 0)))
		code = list_put(run, client, strbuf_text(&below), &table);
	client_close(client);
	strbuf_free(&path);
	strbuf_free(&below);
	return code;
}
