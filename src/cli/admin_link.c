/* grapnel admin link: prints the page's address with a token that logs in once, within ten minutes. */
#include <string.h>

#include "cli/client.h"

const struct args_option admin_link_run_options[] = {
    {"url", "URL", "where the page is reached, without a path; the address that the hub listens on when it is not given"},
    {0},
};

/* "http://127.0.0.1:8080" of a listen option that may name no host, or all addresses. */
static void put_base(const char *listen)
{
	static const char *const anywhere[] = {":", "0.0.0.0:", "[::]:"};
	for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++) {
		if (strncmp(listen, anywhere[i], strlen(anywhere[i])) == 0) {
			printf("http://127.0.0.1:%s", listen + strlen(anywhere[i]));
			return;
		}
	}
	printf("http://%s", listen);
}

/* Where the hub says that it listens, unless the arguments say something else. */
static void put_link(const struct command_run *run, const struct conf *conf, const char *path, const char *hub)
{
	bool said = false;
	const char *url = args_value(run->args, "url");
	if (url) {
		size_t len = strlen(url);
		printf("%.*s%s\n", (int)(len > 0 && url[len - 1] == '/' ? len - 1 : len), url, path);
		return;
	}
	for (int i = 0; i < run->args->conf_len; i++)
		said = said || strncmp(run->args->conf[i], "--listen", 8) == 0;
	if (hub && !said)
		fputs(hub, stdout);
	else
		put_base(conf->listen_api ? conf->listen_api : conf->listen);
	puts(path);
}

int admin_link_run(const struct command_run *run)
{
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, "POST", "/local/login-link", NULL, (struct slice){0}, &answer);
	const char *path = json_string_value(json_object_get(answer, "path"));
	if (code == EXIT_OK && path)
		put_link(run, client_conf(client), path, json_string_value(json_object_get(answer, "url")));
	json_decref(answer);
	client_close(client);
	return code;
}
