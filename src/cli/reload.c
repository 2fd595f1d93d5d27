/* grapnel reload: a running hub reads its options and its certificate again. */
#include "cli/client.h"
#include "cli/table.h"

const struct args_option reload_run_options[] = {
    {"dry-run", NULL, "say what would change, and change nothing"},
    {"json", NULL, "print the hub's answer as JSON, in one line"},
    {0},
};

static void put_names(const char *before, const json_t *names)
{
	if (json_array_size(names) == 0)
		return;
	fputs(before, stdout);
	for (size_t i = 0; i < json_array_size(names); i++) {
		fputs(i ? ", " : "", stdout);
		command_put(json_string_value(json_array_get(names, i)), stdout);
	}
	putchar('\n');
}

static void put_report(const json_t *report)
{
	const json_t *findings = json_object_get(report, "findings"), *changed = json_object_get(report, "changed");

	for (size_t i = 0; i < json_array_size(findings); i++)
		command_say("%s", json_string_value(json_array_get(findings, i)));
	if (json_array_size(findings) > 0) {
		command_say("nothing was reloaded");
		return;
	}
	if (json_array_size(changed) == 0)
		puts("no option changed that a reload takes");
	put_names(json_is_true(json_object_get(report, "reloaded")) ? "reloaded: " : "a reload would take: ", changed);
	if (json_is_true(json_object_get(report, "certificate")))
		puts("the certificate was read again");
	put_names("changed, and taken at the next start: ", json_object_get(report, "restart"));
}

static void keep_finding(void *context, const char *text)
{
	(void)!json_array_append_new(context, json_string(text));
}

/* What is wrong with the options is wrong for this command, too, which finds the hub by them: then it need not be asked. NULL: nothing. */
static json_t *own_report(const struct command_run *run)
{
	struct conf conf;
	json_t *findings = json_array();
	unsigned len = conf_find(&conf, run->args->conf_len, run->args->conf, keep_finding, findings);

	conf_free(&conf);
	json_t *report = len ? json_pack("{s:b, s:[], s:[], s:b, s:O}", "reloaded", 0, "changed", "restart", "certificate", 0, "findings", findings) : NULL;
	json_decref(findings);
	return report;
}

static int end(const struct command_run *run, json_t *report)
{
	int code = json_array_size(json_object_get(report, "findings")) > 0 ? EXIT_FAILED : EXIT_OK;

	if (args_value(run->args, "json"))
		json_line(report, stdout);
	else
		put_report(report);
	json_decref(report);
	return code;
}

int reload_run(const struct command_run *run)
{
	json_t *doc = NULL, *report = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	if ((report = own_report(run)) != NULL)
		return end(run, report);
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	client_running_only(client);
	doc = json_pack("{s:b}", "dry_run", args_value(run->args, "dry-run") != NULL);
	code = client_request_json(client, "POST", "/local/reload", doc, &report);
	if (code == EXIT_OK)
		code = end(run, report);
	json_decref(doc);
	client_close(client);
	return code;
}
