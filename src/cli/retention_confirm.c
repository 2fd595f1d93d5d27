/* grapnel retention confirm: the wall clock is right, retention goes on. */
#include "cli/retention.h"

const struct args_option retention_confirm_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int retention_confirm_run(const struct command_run *run)
{
	return retention_ask(run, "POST", "/v1/retention/confirm");
}
