/* grapnel rejections accept: page by page, until there are no more. */
#include "cli/client.h"
#include "cli/rejection.h"
#include "cli/table.h"

const struct args_option rejections_accept_run_options[] = {
    {"source", "ID", REJECTION_SOURCE_HELP},
    {"reason", "REASON", REJECTION_REASON_HELP},
    {"remote", "ADDRESS", REJECTION_REMOTE_HELP},
    {"since", "TIME", REJECTION_SINCE_HELP},
    {"until", "TIME", REJECTION_UNTIL_HELP},
    {"all", NULL, "every rejection there is"},
    {"dry-run", NULL, "say what would be accepted, and publish nothing"},
    {"json", NULL, "print what became of each as JSON, one object a line"},
    {0},
};

static const struct column columns[] = {
    {"REJECTION", "id"},        {"ACCEPTED", "accepted"}, {"EVENT", "event"},
    {"DUPLICATE", "duplicate"}, {"REASON", "reason"},     {"DETAIL", "detail"},
};

/* NULL: it was said why not. All of them must be said. */
static json_t *document(const struct command_run *run)
{
	const struct args *args = run->args;
	json_t *filter = json_object(), *ids = json_array(), *doc = NULL;

	for (const struct path_filter *one = rejection_filters; one->option; one++) {
		if (args_value(args, one->option))
			json_object_set_new(filter, one->name, json_string(args_value(args, one->option)));
	}
	for (int i = 0; i < args->words_len; i++)
		json_array_append_new(ids, json_string(args->words[i]));
	int ways = (json_object_size(filter) > 0) + (json_array_size(ids) > 0) + (args_value(args, "all") != NULL);
	if (ways == 1)
		doc = json_array_size(ids) > 0 ? json_pack("{s:O}", "ids", ids) : json_pack("{s:O}", "filter", filter);
	else if (ways == 0)
		command_misused(run, "say which: ids of rejections, filters, or --all");
	else
		command_misused(run, "ids, filters and --all exclude each other");
	if (doc && args_value(args, "dry-run"))
		json_object_set_new(doc, "dry_run", json_true());
	json_decref(filter);
	json_decref(ids);
	return doc;
}

static void put_page(const struct command_run *run, struct table *table, const json_t *answer)
{
	const json_t *rows = json_object_get(answer, "data");

	if (!args_value(run->args, "json")) {
		table_rows(table, rows, stdout);
		return;
	}
	for (size_t i = 0; i < json_array_size(rows); i++)
		json_line(json_array_get(rows, i), stdout);
}

/* EXIT_FAILED when something was refused. */
static int accept_all(const struct command_run *run, struct client *client, json_t *doc)
{
	struct table table = TABLE_INIT(columns);
	int64_t accepted = 0, refused = 0;
	bool more = true;
	int code = EXIT_OK;

	while (code == EXIT_OK && more) {
		json_t *answer = NULL;
		code = client_request_json(client, "POST", "/v1/rejections/accept", doc, &answer);
		if (code == EXIT_OK)
			put_page(run, &table, answer);
		accepted += json_integer_value(json_object_get(answer, "accepted"));
		refused += json_integer_value(json_object_get(answer, "refused"));
		json_t *next = json_object_get(answer, "next_after"), *filter = json_object_get(doc, "filter");
		more = code == EXIT_OK && json_is_string(next) && filter && json_object_set(filter, "after", next) == 0;
		json_decref(answer);
	}
	if (code != EXIT_OK)
		return code;
	fprintf(stderr, "%lld %s, %lld refused.\n", (long long)accepted,
	        args_value(run->args, "dry-run") ? "would be accepted" : "accepted", (long long)refused);
	return refused > 0 ? EXIT_FAILED : EXIT_OK;
}

int rejections_accept_run(const struct command_run *run)
{
	int code;

	json_t *doc = document(run);
	if (!doc)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (client)
		code = accept_all(run, client, doc);
	json_decref(doc);
	client_close(client);
	return code;
}
