/* grapnel pause, and grapnel resume: the whole hub. */
#include "cli/pause.h"

#include "cli/client.h"
#include "cli/table.h"

const struct args_option pause_run_options[] = {
    {"json", NULL, PAUSE_JSON_HELP},
    {0},
};

static const struct column columns[] = {{"paused", "paused"}, {"since", "since"}, {"reason", "reason"}, {"backup", "backup_at"}};

int pause_call(const struct command_run *run, const char *path)
{
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, "POST", path, NULL, (struct slice){NULL, 0}, &answer);
	if (code == EXIT_OK && args_value(run->args, "json"))
		json_line(answer, stdout);
	else if (code == EXIT_OK)
		table_fields(columns, sizeof columns / sizeof *columns, answer, stdout);
	json_decref(answer);
	client_close(client);
	return code;
}

int pause_run(const struct command_run *run)
{
	return pause_call(run, "/v1/hub/pause");
}
