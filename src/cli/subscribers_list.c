/* grapnel subscribers list. */
#include "cli/list.h"

const struct args_option subscribers_list_run_options[] = {
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct column columns[] = {{"ID", "id"}, {"UID", "uid"}, {"NAME", "name"}, {"CREATED", "created_at"}};

int subscribers_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "subscribers", NULL, &table);
}
