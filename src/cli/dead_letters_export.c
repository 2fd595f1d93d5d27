/* grapnel dead-letters export: dead letters as NDJSON, as they come from the hub. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/dead_letter.h"

const struct args_option dead_letters_export_run_options[] = {
    {"endpoint", "ID", DEAD_ENDPOINT_HELP},
    {"subscriber", "ID", DEAD_SUBSCRIBER_HELP},
    {"type", "PATTERN", DEAD_TYPE_HELP},
    {"reason", "REASON", DEAD_REASON_HELP},
    {"since", "TIME", DEAD_SINCE_HELP},
    {"until", "TIME", DEAD_UNTIL_HELP},
    {"text", "TEXT", DEAD_TEXT_HELP},
    {"json", NULL, "it is always JSON, one object a line"},
    {0},
};

/* A new file, 0600: it holds what was said to customers. NULL: it was said why. */
static FILE *make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		command_say("%s cannot be made: %s", path, strerror(errno));
	if (!file && fd >= 0)
		close(fd);
	return file;
}

int dead_letters_export_run(const struct command_run *run)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	int code;

	if (command_words(run, 0, 1) != EXIT_OK)
		return EXIT_USAGE;
	const char *name = run->args->words_len > 0 && strcmp(run->args->words[0], "-") != 0 ? run->args->words[0] : NULL;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&path, "dead-letters", NULL, "export");
	path_filters(&path, run, dead_letter_filters);
	FILE *file = name ? make_file(name) : stdout;
	code = file ? client_fetch(client, strbuf_text(&path), file) : EXIT_FAILED;
	if (name && file && fclose(file) != 0 && code == EXIT_OK) {
		command_say("%s cannot be written: %s", name, strerror(errno));
		code = EXIT_FAILED;
	}
	/* Half an export must not be taken for a whole one. */
	if (name && file && code != EXIT_OK)
		unlink(name);
	client_close(client);
	strbuf_free(&path);
	return code;
}
