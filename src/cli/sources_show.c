/* grapnel sources show: one source, and what the commands about sources share. */
#include "cli/source.h"

#include <string.h>

#include "conf/readfile.h"

const struct args_option sources_show_run_options[] = {
    {"secret", NULL, "print its secret alone, and nothing else"},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

enum { SECRET_BYTES_MAX = 8192 };

const struct column source_columns[SOURCE_COLUMNS] = {
    {"id", "id"},
    {"uid", "uid"},
    {"scheme", "scheme"},
    {"settings", "settings"},
    {"subscriber", "subscriber"},
    {"enabled", "enabled"},
    {"insecure", "insecure"},
    {"secret missing", "secret_missing"},
    {"type", "event_type"},
    {"dedupe", "dedupe"},
    {"tolerance s", "tolerance_s"},
    {"rate", "rate"},
    {"response", "response"},
    {"most bytes", "max_body_bytes"},
    {"description", "description"},
    {"created", "created_at"},
    {"updated", "updated_at"},
    {"url", "url"},
    {"paste", "paste"},
    {"secret", "secret"},
};

const char *source_secret(const struct command_run *run, struct strbuf *text, int *code)
{
	const char *given = args_value(run->args, "secret"), *file = args_value(run->args, "secret-file");
	struct err err = {0};

	*code = EXIT_OK;
	if (given && file) {
		*code = command_misused(run, "--secret and --secret-file exclude each other");
		return NULL;
	}
	if (!file)
		return given;
	*text = STRBUF_INIT(SECRET_BYTES_MAX);
	if (readfile(file, true, text, &err) != 0) {
		command_say("%s", err.detail);
		*code = EXIT_USAGE;
		return NULL;
	}
	if (text->data)
		text->data[strcspn(text->data, "\r\n")] = '\0';
	return strbuf_text(text);
}

static int show_secret(const struct command_run *run)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *answer = NULL;
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&path, "sources", run->args->words[0], "secret");
	code = client_get(client, strbuf_text(&path), &answer);
	const char *secret = json_string_value(json_object_get(answer, "secret"));
	if (code == EXIT_OK && args_value(run->args, "json")) {
		json_line(answer, stdout);
	} else if (code == EXIT_OK && secret) {
		printf("%s\n", secret);
	} else if (code == EXIT_OK) {
		command_say("the source has no secret (yet)");
		code = EXIT_FAILED;
	}
	json_decref(answer);
	client_close(client);
	strbuf_free(&path);
	return code;
}

int sources_show_run(const struct command_run *run)
{
	if (args_value(run->args, "secret"))
		return show_secret(run);
	return thing_run(run, &(struct thing){"GET", "sources", NULL, NULL, THING_COLUMNS(source_columns)});
}
