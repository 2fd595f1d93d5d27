/* Rates by key: the generic cell rate algorithm, which keeps one moment for each key. The table is a hash of small rows; a row that is full
 * gives up the entry that is nearest to having all of its share back. */
#include "http/rates.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROWS = 4096, ROW_LEN = 8 };

struct entry {
	uint64_t key;      /* 0: free */
	int64_t full_at_us; /* when it will have its whole share again; what has passed is the same as free */
};

struct rates {
	unsigned per_ms;
	atomic_uint limit; /* looked at without the mutex */
	pthread_mutex_t mutex;
	/* under the mutex */
	int64_t step_us, burst_us;
	struct entry rows[ROWS][ROW_LEN];
};

struct rates *rates_new(unsigned limit, unsigned per_ms)
{
	struct rates *rates = mem_new(struct rates);
	rates->per_ms = per_ms;
	pthread_mutex_init(&rates->mutex, NULL);
	rates_change(rates, limit);
	return rates;
}

void rates_change(struct rates *rates, unsigned limit)
{
	int64_t step_us = limit ? (int64_t)rates->per_ms * 1000 / limit : 0;
	pthread_mutex_lock(&rates->mutex);
	if (rates_limit(rates) && limit != rates_limit(rates))
		memset(rates->rows, 0, sizeof rates->rows);
	rates->step_us = step_us ? step_us : 1;
	rates->burst_us = rates->step_us * limit;
	atomic_store(&rates->limit, limit);
	pthread_mutex_unlock(&rates->mutex);
}

unsigned rates_limit(const struct rates *rates)
{
	return atomic_load(&rates->limit);
}

void rates_free(struct rates *rates)
{
	if (!rates)
		return;
	pthread_mutex_destroy(&rates->mutex);
	free(rates);
}

static struct entry *entry_of(struct rates *rates, uint64_t key)
{
	struct entry *row = rates->rows[key % ROWS], *oldest = row;
	for (struct entry *entry = row; entry < row + ROW_LEN; entry++) {
		if (entry->key == key)
			return entry;
		if (entry->full_at_us < oldest->full_at_us)
			oldest = entry;
	}
	*oldest = (struct entry){.key = key};
	return oldest;
}

int64_t rates_take(struct rates *rates, uint64_t key, int64_t now_us)
{
	int64_t wait_us = 0;
	if (rates_limit(rates) == 0)
		return 0;
	pthread_mutex_lock(&rates->mutex);
	struct entry *entry = entry_of(rates, key);
	int64_t from_us = entry->full_at_us > now_us ? entry->full_at_us : now_us;
	if (from_us + rates->step_us - now_us > rates->burst_us)
		wait_us = from_us + rates->step_us - now_us - rates->burst_us;
	else
		entry->full_at_us = from_us + rates->step_us;
	pthread_mutex_unlock(&rates->mutex);
	return (wait_us + 999) / 1000;
}
