/* Operations: their form, and following one. */
#include "cli/operation.h"

#include <poll.h>
#include <string.h>

#include "cli/progress.h"

enum { LOOK_EVERY_MS = 200 };

const struct column operation_columns[OPERATION_COLUMNS] = {
    {"id", "id"},           {"kind", "kind"},          {"state", "state"},    {"done", "done"},     {"total", "total"},
    {"skipped", "skipped"}, {"created", "created_at"}, {"ended", "ended_at"}, {"filter", "filter"},
};

static int64_t number_of(const json_t *operation, const char *member)
{
	return json_integer_value(json_object_get(operation, member));
}

static bool state_is(const json_t *operation, const char *state)
{
	const char *text = json_string_value(json_object_get(operation, "state"));
	return text && strcmp(text, state) == 0;
}

static void put_end(const struct command_run *run, const json_t *operation)
{
	const char *id = json_string_value(json_object_get(operation, "id"));
	const char *state = json_string_value(json_object_get(operation, "state"));
	int64_t skipped = number_of(operation, "skipped");

	if (args_value(run->args, "json")) {
		json_line(operation, stdout);
		return;
	}
	printf("%s %s: %lld of %lld", id ? id : "?", state ? state : "?", (long long)number_of(operation, "done"),
	       (long long)number_of(operation, "total"));
	if (skipped > 0)
		printf(", %lld skipped", (long long)skipped);
	putchar('\n');
}

int operation_follow(const struct command_run *run, struct client *client, const char *id)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	struct progress progress;
	json_t *operation = NULL;
	bool running = true;
	int code = EXIT_OK;

	path_make(&path, "operations", id, NULL);
	progress_begin(&progress, run->local->clock, "done", 0);
	for (;;) {
		json_decref(operation);
		code = client_get(client, strbuf_text(&path), &operation);
		if (code != EXIT_OK)
			break;
		progress.total = number_of(operation, "total");
		progress_show(&progress, number_of(operation, "done") + number_of(operation, "skipped"));
		running = state_is(operation, "running");
		if (!running)
			break;
		poll(NULL, 0, LOOK_EVERY_MS);
	}
	progress_clear(&progress);
	if (code == EXIT_OK) {
		put_end(run, operation);
		code = state_is(operation, "done") ? EXIT_OK : EXIT_FAILED;
	}
	json_decref(operation);
	strbuf_free(&path);
	return code;
}
