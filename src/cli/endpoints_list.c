/* grapnel endpoints list. */
#include "cli/list.h"

const struct args_option endpoints_list_run_options[] = {
    {"subscriber", "ID", "those of this subscriber alone; empty: those without one"},
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct path_filter filters[] = {{"subscriber", "subscriber"}, {0}};

static const struct column columns[] = {
    {"ID", "id"}, {"UID", "uid"}, {"SUBSCRIBER", "subscriber"}, {"STATUS", "status"}, {"VERIFIED", "verification.state"}, {"BREAKER", "breaker.state"}, {"INSECURE", "insecure.findings.code"}, {"TYPES", "event_types"}, {"URL", "url"},
};

int endpoints_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "endpoints", filters, &table);
}
