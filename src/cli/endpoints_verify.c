/* grapnel endpoints verify. */
#include "cli/endpoint.h"

const struct args_option endpoints_verify_run_options[] = {
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column columns[] = {{"id", "id"}, {"verification", "verification.state"}};

int endpoints_verify_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"POST", "endpoints", "verify", endpoint_owner, THING_COLUMNS(columns)});
}
