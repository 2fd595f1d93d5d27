/* grapnel sources delete. */
#include "cli/source.h"

const struct args_option sources_delete_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int sources_delete_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){.method = "DELETE", .what = "sources"});
}
