/* What the tests of the API share: the API on a real store, without the network. Requests go through http_app as the server would
 * send them, and the http_answer() of api_world.c catches the answers. */
#ifndef GRAPNEL_TESTS_API_WORLD_H
#define GRAPNEL_TESTS_API_WORLD_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/id.h"

enum { TEXT_MAX = 512 };

/* The hub's clock is the system's and this. */
extern atomic_llong clock_ahead_ms;
extern const struct clock test_clock;

struct world {
	char dir[64];
	struct master_key master;
	struct index *index;
	struct keyring *keyring;
	struct egress *egress;
	struct store *store;
	struct budget budget;
	struct api *api;
	struct http_app app;
	char admin[64]; /* the text of a key */
	char why[64];   /* what /readyz is told */
	/* shared, under the mutex: what the store's listener said */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct due last_made;
	int due_calls;
};

/* What a test says beside method, path and body; zero: nothing special. */
struct extra {
	const char *media_type; /* NULL: application/json where there is a body */
	const char *header, *value;
	bool local;
};

struct answer {
	int status;
	json_t *json; /* NULL: the body is no JSON */
	char *body;
	size_t body_len;
	struct http_response response; /* its headers */
	int64_t cap;                   /* what begin() said */
	struct strbuf pages;           /* of a stream, so far */
	/* shared, under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool given;
};

int world_set_up(void **state);
int world_tear_down(void **state);
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

/* Sends a request and waits for its answer; `path` with its query. */
struct answer *ask(struct world *world, const char *key, const char *method, const char *path, const char *body);
struct answer *ask_with(struct world *world, const char *key, const char *method, const char *path, const char *body,
                        const struct extra *extra);
/* The same as the command line does, in this thread. */
struct answer *ask_in_process(struct world *world, const char *method, const char *path, const char *body);
void done(struct answer *answer);

/* Members and headers of an answer; "" and 0 where they are not there. */
const char *text(const struct answer *answer, const char *name);
int64_t number(const struct answer *answer, const char *name);
const json_t *data(const struct answer *answer);
const char *header(const struct answer *answer, const char *name);

/* Fails unless the status is this one; gives the answer back. */
struct answer *must(int status, struct answer *answer);
/* An answer with a problem: its status, code, and the pointer of its first bad field (NULL: whichever). Frees it. */
void refused(int status, const char *code, const char *pointer, struct answer *answer);
/* Copies what must be there. */
void keep(char out[64], const char *value);
/* Makes a thing and keeps its id (or another member) in `out`. */
void make(struct world *world, const char *path, const char *body, const char *member, char out[64]);
void make_key(struct world *world, const char *body, char out[64]);
/* The three joined; good until three more were made. */
char *path_of(const char *before, const char *id, const char *after);

/* A good endpoint; `more` are further members, each with a comma before it. */
#define HOOK(more) "{\"url\":\"https://192.0.2.7/hook\",\"event_types\":[\"order.*\"]" more "}"

#endif
