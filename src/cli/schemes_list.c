/* grapnel schemes list. */
#include "cli/list.h"

const struct args_option schemes_list_run_options[] = {
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct column columns[] = {
    {"NAME", "name"}, {"TITLE", "title"}, {"SECRET", "secret"}, {"SAMPLES", "samples"}, {"VERIFIED", "verified"},
};

int schemes_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	json_t *page = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_get(client, "/v1/schemes", &page);
	const json_t *rows = json_object_get(page, "data");
	if (code == EXIT_OK && !args_value(run->args, "json"))
		table_rows(&table, rows, stdout);
	for (size_t i = 0; code == EXIT_OK && args_value(run->args, "json") && i < json_array_size(rows); i++)
		json_line(json_array_get(rows, i), stdout);
	json_decref(page);
	client_close(client);
	return code;
}
