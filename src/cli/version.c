/* grapnel version. */
#include "config.h"

#include "cli/command.h"

const struct args_option version_run_options[] = {{0}};

int version_run(const struct command_run *run)
{
	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	puts("grapnel " PACKAGE_VERSION);
	return EXIT_OK;
}
