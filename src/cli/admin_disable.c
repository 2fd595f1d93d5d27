/* grapnel admin disable: the administrator's sessions end, and he is refused from now on. */
#include <string.h>

#include <curl/curl.h>

#include "cli/client.h"

const struct args_option admin_disable_run_options[] = {{0}};

int admin_disable_run(const struct command_run *run)
{
	json_t *answer = NULL;
	char path[1024];
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	const char *name = run->args->words[0];
	char *escaped = name[0] && strlen(name) < 256 ? curl_easy_escape(NULL, name, (int)strlen(name)) : NULL;
	if (!escaped)
		return command_misused(run, "this is no administrator's name: see grapnel admin list");
	snprintf(path, sizeof path, "/local/admins/%s/disable", escaped);
	curl_free(escaped);
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, "POST", path, NULL, (struct slice){0}, &answer);
	json_decref(answer);
	client_close(client);
	return code;
}
