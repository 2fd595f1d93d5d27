/* The numbers of the overview. Each is counted in the smallest index that has it, in a read transaction of its own, up to
 * STATS_COUNT_MAX rows and for a share of the time that a read may take; what is not counted to its end is said to be a lower bound. */
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "store/sqlite/reader.h"

enum { SHARE_US = READER_TIME_US / 4, MINUTE_MS = 60000, HOUR_MS = 3600000 };

struct count {
	struct sqlite_reader *r;
	struct run run;
	int64_t deadline_us;
	int64_t rows;
	int found; /* after the last row: 0, or -1 */
	bool cut;  /* there are more */
};

static struct count count_begin(struct sqlite_reader *r, enum query all, enum query own, int64_t subscriber)
{
	struct count count = {.r = r, .run = db_run(&r->db, subscriber ? own : all)};
	if (subscriber)
		run_int(&count.run, 1, subscriber);
	count.deadline_us = clock_mono_us(r->base.env->clock) + SHARE_US;
	return count;
}

/* The next row is there, and may be counted. */
static bool count_next(struct count *count)
{
	count->found = run_row(&count->run);
	if (count->found <= 0)
		return false;
	bool late = count->rows % READER_ROWS_BETWEEN_CLOCKS == READER_ROWS_BETWEEN_CLOCKS - 1 &&
	            clock_mono_us(count->r->base.env->clock) >= count->deadline_us;
	count->cut = count->rows++ == STATS_COUNT_MAX || late;
	return !count->cut;
}

static int count_end(struct count *count)
{
	run_end(&count->run);
	return count->found < 0 ? -1 : 0;
}

static int pending(struct sqlite_reader *r, int64_t now_ms, int64_t subscriber, struct stats *stats)
{
	struct count count = count_begin(r, QUERY_STATS_PENDING, QUERY_STATS_PENDING_OF_SUBSCRIBER, subscriber);
	int64_t oldest = 0;
	while (count_next(&count)) {
		int64_t id = run_int_at(&count.run, 0);
		oldest = oldest == 0 || id < oldest ? id : oldest;
		stats->pending.count++;
		stats->due.count += run_int_at(&count.run, 1) <= now_ms;
	}
	stats->pending.at_least = stats->due.at_least = count.cut;
	stats->oldest_pending_ms = oldest ? id_time_ms(oldest) : 0;
	return count_end(&count);
}

/* Of each key with unfinished ones exactly one is pending, the others are held: so the index alone tells how many. */
static int held(struct sqlite_reader *r, int64_t subscriber, struct stats *stats)
{
	struct count count = count_begin(r, QUERY_STATS_ORDERED, QUERY_STATS_ORDERED_OF_SUBSCRIBER, subscriber);
	char last[EVENT_ORDERING_KEY_MAX + 1];
	size_t last_len = 0;
	int64_t last_endpoint = 0;
	while (count_next(&count)) {
		int64_t endpoint = run_int_at(&count.run, 0);
		struct slice key = run_text_at(&count.run, 1);
		bool same = endpoint == last_endpoint && slice_equal(key, (struct slice){last, last_len});
		stats->held.count += same;
		if (same || key.len > sizeof last)
			continue;
		last_endpoint = endpoint;
		last_len = key.len;
		if (key.len > 0)
			memcpy(last, key.at, key.len);
	}
	stats->held.at_least = count.cut;
	return count_end(&count);
}

static int dead(struct sqlite_reader *r, int64_t subscriber, struct stats *stats)
{
	struct count count = count_begin(r, QUERY_STATS_DEAD, QUERY_STATS_DEAD_OF_SUBSCRIBER, subscriber);
	while (count_next(&count))
		stats->dead.count++;
	stats->dead.at_least = count.cut;
	return count_end(&count);
}

static int events(struct sqlite_reader *r, int64_t now_ms, int64_t subscriber, struct stats *stats)
{
	struct count count = count_begin(r, QUERY_STATS_EVENTS, QUERY_STATS_EVENTS, 0);
	run_int(&count.run, 1, id_floor_of_time(now_ms - HOUR_MS));
	bool within_minute = true;
	while (count_next(&count)) {
		within_minute = id_time_ms(run_int_at(&count.run, 0)) >= now_ms - MINUTE_MS;
		bool counts = subscriber == 0 || run_int_at(&count.run, 1) == subscriber;
		stats->events_hour.count += counts;
		stats->events_minute.count += counts && within_minute;
	}
	stats->events_hour.at_least = count.cut;
	stats->events_minute.at_least = count.cut && within_minute;
	return count_end(&count);
}

static int few(struct sqlite_reader *r, int64_t subscriber, struct stats *stats)
{
	struct run run = db_run(&r->db, subscriber ? QUERY_STATS_ENDPOINTS_OF_SUBSCRIBER : QUERY_STATS_ENDPOINTS);
	if (subscriber)
		run_int(&run, 1, subscriber);
	int found;
	while ((found = run_row(&run)) > 0) {
		int64_t status = run_int_at(&run, 0);
		if (status >= 0 && status < ENDPOINT_DELETED)
			stats->endpoints[status] = run_int_at(&run, 1);
	}
	if (found < 0)
		return -1;
	run = db_run(&r->db, subscriber ? QUERY_STATS_OPERATIONS_OF_SUBSCRIBER : QUERY_STATS_OPERATIONS);
	if (subscriber)
		run_int(&run, 1, subscriber);
	return run_value(&run, &stats->operations) < 0 ? -1 : 0;
}

int sqlite_read_stats(struct store_reader *base, int64_t now_ms, int64_t subscriber, struct stats *stats, struct err *err)
{
	struct sqlite_reader *r = reader_of(base);
	*stats = (struct stats){.operations = 0};
	if (pending(r, now_ms, subscriber, stats) || held(r, subscriber, stats) || dead(r, subscriber, stats) ||
	    events(r, now_ms, subscriber, stats) || few(r, subscriber, stats))
		return reader_failed(r, err);
	return 0;
}
