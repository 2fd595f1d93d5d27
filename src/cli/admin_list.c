/* grapnel admin list: a line for each administrator. */
#include "cli/client.h"

const struct args_option admin_list_run_options[] = {{0}};

static void put_row(const char *name, const char *status, const char *created)
{
	printf("%-24s %-8s %s\n", name, status, created);
}

int admin_list_run(const struct command_run *run)
{
	json_t *answer = NULL;
	const json_t *admin;
	size_t i;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, "GET", "/local/admins", NULL, (struct slice){0}, &answer);
	if (code == EXIT_OK)
		put_row("NAME", "STATUS", "CREATED");
	json_array_foreach(json_object_get(answer, "data"), i, admin)
	{
		const char *name = json_string_value(json_object_get(admin, "name"));
		const char *created = json_string_value(json_object_get(admin, "created_at"));
		bool disabled = json_is_true(json_object_get(admin, "disabled"));
		put_row(name ? name : "-", disabled ? "disabled" : "active", created ? created : "-");
	}
	json_decref(answer);
	client_close(client);
	return code;
}
