/* grapnel resume. */
#include "cli/pause.h"

const struct args_option resume_run_options[] = {
    {"json", NULL, PAUSE_JSON_HELP},
    {0},
};

int resume_run(const struct command_run *run)
{
	return pause_call(run, "/v1/hub/resume");
}
