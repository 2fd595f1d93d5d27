/* grapnel sources list. */
#include "cli/list.h"

const struct args_option sources_list_run_options[] = {
    {"scheme", "NAME", "those of this scheme alone"},
    {"text", "TEXT", "those that have this text in uid or description"},
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct path_filter filters[] = {{"scheme", "scheme"}, {"text", "q"}, {0}};

static const struct column columns[] = {
    {"ID", "id"},           {"UID", "uid"},           {"SCHEME", "scheme"}, {"SUBSCRIBER", "subscriber"},
    {"ENABLED", "enabled"}, {"INSECURE", "insecure"}, {"URL", "url"},
};

int sources_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "sources", filters, &table);
}
