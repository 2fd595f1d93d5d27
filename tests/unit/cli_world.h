/* What the tests of the command line share: a hub in this process that answers what it is told and remembers what it was asked, one on an
 * admin socket or a port, and running a command with its output caught, or on a terminal. */
#ifndef GRAPNEL_TESTS_CLI_WORLD_H
#define GRAPNEL_TESTS_CLI_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define NOW_MS INT64_C(1900000000000) /* 2030-03-17T17:46:40Z */

/* ---- The hub in this process ------------------------------------------------------------------------------------------- */

enum { CALLS_MAX = 16 };

struct stub {
	/* what it answers, one after another; the last one stays */
	struct {
		int status;
		const char *body;
	} answers[CALLS_MAX];
	/* what open() says first: so many times that the lock is held */
	int held;
	void (*while_held)(void);
	enum err_code open_fails;
	/* what was seen */
	int opens, closes, calls;
	struct {
		char method[16], path[256], query[512], type[64], key[64];
		char *body;
		size_t body_len;
		bool local;
	} seen[CALLS_MAX];
	int64_t mono_us;
	char served_listen[64], opened_data[256];
};

extern struct stub stub;
void answer(int at, int status, const char *body);

/* ---- The hub on its admin socket, or on a port -------------------------------------------------------------------------- */

/* Takes one connection with a whole request, then answers and closes. */
struct served {
	int listener;       /* -1: none */
	const char *answer; /* the whole response; NULL: closes without any */
	char request[4096];
};

extern struct served served;
/* Listens at <folder>/grapnel.sock. */
void start_server(const char *folder, const char *response);
/* Listens on 127.0.0.1; returns the port. */
int start_remote(const char *response);
void end_server(void);

/* ---- Running a command ------------------------------------------------------------------------------------------------- */

struct printed {
	char out[1 << 16];
	char err[1 << 16];
};

extern struct printed printed;
int run_words(const char *const *words);
#define RUN(...) run_words((const char *const[]){__VA_ARGS__, NULL})
/* With a terminal as standard input and error, on which a person types `typed`; what stands there afterwards is in printed.err. */
int run_words_on_terminal(const char *typed, const char *const *words);
#define RUN_ON_TERMINAL(typed, ...) run_words_on_terminal(typed, (const char *const[]){__VA_ARGS__, NULL})

void assert_holds(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
void write_file(const char *path, const char *text);

/* Each test has a working folder of its own, with an empty data folder "var". */
int enter_folder(void **state);
int leave_folder(void **state);
#define CLI_TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

#endif
