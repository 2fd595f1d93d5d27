/* Group commit: everything that has come meanwhile goes into one transaction. The tables are those of the hub, as far as an event that
 * is delivered at the first try touches them. */
#include <err.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "bare.h"

static const char SCHEMA[] =
    "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;"
    "PRAGMA cache_size = -65536; PRAGMA locking_mode = NORMAL;"
    "CREATE TABLE events (id INTEGER PRIMARY KEY, subscriber INTEGER NOT NULL, time_ms INTEGER NOT NULL, deliveries INTEGER NOT NULL,"
    " type TEXT NOT NULL, uid TEXT, subject TEXT, data BLOB NOT NULL);"
    "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, event INTEGER NOT NULL, endpoint INTEGER NOT NULL, state INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, round INTEGER NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
    " order_key TEXT, last_started_ms INTEGER, last_duration_ms INTEGER, last_status INTEGER);"
    "CREATE INDEX deliveries_event ON deliveries (event);"
    "CREATE INDEX deliveries_due ON deliveries (endpoint, due_ms) WHERE state = 0;"
    "CREATE INDEX deliveries_order ON deliveries (endpoint, order_key) WHERE order_key IS NOT NULL AND state < 2;"
    "CREATE INDEX deliveries_dead ON deliveries (ended_ms) WHERE state = 3;"
    "CREATE TABLE attempts (id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, number INTEGER NOT NULL, started_ms INTEGER NOT NULL,"
    " duration_ms INTEGER NOT NULL, status INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX attempts_delivery ON attempts (delivery, number);";

enum statement { BEGIN, COMMIT, EVENT, DELIVERY, OUTCOME, ATTEMPT, STATEMENTS };

static const char *const SQL[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [EVENT] = "INSERT INTO events (id, subscriber, time_ms, deliveries, type, data) VALUES (?1, 0, ?2, ?4, 'bench.t0000', ?3)",
    [DELIVERY] = "INSERT INTO deliveries (id, event, endpoint, state, reason, round, attempts, due_ms, ended_ms)"
		 " VALUES (?1, ?3, ?4, 0, 0, 1, 0, ?2, 0)",
    [OUTCOME] = "UPDATE deliveries SET state = 2, attempts = attempts + 1, ended_ms = ?2 + ?3, last_started_ms = ?2,"
		" last_duration_ms = ?3, last_status = ?4 WHERE id = ?1 AND round = 1 AND state = 0",
    [ATTEMPT] = "INSERT INTO attempts (delivery, number, started_ms, duration_ms, status) VALUES (?1, 1, ?2, ?3, ?4)",
};

static struct {
	struct bare_store_config config;
	struct inbox inbox;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	int64_t last_id;
} store;

int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void run_statement(enum statement statement)
{
	if (sqlite3_step(store.statements[statement]) != SQLITE_DONE)
		errx(1, "sqlite: %s", sqlite3_errmsg(store.db));
	sqlite3_reset(store.statements[statement]);
}

void bare_store_open(const char *path)
{
	if (sqlite3_open(path, &store.db) || sqlite3_exec(store.db, SCHEMA, NULL, NULL, NULL))
		errx(1, "%s: %s", path, sqlite3_errmsg(store.db));
	for (int i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(store.db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &store.statements[i], NULL))
			errx(1, "sqlite: %s: %s", SQL[i], sqlite3_errmsg(store.db));
	}
	store.last_id = wall_ms() << 22;
}

void bare_store_begin(void)
{
	run_statement(BEGIN);
}

void bare_store_commit(void)
{
	run_statement(COMMIT);
}

void bare_store_event(struct job *job, unsigned fan)
{
	int64_t now = wall_ms();
	job->id = store.last_id + 1;
	store.last_id += fan > 1 ? fan + 1 : 1;
	sqlite3_bind_int64(store.statements[EVENT], 1, job->id);
	sqlite3_bind_int64(store.statements[EVENT], 2, now);
	sqlite3_bind_blob(store.statements[EVENT], 3, job->data, (int)job->data_len, SQLITE_STATIC);
	sqlite3_bind_int64(store.statements[EVENT], 4, fan);
	run_statement(EVENT);
	for (unsigned i = 1; i <= fan; i++) {
		sqlite3_bind_int64(store.statements[DELIVERY], 1, fan > 1 ? job->id + i : job->id);
		sqlite3_bind_int64(store.statements[DELIVERY], 2, now);
		sqlite3_bind_int64(store.statements[DELIVERY], 3, job->id);
		sqlite3_bind_int64(store.statements[DELIVERY], 4, i);
		run_statement(DELIVERY);
	}
}

void bare_store_outcome(const struct job *job)
{
	for (enum statement i = OUTCOME; i <= ATTEMPT; i++) {
		sqlite3_bind_int64(store.statements[i], 1, job->id);
		sqlite3_bind_int64(store.statements[i], 2, job->started_ms);
		sqlite3_bind_int64(store.statements[i], 3, job->duration_ms);
		sqlite3_bind_int64(store.statements[i], 4, job->status);
		run_statement(i);
	}
}

static void commit_chain(struct inbox_node *chain)
{
	bare_store_begin();
	for (struct inbox_node *node = chain; node; node = node->next) {
		struct job *job = CONTAINER_OF(node, struct job, node);
		if (job->kind == JOB_EVENT)
			bare_store_event(job, store.config.fan);
		else
			bare_store_outcome(job);
	}
	bare_store_commit();
}

/* An outcome is stored, or there was nothing to deliver. */
static void job_end(struct job *job)
{
	struct job *event = job->event;
	free(job);
	if (event && --event->deliveries == 0)
		free(event);
}

static void post_deliveries(struct job *job)
{
	job->endpoint = 1;
	if (store.config.fan == 1) {
		inbox_post(store.config.deliveries, &job->node);
		return;
	}
	job->deliveries = store.config.fan;
	for (unsigned i = 1; i <= store.config.fan; i++) {
		struct job *delivery = job_new(0);
		delivery->event = job;
		delivery->id = job->id + i;
		delivery->endpoint = i;
		delivery->data = job->data;
		delivery->data_len = job->data_len;
		inbox_post(store.config.deliveries, &delivery->node);
	}
}

/* After the commit: answers, and what is to be sent. */
static void pass_on(struct inbox_node *node)
{
	inbox_hold();
	while (node) {
		struct job *job = CONTAINER_OF(node, struct job, node);
		node = node->next;
		if (job->kind == JOB_OUTCOME) {
			job_end(job);
			continue;
		}
		job->request->id = job->id;
		job->request->committed = true;
		job->request->job = NULL;
		inbox_post(store.config.requests, &job->request->node);
		if (store.config.fan > 0)
			post_deliveries(job);
		else
			job_end(job);
	}
	inbox_release();
}

static void *run(void *unused)
{
	(void)unused;
	for (;;) {
		inbox_wait(&store.inbox, -1);
		struct inbox_node *chain = inbox_take(&store.inbox);
		if (chain) {
			commit_chain(chain);
			pass_on(chain);
		}
	}
	return NULL;
}

struct inbox *bare_store_start(const struct bare_store_config *config)
{
	struct err err;
	pthread_t thread;
	store.config = *config;
	bare_store_open(config->path);
	if (inbox_init(&store.inbox, &err) || pthread_create(&thread, NULL, run, NULL))
		errx(1, "the store's thread cannot start");
	return &store.inbox;
}
