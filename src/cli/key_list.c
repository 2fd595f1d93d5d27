/* grapnel key list: a table of the API keys. The keys themselves are not known any more, only their first characters. */
#include "cli/list.h"

const struct args_option key_list_run_options[] = {
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct column columns[] = {
    {"ID", "id"}, {"NAME", "name"}, {"SCOPES", "scopes"}, {"SUBSCRIBER", "subscriber"}, {"CREATED", "created_at"},
    {"EXPIRES", "expires_at"}, {"HINT", "hint"},
};

int key_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "keys", NULL, &table);
}
