/* grapnel subscribers show. */
#include "cli/subscriber.h"

const struct args_option subscribers_show_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

const struct column subscriber_columns[SUBSCRIBER_COLUMNS] = {
    {"id", "id"}, {"uid", "uid"}, {"name", "name"}, {"metadata", "metadata"}, {"created", "created_at"}, {"updated", "updated_at"},
};

int subscribers_show_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"GET", "subscribers", NULL, NULL, THING_COLUMNS(subscriber_columns)});
}
