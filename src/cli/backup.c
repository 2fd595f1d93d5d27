/* grapnel backup: a consistent copy of the database while the hub works. The hub writes the file, so its path is made absolute here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/table.h"

const struct args_option backup_run_options[] = {
    {"json", NULL, "print the hub's answer as JSON, in one line"},
    {0},
};

/* malloc; NULL: the working folder has no name. */
static char *absolute(const char *path)
{
	struct strbuf full = STRBUF_INIT(1 << 20);

	if (path[0] != '/') {
		char *cwd = getcwd(NULL, 0);
		if (!cwd)
			return NULL;
		strbuf_printf(&full, "%s/", cwd);
		free(cwd);
	}
	strbuf_puts(&full, path);
	return strbuf_steal(&full, NULL);
}

int backup_run(const struct command_run *run)
{
	struct client *client = NULL;
	json_t *doc = NULL, *answer = NULL;
	struct stat there;
	int code = EXIT_FAILED;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	const char *file = run->args->words[0];
	if (!file[0])
		return command_misused(run, "the name of the file is empty");
	if (lstat(file, &there) == 0) {
		command_say("%s exists already: a backup never replaces a file", file);
		return EXIT_FAILED;
	}
	char *path = absolute(file);
	if (!path) {
		command_say("the working folder cannot be told: %s; give an absolute path", strerror(errno));
		goto out;
	}
	client = client_open(run, false, &code);
	if (!client)
		goto out;
	doc = json_pack("{s:s}", "path", path);
	code = client_request_json(client, "POST", "/local/backup", doc, &answer);
	if (code == EXIT_OK && args_value(run->args, "json"))
		json_line(answer, stdout);
out:
	client_close(client);
	json_decref(answer);
	json_decref(doc);
	free(path);
	return code;
}
