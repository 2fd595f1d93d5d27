/* The scheduler's thread against a store of our own: rows in an array, a clock that stands still until it is moved. Tests wait
 * for jobs; that something does not happen is seen by a marker: messages are handled in order, so when the job of a later one
 * is there, the earlier ones have had their turn. */
#ifndef GRAPNEL_TESTS_SCHEDULE_WORLD_H
#define GRAPNEL_TESTS_SCHEDULE_WORLD_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "match/index.h"
#include "schedule/schedule.h"

enum { ROWS_MAX = 1000, MARKER = 900 };
static const int64_t START_MS = 1700000000000;

enum row_state { ROW_PENDING, ROW_HELD, ROW_ENDED };

struct row {
	struct due due;
	enum row_state state;
};

extern pthread_mutex_t mutex;
extern pthread_cond_t changed;
/* under the mutex */
extern struct row rows[ROWS_MAX];
extern size_t rows_len;
extern int failing_reads;
extern unsigned lane_reads;
extern struct job *jobs[ROWS_MAX]; /* given to a worker */
extern size_t jobs_len, jobs_taken;
extern struct outcome *posted[ROWS_MAX]; /* by the scheduler itself */
extern size_t posted_len, posted_taken;
extern int64_t tested_event;
extern unsigned tested_len;

extern struct scheduler *scheduler;
extern struct index *endpoints;
/* What it said of breakers; the thread's alone until all was handled. */
extern struct breakers *breakers;
extern unsigned opened_len, recovered_len;

struct job *next_job(void);
struct outcome *next_posted(void);
void set_endpoint_with(int64_t id, enum endpoint_status status, int max_in_flight, bool ordered, const struct breaker_policy *policy);
void set_endpoint(int64_t id, enum endpoint_status status, int max_in_flight, bool ordered);
void set_endpoint_of(int64_t id, int64_t subscriber);
void set_endpoint_rate(int64_t id, struct rate rate);
struct row *put_row(int64_t endpoint, int64_t delivery, int64_t due_ms, enum row_state state);
struct due *row_of(int64_t delivery, struct row **out);
void publish_round(int64_t endpoint, int64_t delivery, int64_t due_ms, int32_t round);
void publish(int64_t endpoint, int64_t delivery, int64_t due_ms);
void wait_tested(unsigned len, int64_t delivery);
void advance(int64_t ms);
void settle(struct job *job, enum delivery_change change, int64_t next_due_ms);
void succeed(struct job *job);
void fail_job(struct job *job, int64_t next_due_ms);
void assert_quiet(int64_t marker);
void setup_with(unsigned live_max);
int setup(void **state);
void begin(void);
int teardown(void **state);

#endif
