/* The bare program's four ways; see bare.h. */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bare.h"
#include "hist.h"
#include "load.h"

struct options {
	const char *mode, *store, *url, *key;
	unsigned port, window, batch, fan;
	size_t data_bytes;
	uint64_t count;
};

static struct inbox *store_inbox;

/* ---- programs that serve ---- */

static void to_store(struct job *job)
{
	job->kind = JOB_OUTCOME;
	inbox_post(store_inbox, &job->node);
}

static void serve(const struct options *options, unsigned fan)
{
	struct bare_sender_config sender = {
	    .url = options->url, .several = fan > 1, .window = options->window, .sign = true, .done = to_store};
	struct bare_store_config store = {.path = options->store, .fan = fan, .requests = bare_server_inbox()};
	if (fan > 0)
		store.deliveries = bare_sender_start(&sender);
	store_inbox = bare_store_start(&store);
	bare_server_run(options->port, options->key, store_inbox);
}

/* ---- programs that measure themselves ---- */

static void report(const struct options *options, int64_t began_ns)
{
	struct rusage usage;
	double seconds = (double)(clock_ns() - began_ns) / 1e9;
	getrusage(RUSAGE_SELF, &usage);
	double cpu =
	    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	printf("{\"events\": %llu, \"seconds\": %.4f, \"events_per_s\": %.1f, \"cpu_us\": %.3f, \"rss_kb\": %ld}\n",
	       (unsigned long long)options->count, seconds, (double)options->count / seconds, cpu * 1e6 / (double)options->count,
	       usage.ru_maxrss);
}

static struct job *filled(const struct load *load, uint64_t n)
{
	struct job *job = job_new(load->body_bytes);
	memcpy(job->body, load->body, load->body_bytes);
	load_fill(load, job->body, n, clock_ns(), "xxxxxxxx");
	job->data = job->body + load->n_at - 6;
	job->data_len = load->shape.data_bytes;
	job->id = (int64_t)n;
	return job;
}

/* Events and their deliveries in groups of `batch`, the outcomes of each group in the transaction of the next. */
static void sqlite_alone(const struct options *options, const struct load *load)
{
	int64_t began = clock_ns();
	struct job **group = calloc(options->batch, sizeof *group);
	bare_store_open(options->store);
	for (uint64_t n = 0; n < options->count; n += options->batch) {
		bare_store_begin();
		for (unsigned i = 0; i < options->batch; i++) {
			if (group[i]) {
				group[i]->status = 200;
				bare_store_outcome(group[i]);
				free(group[i]);
			}
			group[i] = filled(load, n + i);
			bare_store_event(group[i], 1);
		}
		bare_store_commit();
	}
	for (unsigned i = 0; i < options->batch; i++)
		free(group[i]);
	free(group);
	report(options, began);
}

static struct {
	const struct options *options;
	const struct load *load;
	struct inbox *inbox;
	uint64_t begun, done;
	int64_t began_ns;
} alone;

/* On the sender's thread: the next one, as long as there are some. */
static void next_request(struct job *job)
{
	free(job);
	if (++alone.done == alone.options->count) {
		report(alone.options, alone.began_ns);
		exit(0);
	}
	if (alone.begun < alone.options->count)
		inbox_post(alone.inbox, &filled(alone.load, alone.begun++)->node);
}

static void curl_alone(const struct options *options, const struct load *load)
{
	struct bare_sender_config sender = {.url = options->url, .window = options->window, .done = next_request};
	alone.options = options;
	alone.load = load;
	alone.began_ns = clock_ns();
	alone.inbox = bare_sender_start(&sender);
	/* From the first one posted on, alone.begun is the sender's. */
	uint64_t first = options->window < options->count ? options->window : options->count;
	alone.begun = first;
	for (uint64_t i = 0; i < first; i++)
		inbox_post(alone.inbox, &filled(load, i)->node);
	for (;;)
		pause();
}

/* ---- options ---- */

static const char USAGE[] = "bench-bare ingest --port P --store FILE --key K\n"
			    "bench-bare hub    --port P --store FILE --key K --url http://127.0.0.1:S/ok/1 [--window 64] [--fan 1]\n"
			    "bench-bare sqlite --store FILE [--count 200000] [--batch 256] [--data-bytes 1000]\n"
			    "bench-bare curl   --url http://127.0.0.1:S/ok/1 [--count 200000] [--window 64] [--data-bytes 1000]\n";

static const struct option LONG[] = {
    {"port", 1, NULL, 'p'},  {"store", 1, NULL, 'f'}, {"url", 1, NULL, 'u'},        {"key", 1, NULL, 'k'}, {"window", 1, NULL, 'w'},
    {"count", 1, NULL, 'n'}, {"batch", 1, NULL, 'b'}, {"data-bytes", 1, NULL, 'd'}, {"fan", 1, NULL, 'F'}, {NULL, 0, NULL, 0},
};

static bool read_options(int argc, char **argv, struct options *options)
{
	*options = (struct options){
	    .mode = argc > 1 ? argv[1] : "", .key = "", .window = 64, .fan = 1, .count = 200000, .batch = 256, .data_bytes = 1000};
	for (int option; (option = getopt_long(argc, argv, "", LONG, NULL)) != -1;) {
		unsigned long long number = strtoull(optarg ? optarg : "", NULL, 10);
		switch (option) {
		case 'p':
			options->port = (unsigned)number;
			break;
		case 'f':
			options->store = optarg;
			break;
		case 'u':
			options->url = optarg;
			break;
		case 'k':
			options->key = optarg;
			break;
		case 'F':
			options->fan = (unsigned)number;
			break;
		case 'w':
			options->window = (unsigned)number;
			break;
		case 'n':
			options->count = number;
			break;
		case 'b':
			options->batch = (unsigned)number;
			break;
		case 'd':
			options->data_bytes = number;
			break;
		default:
			return false;
		}
	}
	return options->window > 0 && options->fan > 0 && options->batch > 0 && options->count > 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct load load;
	if (read_options(argc, argv, &options)) {
		load_init(&load, &(struct load_shape){.data_bytes = options.data_bytes, .batch = 1, .types = 1});
		if (strcmp(options.mode, "ingest") == 0 && options.port && options.store)
			serve(&options, 0);
		if (strcmp(options.mode, "hub") == 0 && options.port && options.store && options.url)
			serve(&options, options.fan);
		if (strcmp(options.mode, "curl") == 0 && options.url)
			curl_alone(&options, &load);
		if (strcmp(options.mode, "sqlite") == 0 && options.store) {
			sqlite_alone(&options, &load);
			load_free(&load);
			return 0;
		}
	}
	fputs(USAGE, stderr);
	return 2;
}
