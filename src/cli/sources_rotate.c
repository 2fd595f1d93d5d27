/* grapnel sources rotate. */
#include "cli/source.h"
#include "conf/option.h"

const struct args_option sources_rotate_run_options[] = {
    {"secret", "TEXT", SOURCE_SECRET_HELP},
    {"secret-file", "FILE", SOURCE_SECRET_FILE_HELP},
    {"overlap", "TIME", "how long the old ones fit, too, as in 24h (default: the hub's secret.overlap)"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column columns[] = {{"secret", "secret"}, {"previous", "previous"}};

static int put_options(const struct command_run *run, json_t *doc)
{
	const char *overlap = args_value(run->args, "overlap"), *why;
	struct strbuf text = STRBUF_INIT(0);
	int64_t ms;
	int code;

	if (overlap && option_parse_ms(overlap, &ms, &why) != 0)
		return command_misused(run, "--overlap cannot be \"%.40s\": %s; accepted: a number with a unit: ms, s, m, h, d", overlap,
		                       why);
	if (overlap)
		json_object_set_new(doc, "overlap_ms", json_integer(ms));
	const char *secret = source_secret(run, &text, &code);
	if (secret)
		json_object_set_new(doc, "secret", json_string(secret));
	strbuf_free(&text);
	return code;
}

int sources_rotate_run(const struct command_run *run)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	struct client *client = NULL;
	json_t *answer = NULL, *doc = json_object();

	int code = command_words(run, 1, 1);
	if (code == EXIT_OK)
		code = put_options(run, doc);
	if (code == EXIT_OK)
		client = client_open(run, false, &code);
	if (client) {
		path_make(&path, "sources", run->args->words[0], "secret/rotate");
		code = client_request_json(client, "POST", strbuf_text(&path), doc, &answer);
	}
	if (client && code == EXIT_OK)
		thing_put(run, columns, sizeof columns / sizeof *columns, answer);
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	strbuf_free(&path);
	return code;
}
