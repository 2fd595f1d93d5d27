/* grapnel check: are options, database and the settings in it sound? */
#include <stdlib.h>

#include "cli/client.h"
#include "cli/table.h"

const struct args_option check_run_options[] = {
    {"json", NULL, "print the hub's answer as JSON, in one line"},
    {0},
};

static void put_finding(const json_t *finding)
{
	char *text = NULL;

	if (!json_is_string(finding))
		text = json_dumps(finding, JSON_COMPACT | JSON_ENCODE_ANY);
	command_put(text ? text : json_string_value(finding), stdout);
	putchar('\n');
	free(text);
}

int check_run(const struct command_run *run)
{
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_get(client, "/local/check", &answer);
	const json_t *findings = json_object_get(answer, "findings");
	if (code == EXIT_OK && !json_is_array(findings)) {
		command_say("the hub's answer holds no findings");
		code = EXIT_FAILED;
	} else if (code == EXIT_OK && args_value(run->args, "json")) {
		json_line(answer, stdout);
		code = json_array_size(findings) == 0 ? EXIT_OK : EXIT_FAILED;
	} else if (code == EXIT_OK && json_array_size(findings) == 0) {
		puts("ok");
	} else if (code == EXIT_OK) {
		for (size_t i = 0; i < json_array_size(findings); i++)
			put_finding(json_array_get(findings, i));
		code = EXIT_FAILED;
	}
	json_decref(answer);
	client_close(client);
	return code;
}
