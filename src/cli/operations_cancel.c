/* grapnel operations cancel. */
#include "cli/operation.h"

const struct args_option operations_cancel_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int operations_cancel_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){.method = "DELETE", .what = "operations"});
}
