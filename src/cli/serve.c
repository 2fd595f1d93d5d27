/* grapnel serve: runs the hub. */
#include "cli/command.h"

const struct args_option serve_run_options[] = {{0}};

int serve_run(const struct command_run *run)
{
	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	return run->local->serve(run->args->conf_len, run->args->conf);
}
