/* grapnel sources disable. */
#include "cli/source.h"

const struct args_option sources_disable_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int sources_disable_run(const struct command_run *run)
{
	return source_merge(run, json_pack("{s:b}", "enabled", 0));
}
