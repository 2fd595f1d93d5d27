/* grapnel key create: makes an API key; its text is the only thing on the standard output. */
#include <string.h>

#include "cli/client.h"
#include "cli/table.h"
#include "cli/when.h"

const struct args_option key_create_run_options[] = {
    {"scope", "S[,S...]", "what the key may do: publish, read, manage, admin; may be given several times"},
    {"subscriber", "ID", "bind the key to this subscriber (its id or uid): it sees and changes nothing else"},
    {"name", "TEXT", "what the key is for"},
    {"expires", "TIME", "when it ceases to be valid: RFC 3339, or from now on, as in +30d or +12h"},
    {"json", NULL, "print the hub's answer as JSON, in one line"},
    {0},
};

static bool is_scope(struct slice word)
{
	static const char *const scopes[] = {"publish", "read", "manage", "admin"};

	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		if (slice_is(word, scopes[i]))
			return true;
	}
	return false;
}

/* Checked here, so that a slip makes no database on its way to being refused. */
static int append_scopes(json_t *scopes, const char *list, struct err *err)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		if (!is_scope((struct slice){list, len}))
			return err_set(err, ERR_INVALID, "--scope: \"%.*s\" is no scope; these are: publish, read, manage, admin",
				       len < 40 ? (int)len : 40, list);
		json_array_append_new(scopes, json_stringn(list, len));
		list += len + (list[len] == ',');
	}
	return 0;
}

/* The document that is posted; NULL: it was said why not. */
static json_t *document(const struct command_run *run)
{
	const struct args *args = run->args;
	const char *expires = args_value(args, "expires"), *list;
	char expires_at[CLOCK_RFC3339_SIZE];
	json_t *scopes = json_array(), *doc = json_object();
	struct err err = {0};
	size_t at = 0;

	while (err.code == ERR_NONE && (list = args_next(args, "scope", &at)))
		(void)!append_scopes(scopes, list, &err);
	bool misnamed = err.code != ERR_NONE;
	bool scoped = json_array_size(scopes) > 0;
	json_object_set_new(doc, "scopes", scopes);
	if (args_value(args, "subscriber"))
		json_object_set_new(doc, "subscriber", json_string(args_value(args, "subscriber")));
	if (args_value(args, "name"))
		json_object_set_new(doc, "name", json_string(args_value(args, "name")));
	if (expires && !misnamed && when_parse(expires, run->local->clock, expires_at, &err) == 0)
		json_object_set_new(doc, "expires_at", json_string(expires_at));
	if (scoped && err.code == ERR_NONE)
		return doc;
	if (misnamed)
		command_misused(run, "%s", err.detail);
	else if (!scoped)
		command_misused(run, "--scope is missing: publish, read, manage, admin, or several of them with commas");
	else
		command_misused(run, "--expires: %s", err.detail);
	json_decref(doc);
	return NULL;
}

int key_create_run(const struct command_run *run)
{
	json_t *doc = NULL, *answer = NULL;
	struct client *client = NULL;
	int code = EXIT_USAGE;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	doc = document(run);
	if (!doc)
		goto out;
	client = client_open(run, true, &code);
	if (!client)
		goto out;
	code = client_request_json(client, "POST", "/v1/keys", doc, &answer);
	if (code != EXIT_OK)
		goto out;
	const char *key = json_string_value(json_object_get(answer, "key"));
	if (!key) {
		command_say("the hub's answer holds no key");
		code = EXIT_FAILED;
		goto out;
	}
	if (args_value(run->args, "json"))
		json_line(answer, stdout);
	else
		puts(key);
out:
	client_close(client);
	json_decref(answer);
	json_decref(doc);
	return code;
}
