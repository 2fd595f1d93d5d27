/* The API as a command sees it: the hub that runs, over the admin socket in the data folder; without one, the store in this process,
 * under the hub's lock. Which of them is found out by the first request. Owned by one thread. */
#ifndef GRAPNEL_CLI_CLIENT_H
#define GRAPNEL_CLI_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/cli.h"
#include "cli/command.h"

struct client;

/* Loads the options. `make`: a data folder that does not exist is made; otherwise that is an error, since a mistyped --data would look
 * like an empty hub. NULL: it was said why, and *code is the exit code. */
struct client *client_open(const struct command_run *run, bool make, int *code) ATTR_MUST_USE;
/* One request; `path` with its query. Body and content type may be {NULL, 0} and NULL. EXIT_OK: the hub answered 2xx, `*answer` is the
 * JSON of it (NULL: no body; json_decref). Otherwise it was said why, and this is the exit code. */
int client_request(struct client *client, const char *method, const char *path, const char *content_type, struct slice body,
		   json_t **answer) ATTR_MUST_USE;
/* Likewise, with a JSON document. */
int client_request_json(struct client *client, const char *method, const char *path, json_t *doc, json_t **answer) ATTR_MUST_USE;
/* NULL is allowed. */
void client_close(struct client *client);

#endif
