/* grapnel events list. */
#include "cli/list.h"

const struct args_option events_list_run_options[] = {
    {"type", "PATTERN", "those of this type: order.created, order.*, order.**"},
    {"subscriber", "ID", "those of this subscriber; empty: those without one"},
    {"since", "TIME", "not before: RFC 3339, or back from now, as in -1h"},
    {"until", "TIME", "before this time"},
    {"order", "ORDER", "desc: the newest first (default); asc: the oldest first"},
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

static const struct path_filter filters[] = {
    {"type", "type"}, {"subscriber", "subscriber"}, {"since", "since"}, {"until", "until"}, {"order", "order"}, {0},
};

static const struct column columns[] = {
    {"TIME", "time"},
    {"TYPE", "type"},
    {"ID", "id"},
    {"UID", "uid"},
    {"SUBSCRIBER", "subscriber"},
    {"BYTES", "data_bytes"},
    {"DELIVERIES", "deliveries"},
    {"ERASED", "erased_at"},
};

int events_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "events", filters, &table);
}
