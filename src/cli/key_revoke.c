/* grapnel key revoke: the key is refused from now on. */
#include <string.h>

#include <curl/curl.h>

#include "cli/client.h"

const struct args_option key_revoke_run_options[] = {{0}};

int key_revoke_run(const struct command_run *run)
{
	json_t *answer = NULL;
	char path[1024];
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	const char *id = run->args->words[0];
	char *escaped = strlen(id) < 256 ? curl_easy_escape(NULL, id, (int)strlen(id)) : NULL;
	if (!escaped || !id[0])
		return command_misused(run, "this is no key's id: see grapnel key list");
	snprintf(path, sizeof path, "/v1/keys/%s", escaped);
	curl_free(escaped);
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, "DELETE", path, NULL, (struct slice){0}, &answer);
	json_decref(answer);
	client_close(client);
	return code;
}
