/* Commands about one thing. */
#include "cli/thing.h"

void thing_put(const struct command_run *run, const struct column *columns, size_t len, const json_t *answer)
{
	if (args_value(run->args, "json"))
		json_line(answer, stdout);
	else
		table_fields(columns, len, answer, stdout);
}

int thing_run(const struct command_run *run, const struct thing *thing)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	if (!run->args->words[0][0])
		return command_misused(run, "the id is empty");
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&path, thing->what, run->args->words[0], thing->more);
	if (thing->filters)
		path_filters(&path, run, thing->filters);
	code = client_request(client, thing->method, strbuf_text(&path), NULL, (struct slice){NULL, 0}, &answer);
	if (code == EXIT_OK && thing->prepare && !args_value(run->args, "json"))
		thing->prepare(answer);
	if (code == EXIT_OK)
		thing_put(run, thing->columns, thing->columns_len, answer);
	json_decref(answer);
	client_close(client);
	strbuf_free(&path);
	return code;
}
