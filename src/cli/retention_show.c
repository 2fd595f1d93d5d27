/* grapnel retention show. */
#include "cli/retention.h"

const struct args_option retention_show_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int retention_show_run(const struct command_run *run)
{
	return retention_ask(run, "GET", "/v1/retention");
}
