/* How much waits, for who watches the hub. */
#include <stdlib.h>

#include "api/call.h"
#include "base/mem.h"
#include "base/thread.h"

struct backlog_job {
	struct pool_job job;
	struct api *api;
	struct api_backlog *ask;
};

static void count(struct pool_job *pool_job, void *thread_context)
{
	struct backlog_job *job = CONTAINER_OF(pool_job, struct backlog_job, job);
	struct api_backlog *ask = job->ask;
	const struct worker *worker = thread_context;
	struct stats stats;
	struct err err = {0};
	ask->known = reader_stats(worker->reader, clock_wall_ms(job->api->config.clock), 0, &stats, &err) == 0;
	if (ask->known) {
		ask->pending = stats.pending;
		ask->oldest_ms = stats.oldest_pending_ms;
	}
	free(job);
	inbox_post(ask->to, &ask->node);
}

int api_backlog(struct api *api, struct api_backlog *ask)
{
	struct backlog_job *job = mem_new(struct backlog_job);
	*job = (struct backlog_job){.job = {.run = count}, .api = api, .ask = ask};
	if (pool_post(api->pool, &job->job) == 0)
		return 0;
	free(job);
	return -1;
}
