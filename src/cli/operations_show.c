/* grapnel operations show: one operation, or its progress to the end. */
#include "cli/operation.h"

const struct args_option operations_show_run_options[] = {
    {"wait", NULL, "show its progress until it ends"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int operations_show_run(const struct command_run *run)
{
	int code;

	if (!args_value(run->args, "wait"))
		return thing_run(run, &(struct thing){"GET", "operations", NULL, NULL, THING_COLUMNS(operation_columns)});
	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = operation_follow(run, client, run->args->words[0]);
	client_close(client);
	return code;
}
