/* The API as a command sees it: the hub at --url, with a key; else the hub that runs on the data folder, over its admin socket; without
 * one, the store in this process, under the hub's lock. Which of the last two is found out by the first request. Owned by one thread. */
#ifndef GRAPNEL_CLI_CLIENT_H
#define GRAPNEL_CLI_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/command.h"

struct client;

struct client_header {
	const char *name, *value;
};

/* A request. */
struct client_ask {
	const char *method;
	const char *path;         /* with its query */
	const char *content_type; /* NULL: no body */
	struct slice body;
	const char *idempotency_key; /* NULL: none */
	const struct client_header *headers; /* others; an Authorization among them goes instead of the key */
	size_t headers_len;
	FILE *sink;                  /* the body of a 2xx answer goes there as it comes; NULL: into the answer */
	int timeout_ms;              /* 0: none but that of a silent connection */
};

/* An answer, of whatever status. */
struct client_answer {
	int status;
	struct strbuf body;
};

/* Loads the options. What is wrong with a line of the option file is said, and no error when a hub runs. `make`: a data folder that does not exist is made; otherwise that is an error, since a mistyped --data would look
 * like an empty hub, as is one in which no hub ever was, once it is asked. NULL: it was said why, and *code is the exit code. */
struct client *client_open(const struct command_run *run, bool make, int *code) ATTR_MUST_USE;
/* Whether what was asked last was asked of a hub that runs, not of the store in this process. */
bool client_hub_runs(const struct client *client);
/* From now on only a hub that runs is asked: the data folder's lock stays free for one that starts. */
void client_running_only(struct client *client);
/* A request under way is broken off when *flag is set (by a signal). */
void client_interrupt(struct client *client, const volatile sig_atomic_t *flag);
/* The options that were loaded, and where the hub is, in words. */
const struct conf *client_conf(const struct client *client);
const char *client_where(const struct client *client);

/* One request; `path` with its query. Body and content type may be {NULL, 0} and NULL. EXIT_OK: the hub answered 2xx, `*answer` is the
 * JSON of it (NULL: no body; json_decref). Otherwise it was said why, and this is the exit code. */
int client_request(struct client *client, const char *method, const char *path, const char *content_type, struct slice body,
		   json_t **answer) ATTR_MUST_USE;
/* Likewise, with a JSON document. */
int client_request_json(struct client *client, const char *method, const char *path, json_t *doc, json_t **answer) ATTR_MUST_USE;
/* GET. */
int client_get(struct client *client, const char *path, json_t **answer) ATTR_MUST_USE;
/* GET of what need not be JSON: its bytes go to `to` as they come. */
int client_fetch(struct client *client, const char *path, FILE *to) ATTR_MUST_USE;

/* One request, and nothing is said. EXIT_OK: there is an answer (free its body); otherwise client_why() tells why there is none, and
 * this is the exit code. */
int client_ask(struct client *client, const struct client_ask *ask, struct client_answer *answer) ATTR_MUST_USE;
const char *client_why(const struct client *client);
/* The problem in an answer in one line: "detail (pointer: detail; …)". */
void client_problem(const struct client_ask *ask, const struct client_answer *answer, struct strbuf *out);
/* The exit code that an answer means. */
int client_code(const struct client_answer *answer);

/* Gives the data folder free, if this process holds it: a hub may start while the command waits for something else. */
void client_let_go(struct client *client);
/* NULL is allowed. */
void client_close(struct client *client);

#endif
