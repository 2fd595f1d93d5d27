/* grapnel check: are options, database and the settings in it sound? With --config: are the options in this file, and nothing else? */
#include <stdlib.h>
#include <string.h>

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

static void keep_finding(void *context, const char *text)
{
	(void)!json_array_append_new(context, json_string(text));
}

/* Whether --config is among the arguments: then a file is meant, not the hub of a data folder. */
static bool about_a_file(const struct args *args)
{
	for (int i = 0; i < args->conf_len; i++) {
		if (strcmp(args->conf[i], "--config") == 0 || strncmp(args->conf[i], "--config=", strlen("--config=")) == 0)
			return true;
	}
	return false;
}

static int put_answer(const struct command_run *run, const json_t *answer)
{
	const json_t *findings = json_object_get(answer, "findings");

	if (args_value(run->args, "json"))
		json_line(answer, stdout);
	else if (json_array_size(findings) == 0)
		puts("ok");
	for (size_t i = 0; i < json_array_size(findings) && !args_value(run->args, "json"); i++)
		put_finding(json_array_get(findings, i));
	return json_array_size(findings) == 0 ? EXIT_OK : EXIT_FAILED;
}

/* No data folder is looked into, and no hub asked. */
static int check_file(const struct command_run *run)
{
	struct conf conf;
	json_t *findings = json_array();

	conf_find(&conf, run->args->conf_len, run->args->conf, keep_finding, findings);
	run->local->find(&conf, keep_finding, findings);
	conf_free(&conf);
	json_t *answer = json_pack("{s:o, s:b}", "findings", findings, "ok", json_array_size(findings) == 0);
	int code = put_answer(run, answer);
	json_decref(answer);
	return code;
}

/* The hub looked at what it runs with: the file may be another by now. */
static void add_mistakes(const struct command_run *run, json_t *answer)
{
	struct conf conf;

	if (conf_find(&conf, run->args->conf_len, run->args->conf, keep_finding, json_object_get(answer, "findings")) > 0)
		json_object_set_new(answer, "ok", json_false());
	conf_free(&conf);
}

int check_run(const struct command_run *run)
{
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	if (about_a_file(run->args))
		return check_file(run);
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_get(client, "/local/check", &answer);
	const json_t *findings = json_object_get(answer, "findings");
	if (code == EXIT_OK && !json_is_array(findings)) {
		command_say("the hub's answer holds no findings");
		code = EXIT_FAILED;
	} else if (code == EXIT_OK) {
		add_mistakes(run, answer);
		code = put_answer(run, answer);
	}
	json_decref(answer);
	client_close(client);
	return code;
}
