/* grapnel subscribers add. */
#include "cli/subscriber.h"

const struct args_option subscribers_add_run_options[] = {
    {"uid", "TEXT", "your own id of it"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int subscribers_add_run(const struct command_run *run)
{
	const char *uid = args_value(run->args, "uid");
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	json_t *doc = json_pack("{s:s, s:s*}", "name", run->args->words[0], "uid", uid);
	code = client_request_json(client, "POST", "/v1/subscribers", doc, &answer);
	if (code == EXIT_OK)
		thing_put(run, subscriber_columns, SUBSCRIBER_COLUMNS, answer);
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	return code;
}
