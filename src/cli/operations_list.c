/* grapnel operations list. */
#include "cli/list.h"

const struct args_option operations_list_run_options[] = {
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct column columns[] = {
    {"ID", "id"},       {"KIND", "kind"},       {"STATE", "state"},        {"DONE", "done"},
    {"TOTAL", "total"}, {"SKIPPED", "skipped"}, {"CREATED", "created_at"}, {"ENDED", "ended_at"},
};

int operations_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "operations", NULL, &table);
}
