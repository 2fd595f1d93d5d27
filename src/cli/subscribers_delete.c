/* grapnel subscribers delete. */
#include "cli/subscriber.h"

const struct args_option subscribers_delete_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int subscribers_delete_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){.method = "DELETE", .what = "subscribers"});
}
