/* The command line: one command, one file, one row in commands.def. Commands other than serve speak the API: to the running hub
 * over the admin socket in the data folder, or, when none runs, to the store in their own process, through the transport that
 * main.c passes in. */
#ifndef GRAPNEL_CLI_CLI_H
#define GRAPNEL_CLI_CLI_H

#include "base/clock.h"
#include "base/err.h"
#include "conf/conf.h"
#include "http/message.h"

/* Exit codes; documented in grapnel(1). */
enum cli_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,      /* the command was carried out and the answer is no (check found something, not found, refused) */
	EXIT_USAGE = 2,       /* wrong arguments or options */
	EXIT_UNAVAILABLE = 3, /* the hub or its data could not be reached: try again */
};

/* How a command reaches the API in its own process when no hub runs (hub.c). */
struct cli_local {
	/* Takes the lock of the data folder and opens the store. When another process holds the lock, it waits a moment for it, then
	 * fails with UNAVAILABLE: that wait is what paces the caller, who tries the admin socket again. */
	void *(*open)(const struct conf *conf, struct err *err);
	void (*call)(void *hub, const struct http_request *request, struct http_response *response);
	void (*close)(void *hub);
	/* The serve command, with the arguments that are options of the table: returns the exit code. It says itself, in the log, what is wrong
	 * with them. */
	int (*serve)(int argc, char **argv);
	/* What is wrong with options beyond one by itself (settings.h): their number. */
	unsigned (*find)(const struct conf *conf, void (*found)(void *context, const char *text), void *context);
	const struct clock *clock;
};

/* Returns the exit code. May change the pointers in argv. */
int cli_main(int argc, char **argv, const struct cli_local *local);

#endif
