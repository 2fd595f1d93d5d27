/* grapnel events erase: what an event said, and what was answered to it, goes for good. */
#include "cli/confirm.h"
#include "cli/thing.h"

const struct args_option events_erase_run_options[] = {
    {"cancel", NULL, "cancel its deliveries that have not ended, instead of refusing"},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"yes", NULL, CONFIRM_YES_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct path_filter owner[] = {{"subscriber", "subscriber"}, {0}};
static const struct column columns[] = {
    {"id", "id"}, {"erased", "erased_at"}, {"cancelled", "cancelled"}, {"responses", "responses"}, {"operation", "operation"}};

static int confirm_erasure(const struct command_run *run, bool cancel)
{
	if (args_value(run->args, "yes"))
		return EXIT_OK; /* nothing is said before the hub has */
	return confirm(run, cancel ? "What the event said will be erased for good, and its deliveries that have not ended will be cancelled."
	                           : "What the event said, and what endpoints answered to it, will be erased for good.");
}

/* The hub cancels some deliveries at a time: asks until none is left. */
static int erase(struct client *client, const char *path, json_t **answer)
{
	json_int_t cancelled = 0, left;
	int code;

	do {
		json_decref(*answer);
		code = client_request(client, "DELETE", path, NULL, (struct slice){NULL, 0}, answer);
		cancelled += json_integer_value(json_object_get(*answer, "cancelled"));
		left = json_integer_value(json_object_get(*answer, "left"));
		if (code == EXIT_OK && left > 0)
			command_say("%lld deliveries were cancelled, %lld are left", (long long)cancelled, (long long)left);
	} while (code == EXIT_OK && left > 0);
	if (code == EXIT_OK)
		json_object_set_new(*answer, "cancelled", json_integer(cancelled));
	return code;
}

int events_erase_run(const struct command_run *run)
{
	bool cancel = args_value(run->args, "cancel") != NULL;
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *answer = NULL;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	if (!run->args->words[0][0])
		return command_misused(run, "the id is empty");
	int code = confirm_erasure(run, cancel);
	struct client *client = code == EXIT_OK ? client_open(run, false, &code) : NULL;
	if (!client)
		return code;
	path_make(&path, "events", run->args->words[0], "payload");
	path_filters(&path, run, owner);
	if (cancel)
		path_param(&path, "cancel", "true");
	code = erase(client, strbuf_text(&path), &answer);
	if (code == EXIT_OK)
		thing_put(run, columns, sizeof columns / sizeof *columns, answer);
	json_decref(answer);
	client_close(client);
	strbuf_free(&path);
	return code;
}
