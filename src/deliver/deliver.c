/* The pool of workers: which endpoint is whose. */
#include "deliver/deliver.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "deliver/worker.h"

struct deliver {
	unsigned len;
	struct worker *workers[];
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static CURLcode library_status;

static void library_init(void)
{
	library_status = curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct deliver *deliver_start(const struct deliver_config *config, struct err *err)
{
	unsigned count = config->workers ? config->workers : 1;
	pthread_once(&library_once, library_init);
	if (library_status != CURLE_OK) {
		err_set(err, ERR_INTERNAL, "cannot set up libcurl: %s", curl_easy_strerror(library_status));
		return NULL;
	}
	struct deliver *deliver = mem_alloc(sizeof *deliver + count * sizeof(struct worker *));
	for (; deliver->len < count; deliver->len++) {
		deliver->workers[deliver->len] = worker_start(config, err);
		if (!deliver->workers[deliver->len]) {
			deliver_stop(deliver);
			return NULL;
		}
	}
	return deliver;
}

void deliver_job(struct deliver *deliver, struct job *job)
{
	/* Multiplied, because the low bits of ids are a sequence that is mostly 0. */
	uint64_t mixed = (uint64_t)job->outcome.due.endpoint * UINT64_C(0x9e3779b97f4a7c15);
	worker_post(deliver->workers[(mixed >> 32) % deliver->len], job);
}

void deliver_stop(struct deliver *deliver)
{
	if (!deliver)
		return;
	for (unsigned i = 0; i < deliver->len; i++)
		worker_ask_stop(deliver->workers[i]);
	for (unsigned i = 0; i < deliver->len; i++)
		worker_join(deliver->workers[i]);
	free(deliver);
}
