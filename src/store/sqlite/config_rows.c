/* Rows of subscribers, endpoints and keys. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

/* A document as it is stored: compact, members in their order. NULL when memory is out. */
static char *document_text(struct sqlite *s, const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	if (!text) {
		db_failed(&s->db, SQLITE_NOMEM);
		sqlite_failed(s);
	}
	return text;
}

int sqlite_subscriber_get(struct engine *engine, int64_t id, struct subscriber_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SUBSCRIBER_GET);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0 && rows_subscriber(&run, record))
		found = sqlite_failed(s);
	run_end(&run);
	return found;
}

int sqlite_subscriber_of_uid(struct engine *engine, const char *uid, int64_t *id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SUBSCRIBER_OF_UID);
	run_text(&run, 1, slice_of(uid));
	return sqlite_value(s, &run, id);
}

int sqlite_subscriber_put(struct engine *engine, const struct subscriber_record *record, const char *uid)
{
	struct sqlite *s = sqlite_of(engine);
	char *text = document_text(s, record->doc);
	if (!text)
		return -1;
	struct run run = db_run(&s->db, QUERY_SUBSCRIBER_PUT);
	run_int(&run, 1, record->id);
	run_text(&run, 2, slice_of(uid));
	run_int(&run, 3, record->created_ms);
	run_int(&run, 4, record->updated_ms);
	run_text(&run, 5, slice_of(text));
	run_int(&run, 6, record->version);
	int result = sqlite_done(s, &run);
	free(text);
	return result;
}

int sqlite_subscriber_delete(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SUBSCRIBER_DELETE);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

int sqlite_subscriber_endpoints(struct engine *engine, int64_t id, int64_t *count)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SUBSCRIBER_ENDPOINTS);
	run_int(&run, 1, id);
	return sqlite_value(s, &run, count) < 0 ? -1 : 0;
}

int sqlite_endpoint_get(struct engine *engine, int64_t id, struct endpoint_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ENDPOINT_GET);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0 && (rows_endpoint(&run, record) || rows_secrets(&s->db, record))) {
		endpoint_record_clear(record);
		found = sqlite_failed(s);
	}
	run_end(&run);
	return found;
}

int sqlite_endpoint_status(struct engine *engine, int64_t id, enum endpoint_status *status)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ENDPOINT_STATUS);
	int64_t value = 0;
	run_int(&run, 1, id);
	int found = sqlite_value(s, &run, &value);
	if (found > 0)
		*status = (enum endpoint_status)value;
	return found;
}

int sqlite_endpoint_of_uid(struct engine *engine, int64_t subscriber, const char *uid, int64_t *id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_ENDPOINT_OF_UID);
	run_int(&run, 1, subscriber);
	run_text(&run, 2, slice_of(uid));
	return sqlite_value(s, &run, id);
}

static int put_secrets(struct sqlite *s, const struct endpoint *endpoint)
{
	struct run run = db_run(&s->db, QUERY_SECRETS_DELETE);
	run_int(&run, 1, endpoint->meta.id);
	int result = sqlite_done(s, &run);
	for (unsigned i = 0; result == 0 && i < endpoint->secrets_len; i++) {
		const struct endpoint_secret *secret = &endpoint->secrets[i];
		run = db_run(&s->db, QUERY_SECRET_INSERT);
		run_int(&run, 1, endpoint->meta.id);
		run_int(&run, 2, i);
		run_int(&run, 3, secret->until_ms);
		run_blob(&run, 4, secret->sealed, secret->sealed_len);
		result = sqlite_done(s, &run);
	}
	return result;
}

static int put_pairs(struct sqlite *s, const struct endpoint *endpoint)
{
	struct run run = db_run(&s->db, QUERY_PAIRS_DELETE);
	run_int(&run, 1, endpoint->meta.id);
	int result = sqlite_done(s, &run);
	for (unsigned i = 0; result == 0 && i < endpoint->pairs_len; i++) {
		const struct endpoint_pair *pair = &endpoint->pairs[i];
		run = db_run(&s->db, QUERY_PAIR_INSERT);
		run_int(&run, 1, endpoint->meta.id);
		run_int(&run, 2, i);
		run_int(&run, 3, pair->seed.until_ms);
		run_blob(&run, 4, pair->public_key, sizeof pair->public_key);
		run_blob(&run, 5, pair->seed.sealed, pair->seed.sealed_len);
		result = sqlite_done(s, &run);
	}
	return result;
}

static int put_drill(struct sqlite *s, const struct endpoint *endpoint)
{
	const struct drill_result *drill = &endpoint->meta.drill;
	if (drill->at_ms == 0)
		return 0;
	struct run run = db_run(&s->db, QUERY_DRILL_PUT);
	run_int(&run, 1, endpoint->meta.id);
	run_int(&run, 2, drill->at_ms);
	run_int(&run, 3, drill->verdict);
	run_int(&run, 4, drill->findings);
	run_int(&run, 5, drill->insecure);
	run_int(&run, 6, drill->insecure_ms);
	return sqlite_done(s, &run);
}

/* Most endpoints never had any: then there is nothing to take away. */
static int put_credentials(struct sqlite *s, const struct endpoint *endpoint)
{
	const struct endpoint_secret *credentials = endpoint->credentials;
	if (!credentials && endpoint->meta.version == 1)
		return 0;
	struct run run = db_run(&s->db, credentials ? QUERY_CREDENTIALS_PUT : QUERY_CREDENTIALS_DELETE);
	run_int(&run, 1, endpoint->meta.id);
	if (credentials)
		run_blob(&run, 2, credentials->sealed, credentials->sealed_len);
	return sqlite_done(s, &run);
}

static int put_legacy(struct sqlite *s, const struct endpoint *endpoint)
{
	struct run run = db_run(&s->db, QUERY_LEGACY_DELETE);
	run_int(&run, 1, endpoint->meta.id);
	if (sqlite_done(s, &run))
		return -1;
	if (!endpoint->signing || !endpoint->signing->legacy || !endpoint->signing->legacy->secret.sealed)
		return 0;
	run = db_run(&s->db, QUERY_LEGACY_INSERT);
	run_int(&run, 1, endpoint->meta.id);
	run_blob(&run, 2, endpoint->signing->legacy->secret.sealed, endpoint->signing->legacy->secret.sealed_len);
	return sqlite_done(s, &run);
}

static int put_verification(struct sqlite *s, const struct endpoint *endpoint)
{
	const struct endpoint_verification *verification = endpoint->verification;
	struct run run = db_run(&s->db, QUERY_VERIFICATION_DELETE);
	run_int(&run, 1, endpoint->meta.id);
	if (sqlite_done(s, &run))
		return -1;
	if (!verification || endpoint->meta.status == ENDPOINT_DELETED)
		return 0;
	run = db_run(&s->db, QUERY_VERIFICATION_INSERT);
	run_int(&run, 1, endpoint->meta.id);
	run_int(&run, 2, verification->type);
	run_int(&run, 3, verification->state);
	run_int(&run, 4, verification->serial);
	run_int(&run, 5, verification->since_ms);
	run_int(&run, 6, verification->allowed.limit);
	run_text(&run, 7, slice_of(verification->detail));
	run_text(&run, 8, slice_of(endpoint->url));
	return sqlite_done(s, &run);
}

int sqlite_endpoint_put(struct engine *engine, const struct endpoint *endpoint, const json_t *doc)
{
	struct sqlite *s = sqlite_of(engine);
	const struct endpoint_meta *meta = &endpoint->meta;
	char *text = document_text(s, doc);
	if (!text)
		return -1;
	struct run run = db_run(&s->db, QUERY_ENDPOINT_PUT);
	run_int(&run, 1, meta->id);
	run_int(&run, 2, meta->subscriber);
	run_text(&run, 3, slice_of(endpoint->uid));
	run_int(&run, 4, meta->version);
	run_int(&run, 5, meta->status);
	run_text(&run, 6, slice_of(meta->status_reason));
	run_int(&run, 7, meta->status_since_ms);
	run_int(&run, 8, meta->created_ms);
	run_int(&run, 9, meta->updated_ms);
	run_text(&run, 10, slice_of(text));
	int result = sqlite_done(s, &run);
	free(text);
	return result || put_secrets(s, endpoint) || put_pairs(s, endpoint) || put_credentials(s, endpoint) || put_legacy(s, endpoint) || put_drill(s, endpoint) ||
	               put_verification(s, endpoint)
	           ? -1
	           : 0;
}

int sqlite_key_get(struct engine *engine, int64_t id, struct key *key)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_KEY_GET);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0)
		rows_key(&run, key);
	run_end(&run);
	return found;
}

int sqlite_key_insert(struct engine *engine, const struct key *key)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_KEY_INSERT);
	run_int(&run, 1, key->id);
	run_blob(&run, 2, key->hash, sizeof key->hash);
	run_int(&run, 3, key->scopes);
	run_int(&run, 4, key->subscriber);
	run_int(&run, 5, key->created_ms);
	run_int(&run, 6, key->expires_ms);
	run_text(&run, 7, slice_of(key->name));
	run_text(&run, 8, (struct slice){key->hint, strnlen(key->hint, sizeof key->hint)});
	return sqlite_done(s, &run);
}

int sqlite_key_delete(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_KEY_DELETE);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

int sqlite_key_of_subscriber(struct engine *engine, int64_t subscriber, int64_t *id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_KEY_OF_SUBSCRIBER);
	run_int(&run, 1, subscriber);
	return sqlite_value(s, &run, id);
}
