/* The store contract: what a crash leaves, a disk that is full, backups. */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../lib/temp.h"

static void what_was_answered_is_there_after_a_crash(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created"});
	struct due first = world_first_due(w, endpoint);
	assert_true(world_settle(w, &first, 200, REASON_NONE));
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created", .data = "[\"kept\"]"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	/* The writer stands in the answer. */
	world_post(w, &publish.cmd, true);
	world_wait(1);
	struct world *after = world_crash(w);
	world_release();
	assert_int_equal(world_pending(after, endpoint), 1);
	assert_int_equal(world_first_due(after, endpoint).event, item.event_id);
	struct err err = {0};
	struct event *event = reader_event(after->reader, item.event_id, NULL, &err);
	assert_true(slice_is(event->f.data, "[\"kept\"]"));
	event_unref(event);
	assert_int_equal(world_delivery(after, first.delivery).row.state, DELIVERY_DELIVERED);
	world_close(after);
	world_free(after);
	world_item_clear(&item);
}

static long file_size(struct world *w, const char *name)
{
	char *path = temp_path(w->dir, name);
	struct stat status;
	long size = stat(path, &status) == 0 ? (long)status.st_size : 0;
	free(path);
	return size;
}

/* No file may grow beyond this; RLIM_INFINITY: any size. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_refuses_publishes_and_keeps_outcomes_until_it_is_back(void **state)
{
	struct world *w = *state;
	signal(SIGXFSZ, SIG_IGN);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created"});
	struct due due = world_first_due(w, endpoint);
	limit_files((rlim_t)file_size(w, "grapnel.db-wal"));

	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_STORAGE);
	char why[200];
	assert_false(store_healthy(w->store, why, sizeof why));
	assert_true(strlen(why) > 0);
	assert_int_equal(w->health_calls, 1);
	assert_false(w->healthy);
	struct store_change change = {.what = CHANGE_ENDPOINT_PAUSE, .id = endpoint};
	assert_int_equal(store_change(w->store, &change), -1);
	assert_int_equal(change.err.code, ERR_STORAGE);

	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_post(w, &outcome.cmd, false);
	/* The probe fails while the disk is full. */
	w->mono_us += 2000000;
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_STORAGE);
	assert_int_equal(w->health_calls, 1);

	limit_files(RLIM_INFINITY);
	w->mono_us += 2000000;
	world_post(w, &publish.cmd, false);
	world_wait(2); /* the outcome, too */
	assert_int_equal(publish.cmd.fate, ERR_NONE);
	assert_true(outcome.applied);
	assert_true(store_healthy(w->store, why, sizeof why));
	assert_string_equal(why, "");
	assert_int_equal(w->health_calls, 2);
	assert_true(w->healthy);
	assert_int_equal(world_delivery(w, due.delivery).row.state, DELIVERY_DELIVERED);
	assert_int_equal(world_pending(w, endpoint), 1);
	world_item_clear(&item);
}

static void outcomes_that_cannot_be_written_go_back_at_the_stop(void **state)
{
	struct world *w = *state;
	signal(SIGXFSZ, SIG_IGN);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created"});
	struct due due = world_first_due(w, endpoint);
	limit_files((rlim_t)file_size(w, "grapnel.db-wal"));
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_post(w, &outcome.cmd, false);
	store_stop(w->store);
	world_wait(1);
	assert_int_equal(outcome.cmd.fate, ERR_STORAGE);
	limit_files(RLIM_INFINITY);
}

struct backup_job {
	struct world *w;
	char *path;
	int result;
	struct err err;
};

static void *run_backup(void *argument)
{
	struct backup_job *job = argument;
	job->result = store_backup(job->w->store, job->path, &job->err);
	return NULL;
}

/* Opens the copy as a store of its own. */
static struct world *open_copy(struct world *w, const char *path)
{
	struct world *copy = world_new();
	char *target = temp_path(copy->dir, "grapnel.db");
	assert_int_equal(rename(path, target), 0);
	free(target);
	copy->wall_ms = w->wall_ms;
	world_open(copy);
	return copy;
}

static void note_finding(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
}

static void a_backup_is_whole_while_publishing_goes_on(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t first = world_publish(w, &(struct world_event){.type = "order.created", .data = "[1]"});
	static char large[200000];
	memset(large, ' ', sizeof large - 1);
	for (int i = 0; i < 30; i++)
		world_publish(w, &(struct world_event){.type = "order.created", .data = large});
	struct backup_job job = {.w = w, .path = temp_path(w->dir, "copy.db")};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_backup, &job), 0);
	for (int i = 0; i < 50; i++)
		world_publish(w, &(struct world_event){.type = "order.created"});
	pthread_join(thread, NULL);
	if (job.result)
		fail_msg("%s", job.err.detail);
	struct stat status;
	assert_int_equal(stat(job.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	struct err err = {0};
	assert_int_equal(store_backup(w->store, job.path, &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);

	struct world *copy = open_copy(w, job.path);
	assert_int_equal(reader_check(copy->reader, note_finding, NULL, &err), 0);
	int pending = world_pending(copy, endpoint);
	assert_true(pending >= 31 && pending <= 81);
	struct event *event = reader_event(copy->reader, first, NULL, &err);
	assert_true(slice_is(event->f.data, "[1]"));
	event_unref(event);
	world_close(copy);
	world_free(copy);
	free(job.path);
}

static void a_backup_that_cannot_be_written_leaves_no_file(void **state)
{
	struct world *w = *state;
	signal(SIGXFSZ, SIG_IGN);
	static char large[200000];
	memset(large, ' ', sizeof large - 1);
	world_publish(w, &(struct world_event){.type = "order.created", .data = large});
	char *path = temp_path(w->dir, "copy.db");
	struct err err = {0};
	limit_files(100000);
	int result = store_backup(w->store, path, &err);
	limit_files(RLIM_INFINITY);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_STORAGE);
	struct stat status;
	assert_int_equal(stat(path, &status), -1);
	free(path);
	assert_int_equal(store_backup(w->store, "/no/such/folder/copy.db", &err), -1);
	assert_non_null(strstr(err.detail, "/no/such/folder/copy.db"));
	world_publish(w, &(struct world_event){.type = "order.created"});
}

static void a_backup_after_the_stop_is_refused(void **state)
{
	struct world *w = *state;
	store_stop(w->store);
	struct err err = {0};
	char *path = temp_path(w->dir, "copy.db");
	assert_int_equal(store_backup(w->store, path, &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	free(path);
}

static void a_sound_store_has_no_findings(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", "\"ordered\": true");
	for (int i = 0; i < 3; i++)
		world_publish(w, &(struct world_event){.type = "order.created"});
	world_change(w, CHANGE_DELIVERY_CANCEL, world_first_due(w, endpoint).delivery);
	struct err err = {0};
	assert_int_equal(reader_check(w->reader, note_finding, NULL, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(what_was_answered_is_there_after_a_crash),
	    WORLD_TEST(a_full_disk_refuses_publishes_and_keeps_outcomes_until_it_is_back),
	    WORLD_TEST(outcomes_that_cannot_be_written_go_back_at_the_stop),
	    WORLD_TEST(a_backup_is_whole_while_publishing_goes_on),
	    WORLD_TEST(a_backup_that_cannot_be_written_leaves_no_file),
	    WORLD_TEST(a_backup_after_the_stop_is_refused),
	    WORLD_TEST(a_sound_store_has_no_findings),
	};
	return world_main("store: disk", tests, sizeof tests / sizeof tests[0]);
}
