/* What a start reads into memory: the greatest id, endpoints and subscribers, keys, the endpoints with ordered deliveries. */
#include <malloc.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite/dedupe_runs.h"
#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

static int load_ids(struct sqlite *s)
{
	struct run run = db_run(&s->db, QUERY_ID_GREATEST);
	return run_value(&run, &s->base.env->ids->last) < 0 ? -1 : 0;
}

/* The next death is dated after all there are. */
static int load_deaths(struct sqlite *s)
{
	int64_t last_ms = 0;
	struct run run = db_run(&s->db, QUERY_DEAD_LAST);
	if (run_value(&run, &last_ms) < 0)
		return -1;
	s->base.deaths_from_ms = last_ms + 1;
	return 0;
}

static int load_ordered(struct sqlite *s)
{
	int64_t endpoint = 0;
	int found;
	do {
		struct run run = db_run(&s->db, QUERY_ORDER_ENDPOINT_AFTER);
		run_int(&run, 1, endpoint);
		found = run_value(&run, &endpoint);
		if (found > 0)
			idmap_put(&s->ordered, (uint64_t)endpoint, s);
	} while (found > 0);
	return found;
}

static int load_subscribers(struct sqlite *s)
{
	struct run run = db_run(&s->db, QUERY_SUBSCRIBER_UIDS);
	int row;
	while ((row = run_row(&run)) > 0) {
		struct slice uid = run_text_at(&run, 1);
		char *text = uid.at ? mem_text_of(uid) : NULL;
		index_put_subscriber(s->base.env->index, run_int_at(&run, 0), text);
		free(text);
	}
	return row;
}

static int load_keys(struct sqlite *s, struct keyring *keyring)
{
	struct run run = db_run(&s->db, QUERY_KEYS_ASC);
	run_int(&run, 1, 0);
	int row;
	while ((row = run_row(&run)) > 0) {
		struct key key;
		rows_key(&run, &key);
		keyring_put(keyring, &key);
	}
	return row;
}

/* An endpoint that cannot be read stops the start: without it its events would be lost without a word. */
static int load_endpoint(struct sqlite *s, const struct run *run, struct err *err)
{
	struct endpoint_record record;
	struct err why = {0};
	struct endpoint *endpoint = NULL;
	int64_t id = run_int_at(run, 0);
	if (rows_endpoint(run, &record) == 0 && rows_secrets(&s->db, &record) == 0)
		endpoint = endpoint_of_record(&record, &why);
	if (endpoint)
		index_put_endpoint(s->base.env->index, endpoint);
	else
		err_set(err, ERR_STORAGE, "the stored endpoint %lld cannot be read: %s", (long long)id, why.code ? why.detail : s->db.why);
	endpoint_unref(endpoint);
	endpoint_record_clear(&record);
	return endpoint ? 0 : -1;
}

static int load_endpoints(struct sqlite *s, struct err *err)
{
	struct run run = db_run(&s->db, QUERY_ENDPOINTS_ASC);
	run_int(&run, 1, 0);
	int row;
	while ((row = run_row(&run)) > 0) {
		if (load_endpoint(s, &run, err)) {
			run_end(&run);
			return -1;
		}
	}
	return row < 0 ? err_set(err, ERR_STORAGE, "the endpoints cannot be read: %s", s->db.why) : 0;
}

/* The same of a source: its webhooks would be refused. */
static int load_source(struct sqlite *s, const struct run *run, struct err *err)
{
	struct source_record record;
	struct err why = {0};
	int64_t id = run_int_at(run, 0);
	struct source *source = NULL;
	if (rows_source(run, &record) == 0) {
		source = source_parse(record.doc, &record.meta, record.secrets, record.secrets_len, &why);
		source_record_clear(&record);
	}
	if (source)
		source_table_put(s->base.env->sources, source);
	else
		err_set(err, ERR_STORAGE, "the stored source %lld cannot be read: %s", (long long)id, why.code ? why.detail : s->db.why);
	int result = source ? 0 : -1;
	source_unref(source);
	return result;
}

static int load_sources(struct sqlite *s, struct err *err)
{
	if (!s->base.env->sources)
		return 0;
	struct run run = db_run(&s->db, QUERY_SOURCES_ASC);
	run_int(&run, 1, 0);
	int row;
	while ((row = run_row(&run)) > 0) {
		if (load_source(s, &run, err)) {
			run_end(&run);
			return -1;
		}
	}
	return row < 0 ? err_set(err, ERR_STORAGE, "the sources cannot be read: %s", s->db.why) : 0;
}

/* How many there are of what ends. Nothing else is as long as a backlog: the pending ones are walked, in an index. */
static int load_census(struct sqlite *s)
{
	struct census *census = s->base.env->census;
	int64_t held = 0, dead = 0, operations = 0;
	int row;
	if (!s->base.env->counts)
		return 0;
	struct run run = db_run(&s->db, QUERY_CENSUS_PENDING);
	while ((row = run_row(&run)) > 0)
		census_found_pending(census, run_int_at(&run, 0));
	if (row < 0)
		return -1;
	run = db_run(&s->db, QUERY_CENSUS_HELD);
	if (run_value(&run, &held) < 0)
		return -1;
	run = db_run(&s->db, QUERY_CENSUS_DEAD);
	if (run_value(&run, &dead) < 0)
		return -1;
	run = db_run(&s->db, QUERY_STATS_OPERATIONS);
	if (run_value(&run, &operations) < 0)
		return -1;
	census_found_operations(census, operations);
	census_found(census, DELIVERY_HELD, held);
	census_found(census, DELIVERY_DEAD, dead);
	census_known(census);
	return 0;
}

/* All that was read is in the index now; the pages would be in the cache until others take their place. */
static void forget_pages(struct sqlite *s)
{
	sqlite3_db_release_memory(s->db.conn);
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

int load_all(struct sqlite *s, struct keyring *keyring, struct err *err)
{
	if (load_ids(s) || load_deaths(s) || load_ordered(s) || load_subscribers(s) || load_keys(s, keyring) || dedupe_load(s) ||
	    load_census(s))
		return err_set(err, ERR_STORAGE, "the database cannot be read: %s", s->db.why);
	if (load_endpoints(s, err) || load_sources(s, err))
		return -1;
	forget_pages(s);
	return 0;
}
