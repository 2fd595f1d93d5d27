/* Bulk work on dead letters. */
#include "cli/bulk.h"

#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/confirm.h"
#include "cli/dead_letter.h"
#include "cli/operation.h"

/* {"ids": [...]} or {"filter": {...}}; NULL: it was said why not. All of them must be said: a forgotten filter must not touch what nobody
 * thought of. */
static json_t *document(const struct command_run *run)
{
	const struct args *args = run->args;
	json_t *filter = json_object(), *ids = json_array();

	for (const struct path_filter *one = dead_letter_filters; one->option; one++) {
		if (args_value(args, one->option))
			json_object_set_new(filter, one->name, json_string(args_value(args, one->option)));
	}
	for (int i = 0; i < args->words_len; i++)
		json_array_append_new(ids, json_string(args->words[i]));
	int ways = (json_object_size(filter) > 0) + (json_array_size(ids) > 0) + (args_value(args, "all") != NULL);
	json_t *doc = NULL;
	if (ways == 1)
		doc = json_array_size(ids) > 0 ? json_pack("{s:O}", "ids", ids) : json_pack("{s:O}", "filter", filter);
	else if (ways == 0)
		command_misused(run, "say which: ids of deliveries, filters, or --all");
	else
		command_misused(run, "ids, filters and --all exclude each other");
	json_decref(filter);
	json_decref(ids);
	return doc;
}

/* How many it would be. */
static int count(struct client *client, const char *path, json_t *doc, int64_t *number)
{
	json_t *answer = NULL;

	json_object_set_new(doc, "dry_run", json_true());
	int code = client_request_json(client, "POST", path, doc, &answer);
	json_object_del(doc, "dry_run");
	*number = json_integer_value(json_object_get(answer, "count"));
	json_decref(answer);
	return code;
}

static int confirm_number(const struct command_run *run, const char *done, int64_t number)
{
	char sentence[128];

	snprintf(sentence, sizeof sentence, "%lld dead letter%s will be %s.", (long long)number, number == 1 ? "" : "s", done);
	return confirm(run, sentence);
}

static int start(const struct command_run *run, struct client *client, const char *path, json_t *doc)
{
	json_t *operation = NULL;

	int code = client_request_json(client, "POST", path, doc, &operation);
	const char *id = json_string_value(json_object_get(operation, "id"));
	if (code == EXIT_OK && !id) {
		command_say("the hub's answer holds no operation");
		code = EXIT_FAILED;
	} else if (code == EXIT_OK && args_value(run->args, "no-wait")) {
		if (args_value(run->args, "json"))
			json_line(operation, stdout);
		else
			printf("%s\n", id);
	} else if (code == EXIT_OK) {
		/* The operation lives in the hub: whoever stops this command does not stop it. */
		fprintf(stderr, "%s begins; it goes on without this command, \"grapnel operations cancel\" stops it.\n", id);
		code = operation_follow(run, client, id);
	}
	json_decref(operation);
	return code;
}

int bulk_run(const struct command_run *run, const char *verb, const char *done)
{
	char path[64];
	int64_t number = 0;
	int code;

	json_t *doc = document(run);
	if (!doc)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		goto out;
	snprintf(path, sizeof path, "/v1/dead-letters/%s", verb);
	code = count(client, path, doc, &number);
	if (code != EXIT_OK)
		goto out;
	if (number == 0) {
		fprintf(stderr, "There is no such dead letter: nothing is to be %s.\n", done);
		goto out;
	}
	code = confirm_number(run, done, number);
	if (code == EXIT_OK)
		code = start(run, client, path, doc);
out:
	json_decref(doc);
	client_close(client);
	return code;
}
