/* GET /metrics. What is counted where it happens stands in metrics/; here is what is looked up when somebody asks, at most once a second however many
 * ask: from memory and from the system, never from the database. */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/call.h"
#include "base/mem.h"
#include "config.h"
#include "metrics/format.h"
#include "store/census.h"

enum { FRESH_US = 1000000 };

struct scrape {
	int64_t started_ms; /* wall */
	pthread_mutex_t mutex;
	/* under the mutex */
	int64_t taken_us; /* monotonic; 0: never */
	struct metrics_samples samples;
};

/* ---- The words of labels whose tables stand elsewhere ---- */

static const char *reason_word(unsigned value)
{
	return value < REASONS ? delivery_reason_text((enum delivery_reason)value) : NULL;
}

/* Some numbers are no failure's. */
static const char *failure_word(unsigned value)
{
	const char *text = attempt_failure_text((enum attempt_failure)value);
	return strcmp(text, "unknown") == 0 ? NULL : text;
}

static const char *rejection_word(unsigned value)
{
	static const char *const codes[] = {
#define REASON(name, code, status, text) [REJECTION_##name] = code,
#include "scheme/reasons.def"
#undef REASON
	};
	_Static_assert(sizeof codes / sizeof *codes <= LABEL_REJECTION_MAX, "metrics/labels.def has too little room");
	return value < sizeof codes / sizeof *codes ? codes[value] : NULL;
}

static const char *version_word(unsigned value)
{
	return value == 0 ? PACKAGE_VERSION : NULL;
}

/* ---- What is looked up ---- */

static void sample_deliveries(struct api *api, struct metrics_samples *samples, int64_t now_ms)
{
	struct census_view view;
	store_census(api->config.store, &view);
	if (!view.counted)
		return;
	int64_t age_ms = view.oldest_ms ? now_ms - view.oldest_ms : 0;
	metrics_sample(samples, METRIC_BACKLOG, UNFINISHED_PENDING, (double)view.pending);
	metrics_sample(samples, METRIC_BACKLOG, UNFINISHED_HELD, (double)view.held);
	metrics_sample(samples, METRIC_DEAD_LETTERS, 0, (double)view.dead);
	metrics_sample(samples, METRIC_OPERATIONS, 0, (double)view.operations);
	metrics_sample(samples, METRIC_OLDEST, 0, age_ms > 0 ? (double)age_ms / 1000 : 0);
}

static void sample_endpoints(struct api *api, struct metrics_samples *samples)
{
	size_t counts[ENDPOINT_DELETED];
	unsigned open = 0, half_open = 0;
	index_count_status(api->config.index, counts);
	_Static_assert((int)ENDPOINT_DELETED == (int)LABEL_STATUS_MAX, "as in metrics/labels.def");
	for (unsigned i = 0; i < ENDPOINT_DELETED; i++)
		metrics_sample(samples, METRIC_ENDPOINTS, i, (double)counts[i]);
	if (api->config.breakers)
		breakers_count(api->config.breakers, &open, &half_open);
	metrics_sample(samples, METRIC_BREAKERS, METRIC_BREAKER_OPEN, open);
	metrics_sample(samples, METRIC_BREAKERS, METRIC_BREAKER_HALF_OPEN, half_open);
}

static void sample_file(struct api *api, struct metrics_samples *samples, enum metric metric, const char *name)
{
	char path[PATH_MAX];
	struct stat file;
	int len = snprintf(path, sizeof path, "%s/%s", api->config.data_dir, name);
	if (len > 0 && (size_t)len < sizeof path && stat(path, &file) == 0)
		metrics_sample(samples, metric, 0, (double)file.st_size);
}

static void sample_disk(struct api *api, struct metrics_samples *samples)
{
	struct statvfs disk;
	sample_file(api, samples, METRIC_DATABASE_SIZE, "grapnel.db");
	sample_file(api, samples, METRIC_WAL_SIZE, "grapnel.db-wal");
	if (statvfs(api->config.data_dir, &disk) != 0)
		return;
	metrics_sample(samples, METRIC_DISK_FREE, 0, (double)disk.f_bavail * (double)disk.f_frsize);
	metrics_sample(samples, METRIC_DISK_SIZE, 0, (double)disk.f_blocks * (double)disk.f_frsize);
}

static void sample_retention(struct api *api, struct metrics_samples *samples)
{
	struct retention_status status;
	retention_status(api->config.store, &status);
	metrics_sample(samples, METRIC_RETENTION_STOPPED, 0, status.state == RETENTION_STOPPED);
	metrics_sample(samples, METRIC_RETENTION_OVER, 0, status.over);
}

/* Newer kernels say it as the folder's size; else its entries are counted, but for the one that is open for that. */
static void sample_descriptors(struct metrics_samples *samples)
{
	struct stat folder;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics_sample(samples, METRIC_PROCESS_FDS_MAX, 0, limit.rlim_cur == RLIM_INFINITY ? -1.0 : (double)limit.rlim_cur);
	if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
		metrics_sample(samples, METRIC_PROCESS_FDS, 0, (double)folder.st_size);
		return;
	}
	DIR *entries = opendir("/proc/self/fd");
	long open = -1;
	if (!entries)
		return;
	for (const struct dirent *entry; (entry = readdir(entries));)
		open += entry->d_name[0] != '.';
	closedir(entries);
	metrics_sample(samples, METRIC_PROCESS_FDS, 0, (double)open);
}

static void sample_process(const struct scrape *scrape, struct metrics_samples *samples)
{
	struct rusage usage;
	unsigned long all_pages, resident_pages;
	FILE *memory = fopen("/proc/self/statm", "re");
	if (memory && fscanf(memory, "%lu %lu", &all_pages, &resident_pages) == 2) {
		double page_bytes = (double)sysconf(_SC_PAGESIZE);
		metrics_sample(samples, METRIC_PROCESS_VIRTUAL, 0, (double)all_pages * page_bytes);
		metrics_sample(samples, METRIC_PROCESS_RESIDENT, 0, (double)resident_pages * page_bytes);
	}
	if (memory)
		fclose(memory);
	if (getrusage(RUSAGE_SELF, &usage) == 0) {
		int64_t us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
		metrics_sample(samples, METRIC_PROCESS_CPU, 0, (double)us / 1000000);
	}
	metrics_sample(samples, METRIC_PROCESS_START, 0, (double)scrape->started_ms / 1000);
	sample_descriptors(samples);
}

static void sample_all(struct call *call, struct scrape *scrape)
{
	struct api *api = call->api;
	struct metrics_samples *samples = &scrape->samples;
	char why[ERR_DETAIL_MAX] = "";
	memset(samples, 0, sizeof *samples);
	sample_deliveries(api, samples, call_now_ms(call));
	sample_endpoints(api, samples);
	sample_disk(api, samples);
	sample_retention(api, samples);
	sample_process(scrape, samples);
	api->config.ready(api->config.ready_context, why, sizeof why);
	metrics_sample(samples, METRIC_READY, 0, why[0] ? 0 : 1);
	metrics_sample(samples, METRIC_PAUSED, 0, pause_on(api->config.pause));
	metrics_sample(samples, METRIC_WRITER_BUSY, 0, (double)store_busy_us(api->config.store) / 1000000);
	metrics_sample(samples, METRIC_BUDGET, 0, (double)api->config.budget->limit_bytes);
	metrics_sample(samples, METRIC_BUDGET_USED, 0, (double)budget_used(api->config.budget));
	metrics_sample(samples, METRIC_BUILD, 0, 1);
}

int metrics_get(struct call *call)
{
	struct scrape *scrape = call->api->scrape;
	enum metrics_format format = metrics_negotiate(http_header(call->request, "Accept"));
	if (call_unbound(call, "read the metrics, which are the whole hub's: use one that belongs to no subscriber") < 0)
		return -1;
	struct strbuf *out = call_out(call, 200);
	call->response->content_type = metrics_media_type(format);
	http_response_header(call->response, "Vary", "Accept");
	pthread_mutex_lock(&scrape->mutex);
	int64_t now_us = clock_mono_us(call->api->config.clock);
	if (scrape->taken_us == 0 || now_us - scrape->taken_us >= FRESH_US) {
		sample_all(call, scrape);
		scrape->taken_us = now_us;
	}
	metrics_write(&scrape->samples, format, out);
	pthread_mutex_unlock(&scrape->mutex);
	return 0;
}

void scrape_start(struct api *api)
{
	api->scrape = mem_new(struct scrape);
	api->scrape->started_ms = clock_wall_ms(api->config.clock);
	pthread_mutex_init(&api->scrape->mutex, NULL);
	metrics_words(LABEL_REASON, reason_word);
	metrics_words(LABEL_FAILURE, failure_word);
	metrics_words(LABEL_REJECTION, rejection_word);
	metrics_words(LABEL_VERSION, version_word);
}

void scrape_end(struct api *api)
{
	if (!api->scrape)
		return;
	pthread_mutex_destroy(&api->scrape->mutex);
	free(api->scrape);
}
