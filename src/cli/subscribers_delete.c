/* grapnel subscribers delete. With --erase all that is its own goes along, in an operation that is followed to its end. */
#include "cli/bulk.h"
#include "cli/confirm.h"
#include "cli/operation.h"
#include "cli/subscriber.h"

const struct args_option subscribers_delete_run_options[] = {
    {"erase", NULL, "with its endpoints, and erase what its events said and what endpoints answered, for good"},
    {"yes", NULL, "do not ask before erasing"},
    {"no-wait", NULL, BULK_NO_WAIT_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static int follow(const struct command_run *run, struct client *client, const json_t *operation)
{
	const char *id = json_string_value(json_object_get(operation, "id"));

	if (!id) {
		command_say("the hub's answer holds no operation");
		return EXIT_FAILED;
	}
	if (!args_value(run->args, "no-wait")) {
		fprintf(stderr, "%s begins; it goes on without this command.\n", id);
		return operation_follow(run, client, id);
	}
	if (args_value(run->args, "json"))
		json_line(operation, stdout);
	else
		printf("%s\n", id);
	return EXIT_OK;
}

static int erase(const struct command_run *run)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *operation = NULL;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	if (!run->args->words[0][0])
		return command_misused(run, "the id is empty");
	/* With --yes nothing is said before the hub has. */
	int code = args_value(run->args, "yes") ? EXIT_OK : confirm(run, "The subscriber will be deleted with its endpoints, and what its events said erased for good.");
	struct client *client = code == EXIT_OK ? client_open(run, false, &code) : NULL;
	if (!client)
		return code;
	path_make(&path, "subscribers", run->args->words[0], NULL);
	strbuf_puts(&path, "?erase=true");
	code = client_request(client, "DELETE", strbuf_text(&path), NULL, (struct slice){NULL, 0}, &operation);
	if (code == EXIT_OK)
		code = follow(run, client, operation);
	json_decref(operation);
	client_close(client);
	strbuf_free(&path);
	return code;
}

int subscribers_delete_run(const struct command_run *run)
{
	return args_value(run->args, "erase") ? erase(run) : thing_run(run, &(struct thing){.method = "DELETE", .what = "subscribers"});
}
