/* Asking before what cannot be taken back. */
#include "cli/confirm.h"

#include <unistd.h>

int confirm(const struct command_run *run, const char *sentence)
{
	char answer[16] = "";

	command_put(sentence, stderr);
	fputc('\n', stderr);
	if (args_value(run->args, "yes"))
		return EXIT_OK;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return command_misused(run, "this is no terminal to ask on: with --yes it is done");
	fputs("Go on? [y/N] ", stderr);
	fflush(stderr);
	if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return EXIT_OK;
	command_say("nothing was done");
	return EXIT_FAILED;
}
