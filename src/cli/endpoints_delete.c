/* grapnel endpoints delete. */
#include "cli/endpoint.h"

const struct args_option endpoints_delete_run_options[] = {
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int endpoints_delete_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){.method = "DELETE", .what = "endpoints", .filters = endpoint_owner});
}
