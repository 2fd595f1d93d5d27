/* grapnel rejections list. */
#include "cli/list.h"
#include "cli/rejection.h"

const struct args_option rejections_list_run_options[] = {
    {"source", "ID", REJECTION_SOURCE_HELP},
    {"reason", "REASON", REJECTION_REASON_HELP},
    {"remote", "ADDRESS", REJECTION_REMOTE_HELP},
    {"since", "TIME", REJECTION_SINCE_HELP},
    {"until", "TIME", REJECTION_UNTIL_HELP},
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

const struct path_filter rejection_filters[] = {
    {"source", "source"}, {"reason", "reason"}, {"remote", "remote"}, {"since", "since"}, {"until", "until"}, {0},
};

static const struct column columns[] = {
    {"TIME", "time"},     {"REJECTION", "id"},     {"SOURCE", "name"}, {"REASON", "reason"},
    {"REMOTE", "remote"}, {"BYTES", "body_bytes"}, {"EVENT", "event"}, {"DETAIL", "detail"},
};

int rejections_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "rejections", rejection_filters, &table);
}
