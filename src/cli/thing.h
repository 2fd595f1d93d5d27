/* Commands about one thing, named by its id or uid: ask, and print the answer. Owned by one thread. */
#ifndef GRAPNEL_CLI_THING_H
#define GRAPNEL_CLI_THING_H

#include "cli/client.h"
#include "cli/path.h"
#include "cli/table.h"

struct thing {
	const char *method;
	const char *what;                  /* the collection: "endpoints" */
	const char *more;                  /* behind the id: "pause"; NULL: nothing */
	const struct path_filter *filters; /* NULL: none */
	const struct column *columns;      /* of the answer; NULL: nothing is printed */
	size_t columns_len;
	void (*prepare)(json_t *answer);   /* changes it for people, before it is printed; NULL: as it is */
};

#define THING_COLUMNS(list) .columns = (list), .columns_len = sizeof(list) / sizeof *(list)

/* The option of things whose uid several subscribers may use. */
#define THING_SUBSCRIBER_HELP "whose it is, when several subscribers use the same uid"
#define THING_JSON_HELP "print the hub's answer as JSON, in one line"

/* A whole command with one word, the id. Returns the exit code. */
int thing_run(const struct command_run *run, const struct thing *thing) ATTR_MUST_USE;
/* Prints an answer as --json of the command says. */
void thing_put(const struct command_run *run, const struct column *columns, size_t len, const json_t *answer);

#endif
