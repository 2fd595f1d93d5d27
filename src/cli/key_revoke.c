/* grapnel key revoke. */
#include "cli/thing.h"

const struct args_option key_revoke_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

int key_revoke_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){.method = "DELETE", .what = "keys"});
}
