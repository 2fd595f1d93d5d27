/* grapnel endpoints disable. */
#include "cli/endpoint.h"

const struct args_option endpoints_disable_run_options[] = {
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column columns[] = {{"id", "id"}, {"status", "status"}};

int endpoints_disable_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"POST", "endpoints", "disable", endpoint_owner, THING_COLUMNS(columns)});
}
