/* grapnel endpoints drill: sends an endpoint what it must accept and what it must refuse, and tells whether it did. */
#include <string.h>

#include "cli/endpoint.h"

const struct args_option endpoints_drill_run_options[] = {
    {"type", "TYPE", "the type of the events that are sent; without, the hub's own for tests"},
    {"snippet", "LANGUAGE", "print, instead of the report, code that verifies this endpoint's requests: python, node, go, or a curl request to try it"},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column request_columns[] = {
    {"request", "drill"},          {"expected", "expected"}, {"as expected", "as_expected"},
    {"status", "attempt.status"}, {"failure", "attempt.failure"}, {"delivery", "delivery"},
};

static const struct column finding_columns[] = {{"finding", "code"}, {"severity", "severity"}, {"what it means", "detail"}};

static const struct column verdict_columns[] = {{"endpoint", "endpoint"}, {"verdict", "verdict"}, {"insecure since", "insecure.since"}};

static void put_report(const json_t *answer)
{
	struct table requests = TABLE_INIT(request_columns), findings = TABLE_INIT(finding_columns);
	table_rows(&requests, json_object_get(answer, "requests"), stdout);
	printf("\n");
	table_fields(verdict_columns, sizeof verdict_columns / sizeof *verdict_columns, answer, stdout);
	if (json_array_size(json_object_get(answer, "findings")) > 0) {
		printf("\n");
		table_rows(&findings, json_object_get(answer, "findings"), stdout);
	}
	if (json_is_object(json_object_get(answer, "snippets")))
		printf("\n--snippet python, node or go prints code that verifies this endpoint's requests.\n");
}

static int put_answer(const struct command_run *run, const json_t *answer)
{
	const char *language = args_value(run->args, "snippet"), *verdict = json_string_value(json_object_get(answer, "verdict"));
	const char *snippet = language ? json_string_value(json_object_get(json_object_get(answer, "snippets"), language)) : NULL;
	if (args_value(run->args, "json"))
		json_line(answer, stdout);
	else if (snippet)
		fputs(snippet, stdout);
	else if (language)
		fprintf(stderr, "grapnel: the drill found nothing to mend (verdict: %s), so there is no code\n", verdict ? verdict : "none");
	else
		put_report(answer);
	return verdict && strcmp(verdict, "passed") == 0 && !(language && !snippet) ? EXIT_OK : EXIT_FAILED;
}

static bool language_known(const char *language)
{
	static const char *const known[] = {"python", "node", "go", "curl"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(language, known[i]) == 0)
			return true;
	return false;
}

int endpoints_drill_run(const struct command_run *run)
{
	const char *type = args_value(run->args, "type"), *language = args_value(run->args, "snippet");
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	if (language && !language_known(language))
		return command_misused(run, "--snippet must be python, node, go or curl");
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&path, "endpoints", run->args->words[0], "test");
	path_filters(&path, run, endpoint_owner);
	json_t *doc = json_pack("{s:b, s:s*}", "drill", 1, "type", type);
	code = client_request_json(client, "POST", strbuf_text(&path), doc, &answer);
	json_decref(doc);
	if (code == EXIT_OK)
		code = put_answer(run, answer);
	json_decref(answer);
	client_close(client);
	strbuf_free(&path);
	return code;
}
