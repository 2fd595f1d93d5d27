/* Rows of sources and of what they refused. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite.h"

/* ---- Columns ---- */

static int copy_secret(const struct run *run, struct source_secret *secret)
{
	struct slice sealed = run_blob_at(run, 1);
	uint8_t *copy = malloc(sealed.len + 1);
	if (!copy)
		return db_failed(run->db, SQLITE_NOMEM);
	if (sealed.len > 0)
		memcpy(copy, sealed.at, sealed.len);
	*secret = (struct source_secret){.until_ms = run_int_at(run, 0), .sealed_len = sealed.len, .sealed = copy};
	return 0;
}

static int secrets(struct db *db, struct source_record *record)
{
	struct run run = db_run(db, QUERY_SOURCE_SECRETS_GET);
	run_int(&run, 1, record->meta.id);
	int row;
	while ((row = run_row(&run)) > 0 && record->secrets_len < SOURCE_SECRETS_MAX) {
		if ((row = copy_secret(&run, &record->secrets[record->secrets_len])) < 0)
			break;
		record->secrets_len++;
	}
	run_end(&run);
	return row < 0 ? -1 : 0;
}

int rows_source(const struct run *run, struct source_record *record)
{
	struct slice text = run_text_at(run, 5);
	*record = (struct source_record){
	    .meta = {.id = run_int_at(run, 0),
	             .subscriber = run_int_at(run, 1),
	             .version = run_int_at(run, 2),
	             .created_ms = run_int_at(run, 3),
	             .updated_ms = run_int_at(run, 4)},
	    .doc = text.at ? json_loadb(text.at, text.len, 0, NULL) : NULL,
	};
	if (!record->doc)
		return rows_bad_document(run->db);
	if (secrets(run->db, record) == 0)
		return 0;
	source_record_clear(record);
	return -1;
}

void rows_rejection(const struct run *run, struct rejection_row *row)
{
	*row = (struct rejection_row){
	    .id = run_int_at(run, 0),
	    .source = run_int_at(run, 1),
	    .at_ms = run_int_at(run, 2),
	    .event = run_int_at(run, 3),
	    .body_bytes = run_int_at(run, 4),
	    .cut = run_int_at(run, 5) != 0,
	    .reason = run_text_at(run, 6),
	    .why = run_text_at(run, 7),
	    .name = run_text_at(run, 8),
	    .remote = run_text_at(run, 9),
	    .method = run_text_at(run, 10),
	    .content_type = run_text_at(run, 11),
	};
}

/* ---- The writer's ---- */

int sqlite_source_get(struct engine *engine, int64_t id, struct source_record *record)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SOURCE_GET);
	run_int(&run, 1, id);
	int found = sqlite_row(s, &run);
	if (found > 0 && rows_source(&run, record))
		found = sqlite_failed(s);
	run_end(&run);
	return found;
}

int sqlite_source_of_uid(struct engine *engine, const char *uid, int64_t *id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SOURCE_OF_UID);
	run_text(&run, 1, slice_of(uid));
	return sqlite_value(s, &run, id);
}

static int put_secrets(struct sqlite *s, const struct source *source)
{
	struct run run = db_run(&s->db, QUERY_SOURCE_SECRETS_DELETE);
	run_int(&run, 1, source->meta.id);
	int result = sqlite_done(s, &run);
	for (unsigned i = 0; result == 0 && i < source->secrets_len; i++) {
		run = db_run(&s->db, QUERY_SOURCE_SECRET_INSERT);
		run_int(&run, 1, source->meta.id);
		run_int(&run, 2, i);
		run_int(&run, 3, source->secrets[i].until_ms);
		run_blob(&run, 4, source->secrets[i].sealed, source->secrets[i].sealed_len);
		result = sqlite_done(s, &run);
	}
	return result;
}

int sqlite_source_put(struct engine *engine, const struct source *source, const json_t *doc)
{
	struct sqlite *s = sqlite_of(engine);
	const struct source_meta *meta = &source->meta;
	char *text = json_dumps(doc, JSON_COMPACT);
	if (!text) {
		db_failed(&s->db, SQLITE_NOMEM);
		return sqlite_failed(s);
	}
	struct run run = db_run(&s->db, QUERY_SOURCE_PUT);
	run_int(&run, 1, meta->id);
	run_text(&run, 2, slice_of(source->uid));
	run_int(&run, 3, meta->subscriber);
	run_int(&run, 4, meta->version);
	run_int(&run, 5, meta->created_ms);
	run_int(&run, 6, meta->updated_ms);
	run_text(&run, 7, slice_of(text));
	int result = sqlite_done(s, &run);
	free(text);
	return result ? -1 : put_secrets(s, source);
}

int sqlite_source_delete(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SOURCE_SECRETS_DELETE);
	run_int(&run, 1, id);
	if (sqlite_done(s, &run))
		return -1;
	run = db_run(&s->db, QUERY_SOURCE_DELETE);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

int sqlite_sources_of_subscriber(struct engine *engine, int64_t subscriber, int64_t *number)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_SOURCES_OF_SUBSCRIBER);
	run_int(&run, 1, subscriber);
	return sqlite_value(s, &run, number) < 0 ? -1 : 0;
}

int sqlite_rejection_insert(struct engine *engine, int64_t id, const struct rejection *rejection, struct slice head)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REJECTION_INSERT);
	run_int(&run, 1, id);
	run_int(&run, 2, rejection->source);
	run_int(&run, 3, (int64_t)(head.len + rejection->body.len));
	run_int(&run, 4, rejection->at_ms);
	run_int(&run, 5, (int64_t)rejection->body_bytes);
	run_int(&run, 6, rejection->cut);
	run_text(&run, 7, slice_of(rejection->reason));
	run_text(&run, 8, rejection->why);
	run_text(&run, 9, rejection->name);
	run_text(&run, 10, rejection->remote);
	run_text(&run, 11, rejection->method);
	run_text(&run, 12, rejection->content_type);
	run_blob(&run, 13, head.at, head.len);
	run_blob(&run, 14, rejection->body.len ? rejection->body.at : "", rejection->body.len);
	return sqlite_done(s, &run);
}

int sqlite_rejection_state(struct engine *engine, int64_t id, int64_t *event)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REJECTION_STATE);
	run_int(&run, 1, id);
	return sqlite_value(s, &run, event);
}

int sqlite_rejection_accept(struct engine *engine, int64_t id, int64_t event)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REJECTION_ACCEPT);
	run_int(&run, 1, id);
	run_int(&run, 2, event);
	return sqlite_done(s, &run);
}

int sqlite_rejection_oldest(struct engine *engine, const int64_t *of_source, struct rejection_place *oldest)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, of_source ? QUERY_REJECTION_OLDEST_OF_SOURCE : QUERY_REJECTION_OLDEST);
	if (of_source)
		run_int(&run, 1, *of_source);
	int found = sqlite_row(s, &run);
	if (found > 0 && of_source)
		*oldest = (struct rejection_place){.id = run_int_at(&run, 0), .source = *of_source, .stored = run_int_at(&run, 1)};
	else if (found > 0)
		*oldest = (struct rejection_place){
		    .id = run_int_at(&run, 0), .source = run_int_at(&run, 1), .stored = run_int_at(&run, 2), .at_ms = run_int_at(&run, 3)};
	run_end(&run);
	return found;
}

int sqlite_rejection_delete(struct engine *engine, int64_t id)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REJECTION_DELETE);
	run_int(&run, 1, id);
	return sqlite_done(s, &run);
}

int sqlite_rejections_tally(struct engine *engine, void (*each)(void *context, int64_t source, int64_t number, int64_t bytes),
                            void *context)
{
	struct sqlite *s = sqlite_of(engine);
	struct run run = db_run(&s->db, QUERY_REJECTIONS_TALLY);
	int row;
	while ((row = sqlite_row(s, &run)) > 0)
		each(context, run_int_at(&run, 0), run_int_at(&run, 1), run_int_at(&run, 2));
	return row;
}
