/* What matching costs, without a hub around it: so many endpoints, ten of each subscriber, a thousand distinct types in patterns of all
 * three forms; an event reaches the ten of its subscriber. Prints JSON. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "match/index.h"

enum { EACH = 10, TYPES = 1000, MATCHES = 1000000 };

static void put(struct index *index, int64_t number)
{
	static const char *const forms[] = {"x", "*", "**"};
	struct endpoint_meta meta = {.id = number + 1, .subscriber = number / EACH + 1, .status = ENDPOINT_ACTIVE};
	struct err err = {0};
	char pattern[64];
	snprintf(pattern, sizeof pattern, "bench.t%04d.%s", (int)(number / EACH % TYPES), forms[number % 3]);
	json_t *doc = json_pack("{s:s, s:[s]}", "url", "http://a.example", "event_types", pattern);
	struct endpoint *endpoint = endpoint_parse(doc, &meta, NULL, 0, &err);
	if (!endpoint)
		errx(1, "%s", err.detail);
	index_put_endpoint(index, endpoint);
	endpoint_unref(endpoint);
	json_decref(doc);
}

int main(int argc, char **argv)
{
	int64_t endpoints = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000, subscribers = endpoints / EACH;
	struct index *index = index_new();
	struct index_targets targets = {0};
	uint64_t matched = 0;
	if (subscribers < 1) {
		fputs("bench-match [endpoints, at least 10]\n", stderr);
		return 2;
	}
	for (int64_t i = 0; i < subscribers * EACH; i++)
		put(index, i);
	clock_t began = clock(); /* of this process, whatever else the machine does */
	for (int64_t i = 0; i < MATCHES; i++) {
		char type[32];
		int64_t subscriber = i * 7919 % subscribers;
		int len = snprintf(type, sizeof type, "bench.t%04d.x", (int)(subscriber % TYPES));
		if (index_match(index, (struct slice){type, (size_t)len}, AUDIENCE_SUBSCRIBER, subscriber + 1, &targets))
			errx(1, "no memory");
		matched += targets.len;
	}
	double us = (double)(clock() - began) * 1e6 / CLOCKS_PER_SEC / MATCHES;
	index_targets_clear(&targets);
	index_free(index);
	printf("{\"endpoints\": %lld, \"matches_us\": %.3f, \"targets\": %.2f}\n", (long long)endpoints, us, (double)matched / MATCHES);
	return 0;
}
