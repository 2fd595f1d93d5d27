/* Rates by key: the generic cell rate algorithm, which keeps one moment for each key. The table is a hash of small rows; a row that is full
 * gives up the entry that is nearest to having all of its share back. */
#include "http/rates.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ROWS = 4096, ROW_LEN = 8 };

struct entry {
	uint64_t key;      /* 0: free */
	int64_t full_at_us; /* when it will have its whole share again; what has passed is the same as free */
};

struct rates {
	int64_t step_us, burst_us;
	pthread_mutex_t mutex;
	/* under the mutex */
	struct entry rows[ROWS][ROW_LEN];
};

struct rates *rates_new(unsigned limit, unsigned per_ms)
{
	struct rates *rates = mem_new(struct rates);
	rates->step_us = (int64_t)per_ms * 1000 / limit;
	if (rates->step_us == 0)
		rates->step_us = 1;
	rates->burst_us = rates->step_us * limit;
	pthread_mutex_init(&rates->mutex, NULL);
	return rates;
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
