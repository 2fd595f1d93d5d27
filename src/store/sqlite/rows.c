/* Columns to structures. */
#include "store/sqlite/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct due rows_due(const struct run *run)
{
	return (struct due){
	    .delivery = run_int_at(run, 0),
	    .event = run_int_at(run, 1),
	    .endpoint = run_int_at(run, 2),
	    .due_ms = run_int_at(run, 3),
	    .expires_ms = run_int_at(run, 4),
	    .round = (int32_t)run_int_at(run, 5),
	    .attempts = (int32_t)run_int_at(run, 6),
	    .round_attempts = (int32_t)run_int_at(run, 7),
	};
}

void rows_delivery(const struct run *run, struct delivery_row *row)
{
	int64_t id = run_int_at(run, 0);
	*row = (struct delivery_row){
	    .id = id,
	    .created_ms = id_time_ms(id),
	    .event = run_int_at(run, 1),
	    .endpoint = run_int_at(run, 2),
	    .subscriber = run_int_at(run, 3),
	    .state = (enum delivery_state)run_int_at(run, 4),
	    .reason = (enum delivery_reason)run_int_at(run, 5),
	    .round = (int)run_int_at(run, 6),
	    .attempts = (int)run_int_at(run, 7),
	    .due_ms = run_int_at(run, 8),
	    .ended_ms = run_int_at(run, 9),
	    .expires_ms = run_int_at(run, 10),
	    .last_started_ms = run_int_at(run, 11),
	    .last_duration_ms = run_int_at(run, 12),
	    .last_status = (int)run_int_at(run, 13),
	    .last_failure = (enum attempt_failure)run_int_at(run, 14),
	    .last_detail = run_text_at(run, 15),
	};
}

void rows_event(const struct run *run, struct event_fields *fields)
{
	*fields = (struct event_fields){
	    .subscriber = run_int_at(run, 1),
	    .source = run_int_at(run, 2),
	    .time_ms = run_int_at(run, 3),
	    .deliver_at_ms = run_int_at(run, 4),
	    .expires_at_ms = run_int_at(run, 5),
	    .type = run_text_at(run, 6),
	    .uid = run_text_at(run, 7),
	    .subject = run_text_at(run, 8),
	    .ordering_key = run_text_at(run, 9),
	    .traceparent = run_text_at(run, 10),
	    .tracestate = run_text_at(run, 11),
	    .content_type = run_text_at(run, 12),
	    .attributes = run_text_at(run, 13),
	};
}

enum event_reach rows_reach(const struct run *run, int column)
{
	return sqlite3_column_type(run->stmt, column) == SQLITE_NULL ? EVENT_REACH_OWN : (enum event_reach)run_int_at(run, column);
}

/* At most size - 1 bytes, always terminated. */
static void copy_text(char *out, size_t size, struct slice text)
{
	size_t len = text.len < size ? text.len : size - 1;
	if (len > 0)
		memcpy(out, text.at, len);
	out[len] = '\0';
}

void rows_key(const struct run *run, struct key *key)
{
	struct slice hash = run_blob_at(run, 1);
	*key = (struct key){
	    .id = run_int_at(run, 0),
	    .scopes = (unsigned)run_int_at(run, 2),
	    .subscriber = run_int_at(run, 3),
	    .created_ms = run_int_at(run, 4),
	    .expires_ms = run_int_at(run, 5),
	};
	if (hash.len == sizeof key->hash)
		memcpy(key->hash, hash.at, sizeof key->hash);
	copy_text(key->name, sizeof key->name, run_text_at(run, 6));
	copy_text(key->hint, sizeof key->hint, run_text_at(run, 7));
}

void rows_operation(const struct run *run, struct operation_record *record)
{
	*record = (struct operation_record){
	    .id = run_int_at(run, 0),
	    .kind = (enum operation_kind)run_int_at(run, 1),
	    .subscriber = run_int_at(run, 2),
	    .endpoint = run_int_at(run, 3),
	    .started_ms = run_int_at(run, 4),
	    .ended_ms = run_int_at(run, 5),
	    .max_id = run_int_at(run, 6),
	    .cursor_key = run_int_at(run, 7),
	    .cursor_id = run_int_at(run, 8),
	    .done = run_int_at(run, 9),
	    .skipped = run_int_at(run, 10),
	    .total = run_int_at(run, 11),
	    .cancelled = run_int_at(run, 12) != 0,
	};
}

int rows_bad_document(struct db *db)
{
	db->code = SQLITE_CORRUPT;
	snprintf(db->why, sizeof db->why, "a stored document cannot be read");
	return -1;
}

static json_t *document(const struct run *run, int column)
{
	struct slice text = run_text_at(run, column);
	return text.at ? json_loadb(text.at, text.len, 0, NULL) : NULL;
}

int rows_endpoint(const struct run *run, struct endpoint_record *record)
{
	*record = (struct endpoint_record){
	    .meta =
		{
		    .id = run_int_at(run, 0),
		    .subscriber = run_int_at(run, 1),
		    .version = run_int_at(run, 2),
		    .status = (enum endpoint_status)run_int_at(run, 3),
		    .status_since_ms = run_int_at(run, 5),
		    .created_ms = run_int_at(run, 6),
		    .updated_ms = run_int_at(run, 7),
		},
	    .doc = document(run, 8),
	};
	copy_text(record->meta.status_reason, sizeof record->meta.status_reason, run_text_at(run, 4));
	return record->doc ? 0 : rows_bad_document(run->db);
}

int rows_subscriber(const struct run *run, struct subscriber_record *record)
{
	*record = (struct subscriber_record){
	    .id = run_int_at(run, 0),
	    .created_ms = run_int_at(run, 1),
	    .updated_ms = run_int_at(run, 2),
	    .doc = document(run, 3),
	    .version = run_int_at(run, 4),
	};
	return record->doc ? 0 : rows_bad_document(run->db);
}

/* A copy of a row's until_ms and sealed bytes; -1 when memory is out. */
static int copy_secret(const struct run *run, int until_column, int sealed_column, struct endpoint_secret *secret)
{
	struct slice sealed = run_blob_at(run, sealed_column);
	uint8_t *copy = malloc(sealed.len + 1);
	if (!copy)
		return db_failed(run->db, SQLITE_NOMEM);
	if (sealed.len > 0)
		memcpy(copy, sealed.at, sealed.len);
	*secret = (struct endpoint_secret){.until_ms = run_int_at(run, until_column), .sealed_len = sealed.len, .sealed = copy};
	return 0;
}

static int rows_pairs(struct db *db, struct endpoint_record *record)
{
	struct run run = db_run(db, QUERY_PAIRS_GET);
	run_int(&run, 1, record->meta.id);
	int row;
	while ((row = run_row(&run)) > 0 && record->pairs_len < ENDPOINT_SECRETS_MAX) {
		struct endpoint_pair *pair = &record->pairs[record->pairs_len];
		struct slice public_key = run_blob_at(&run, 1);
		if (public_key.len != sizeof pair->public_key) {
			row = rows_bad_document(db);
			break;
		}
		memcpy(pair->public_key, public_key.at, sizeof pair->public_key);
		if ((row = copy_secret(&run, 0, 2, &pair->seed)) < 0)
			break;
		record->pairs_len++;
	}
	run_end(&run);
	return row < 0 ? -1 : 0;
}

static int copy_blob(struct db *db, struct slice blob, uint8_t **out, size_t *len)
{
	if (!blob.at)
		return 0;
	*out = malloc(blob.len + 1);
	if (!*out)
		return db_failed(db, SQLITE_NOMEM);
	memcpy(*out, blob.at, blob.len);
	*len = blob.len;
	return 0;
}

static int rows_credentials(struct db *db, struct endpoint_record *record)
{
	struct run run = db_run(db, QUERY_CREDENTIALS_GET);
	run_int(&run, 1, record->meta.id);
	int row = run_row(&run);
	if (row > 0 && copy_blob(db, run_blob_at(&run, 0), &record->credentials.sealed, &record->credentials.sealed_len))
		row = -1;
	run_end(&run);
	return row < 0 ? -1 : 0;
}

void rows_audit(const struct run *run, struct audit_row *row)
{
	*row = (struct audit_row){
	    .id = run_int_at(run, 0),
	    .at_ms = run_int_at(run, 1),
	    .subscriber = run_int_at(run, 2),
	    .actor = run_text_at(run, 3),
	    .actor_name = run_text_at(run, 4),
	    .address = run_text_at(run, 5),
	    .request_id = run_text_at(run, 6),
	    .action = run_text_at(run, 7),
	    .resource = run_text_at(run, 8),
	    .before = run_text_at(run, 9),
	    .after = run_text_at(run, 10),
	};
}

int rows_event_type(const struct run *run, struct event_type_row *row)
{
	*row = (struct event_type_row){
	    .id = run_int_at(run, 0),
	    .type = run_text_at(run, 1),
	    .count = run_int_at(run, 2),
	    .first_seen_ms = run_int_at(run, 3),
	    .last_seen_ms = run_int_at(run, 4),
	    .doc = document(run, 5),
	    .updated_ms = run_int_at(run, 6),
	};
	return run_text_at(run, 5).at && !row->doc ? rows_bad_document(run->db) : 0;
}

int rows_once(const struct run *run, struct once_record *record)
{
	struct slice content = run_blob_at(run, 0);
	*record = (struct once_record){
	    .at_ms = run_int_at(run, 1), .result = run_int_at(run, 2), .created = run_int_at(run, 3) != 0};
	if (content.len == sizeof record->once.content)
		memcpy(record->once.content, content.at, sizeof record->once.content);
	if (copy_blob(run->db, run_blob_at(run, 4), &record->detail, &record->detail_len) == 0 &&
	    copy_blob(run->db, run_blob_at(run, 5), &record->answer, &record->answer_len) == 0)
		return 0;
	once_record_clear(record);
	return -1;
}

static int rows_drill(struct db *db, struct endpoint_record *record)
{
	struct run run = db_run(db, QUERY_DRILL_GET);
	run_int(&run, 1, record->meta.id);
	int found = run_row(&run);
	if (found > 0)
		record->meta.drill = (struct drill_result){
		    .at_ms = run_int_at(&run, 0),
		    .verdict = (enum drill_verdict)run_int_at(&run, 1),
		    .findings = (unsigned)run_int_at(&run, 2),
		    .insecure = (unsigned)run_int_at(&run, 3),
		    .insecure_ms = run_int_at(&run, 4),
		};
	run_end(&run);
	return found < 0 ? -1 : 0;
}

/* Few have one: only a document that has such a signature is looked up. */
static int rows_legacy(struct db *db, struct endpoint_record *record)
{
	if (!json_object_get(json_object_get(record->doc, "signature"), "legacy"))
		return 0;
	struct run run = db_run(db, QUERY_LEGACY_GET);
	run_int(&run, 1, record->meta.id);
	int row = run_row(&run);
	if (row > 0)
		row = copy_secret(&run, 0, 1, &record->legacy);
	run_end(&run);
	return row < 0 ? -1 : 0;
}

static int rows_verification(struct db *db, struct endpoint_record *record)
{
	if (!json_object_get(record->doc, "verification"))
		return 0;
	struct run run = db_run(db, QUERY_VERIFICATION_GET);
	run_int(&run, 1, record->meta.id);
	int row = run_row(&run);
	struct slice url = row > 0 ? run_text_at(&run, 6) : (struct slice){NULL, 0};
	if (url.at) {
		record->verification = (struct endpoint_verification){
		    .type = (enum verification_type)run_int_at(&run, 0),
		    .state = (enum verification_state)run_int_at(&run, 1),
		    .serial = run_int_at(&run, 2),
		    .since_ms = run_int_at(&run, 3),
		    .allowed = {run_int_at(&run, 4), VERIFICATION_PER_MS},
		};
		copy_text(record->verification.detail, sizeof record->verification.detail, run_text_at(&run, 5));
		record->verified_url = mem_text_of(url);
	}
	run_end(&run);
	return row < 0 ? -1 : 0;
}

int rows_secrets(struct db *db, struct endpoint_record *record)
{
	struct run run = db_run(db, QUERY_SECRETS_GET);
	run_int(&run, 1, record->meta.id);
	int row;
	while ((row = run_row(&run)) > 0 && record->secrets_len < ENDPOINT_SECRETS_MAX) {
		if ((row = copy_secret(&run, 0, 1, &record->secrets[record->secrets_len])) < 0)
			break;
		record->secrets_len++;
	}
	run_end(&run);
	return row < 0 || rows_pairs(db, record) || rows_credentials(db, record) || rows_legacy(db, record) || rows_drill(db, record) || rows_verification(db, record) ? -1 : 0;
}

int rows_event_of_delivery(struct db *db, struct run *run, struct delivery_row *row)
{
	*run = db_run(db, QUERY_EVENT_BRIEF);
	run_int(run, 1, row->event);
	int found = run_row(run);
	if (found > 0) {
		row->type = run_text_at(run, 0);
		row->event_uid = run_text_at(run, 1);
		row->subject = run_text_at(run, 2);
		row->ordering_key = run_text_at(run, 3);
		row->event_erased_ms = run_int_at(run, 4);
	}
	return found < 0 ? -1 : 0;
}
