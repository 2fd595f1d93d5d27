/* What the commands about retention share. */
#include "cli/retention.h"

static const struct column columns[] = {
    {"state", "state"},           {"why", "why"},           {"settings", "settings"},
    {"last run", "last_run"},     {"oldest event", "oldest_event"}, {"database", "database"},
};

int retention_ask(const struct command_run *run, const char *method, const char *path)
{
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, method, path, NULL, (struct slice){NULL, 0}, &answer);
	if (code == EXIT_OK)
		thing_put(run, columns, sizeof columns / sizeof *columns, answer);
	json_decref(answer);
	client_close(client);
	return code;
}
