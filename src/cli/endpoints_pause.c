/* grapnel endpoints pause. */
#include "cli/endpoint.h"

const struct args_option endpoints_pause_run_options[] = {
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column columns[] = {{"id", "id"}, {"status", "status"}};

int endpoints_pause_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"POST", "endpoints", "pause", endpoint_owner, THING_COLUMNS(columns)});
}
