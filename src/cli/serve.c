/* grapnel serve: runs the hub. */
#include "cli/command.h"

const struct args_option serve_run_options[] = {{0}};

int serve_run(const struct command_run *run)
{
	struct conf conf;
	struct err err = {0};

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	if (conf_load(&conf, run->args->conf_len, run->args->conf, NULL, &err) != 0) {
		command_say("%s", err.detail);
		return EXIT_USAGE;
	}
	int code = run->local->serve(&conf, run->args->conf_len, run->args->conf);
	conf_free(&conf);
	return code;
}
