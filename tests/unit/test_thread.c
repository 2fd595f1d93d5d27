/* Threads and the pool: signals, names, contexts, the queue's bound, a stop that loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "base/thread.h"

struct seen {
	sigset_t mask;
	char name[32];
};

static void *look_around(void *argument)
{
	struct seen *seen = argument;
	pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
	pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
	return argument;
}

static void a_thread_has_its_name_and_gets_no_signals(void **state)
{
	(void)state;
	struct seen seen;
	pthread_t thread;
	void *result;
	sigset_t before, after;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, "a-name-that-is-far-too-long", look_around, &seen, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, &seen);
	assert_string_equal(seen.name, "a-name-that-is-");
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1};
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		assert_int_equal(sigismember(&seen.mask, signals[i]), 1);
		assert_int_equal(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
	}
}

struct contexts {
	atomic_uint made;
	atomic_uint dropped;
	unsigned fail_at; /* the n-th cannot be made; 0: all can */
};

static struct contexts contexts;

static void *make_context(void *argument, struct err *err)
{
	struct contexts *all = argument;
	unsigned number = atomic_fetch_add(&all->made, 1) + 1;
	if (number == all->fail_at) {
		err_set(err, ERR_STORAGE, "no context for thread %u", number);
		return NULL;
	}
	return all;
}

static void drop_context(void *context)
{
	struct contexts *all = context;
	atomic_fetch_add(&all->dropped, 1);
}

struct work {
	struct pool_job job;
	void *context;
	sem_t *started;
	sem_t *may_end;
	atomic_uint *done;
};

static void run_work(struct pool_job *job, void *thread_context)
{
	struct work *work = CONTAINER_OF(job, struct work, job);
	work->context = thread_context;
	if (work->started)
		sem_post(work->started);
	if (work->may_end)
		sem_wait(work->may_end);
	atomic_fetch_add(work->done, 1);
}

static struct pool *start(unsigned threads, unsigned queue_max, unsigned fail_at, struct err *err)
{
	memset(&contexts, 0, sizeof contexts);
	contexts.fail_at = fail_at;
	return pool_start("test", threads, queue_max, make_context, drop_context, &contexts, err);
}

static void stopping_runs_what_is_queued(void **state)
{
	(void)state;
	enum { JOBS = 500 };
	static struct work work[JOBS];
	atomic_uint done = 0;
	struct pool *pool = start(3, JOBS, 0, NULL);
	assert_non_null(pool);
	for (unsigned i = 0; i < JOBS; i++) {
		work[i] = (struct work){.job.run = run_work, .done = &done};
		assert_int_equal(pool_post(pool, &work[i].job), 0);
	}
	pool_stop(pool);
	assert_int_equal(done, JOBS);
	for (unsigned i = 0; i < JOBS; i++)
		assert_ptr_equal(work[i].context, &contexts);
	assert_int_equal(contexts.made, 3);
	assert_int_equal(contexts.dropped, 3);
}

static void a_full_queue_refuses_and_takes_again_later(void **state)
{
	(void)state;
	sem_t started, may_end;
	atomic_uint done = 0;
	struct work work[4];
	sem_init(&started, 0, 0);
	sem_init(&may_end, 0, 0);
	struct pool *pool = start(1, 2, 0, NULL);
	assert_non_null(pool);
	for (unsigned i = 0; i < 4; i++)
		work[i] = (struct work){.job.run = run_work, .started = &started, .may_end = &may_end, .done = &done};
	assert_int_equal(pool_post(pool, &work[0].job), 0);
	sem_wait(&started);
	assert_int_equal(pool_post(pool, &work[1].job), 0);
	assert_int_equal(pool_post(pool, &work[2].job), 0);
	assert_int_equal(pool_post(pool, &work[3].job), -1);
	sem_post(&may_end);
	sem_wait(&started);
	assert_int_equal(pool_post(pool, &work[3].job), 0);
	for (unsigned i = 0; i < 3; i++)
		sem_post(&may_end);
	pool_stop(pool);
	assert_int_equal(done, 4);
	sem_destroy(&started);
	sem_destroy(&may_end);
}

static void without_its_contexts_a_pool_does_not_start(void **state)
{
	(void)state;
	struct err err = {0};
	assert_null(start(3, 10, 2, &err));
	assert_int_equal(err.code, ERR_STORAGE);
	assert_string_equal(err.detail, "no context for thread 2");
	assert_int_equal(contexts.dropped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_thread_has_its_name_and_gets_no_signals),
	    cmocka_unit_test(stopping_runs_what_is_queued),
	    cmocka_unit_test(a_full_queue_refuses_and_takes_again_later),
	    cmocka_unit_test(without_its_contexts_a_pool_does_not_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
