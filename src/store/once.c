/* Requests that are carried out once: what the writer remembers of them, and what a reader finds. */
#include "store/once.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/private.h"

enum { SWEEP_ROWS = 500, PLACE_SIZE = 64 };

void once_record_clear(struct once_record *record)
{
	free(record->detail);
	free(record->answer);
	*record = (struct once_record){.at_ms = 0};
}

static void place_of(const struct once *once, const char *column, char out[PLACE_SIZE])
{
	char digits[2 * sizeof once->key + 1];
	codec_hex(once->key, sizeof once->key, digits);
	snprintf(out, PLACE_SIZE, "once:%s:%s", digits, column);
}

/* malloc; NULL: memory is out. */
static uint8_t *sealed(const struct store *store, const struct once *once, const char *column, const void *bytes, size_t len, size_t *out_len)
{
	char place[PLACE_SIZE];
	uint8_t *out = malloc(len + SEAL_OVERHEAD);
	place_of(once, column, place);
	if (out)
		*out_len = seal(store->config.master, slice_of(place), bytes, len, out);
	return out;
}

/* malloc, NUL-terminated; NULL: it cannot be opened, or memory is out. */
static char *opened(const struct master_key *master, const struct once *once, const char *column, const uint8_t *bytes, size_t len,
                    size_t *out_len)
{
	char place[PLACE_SIZE];
	char *out = len < SEAL_OVERHEAD ? NULL : malloc(len - SEAL_OVERHEAD + 1);
	place_of(once, column, place);
	int plain = out ? unseal(master, slice_of(place), bytes, len, (uint8_t *)out, len - SEAL_OVERHEAD) : -1;
	if (plain < 0) {
		log_error("store", "what a request was answered cannot be opened: the master key is another one, or the database is damaged");
		free(out);
		return NULL;
	}
	out[plain] = '\0';
	*out_len = (size_t)plain;
	return out;
}

/* Whether the row is one of the window; NEW, REPEATED or REUSED. */
static enum once_found judge(const struct once_record *record, const struct once *once, int64_t now_ms, int64_t window_ms)
{
	if (record->at_ms + window_ms <= now_ms)
		return ONCE_NEW;
	return memcmp(record->once.content, once->content, sizeof once->content) == 0 ? ONCE_REPEATED : ONCE_REUSED;
}

static int storage_fault(struct tx *tx)
{
	tx->engine->fault = ENGINE_STORAGE;
	snprintf(tx->engine->why, sizeof tx->engine->why, "memory is out");
	return -1;
}

static int reused(struct err *err)
{
	return err_set(err, ERR_KEY_REUSED, "This Idempotency-Key was used for another request: another path or another body");
}

/* ---- What only the answer of a change says ---- */

/* As text (malloc), NULL when there is nothing of the kind; -1: memory is out. */
static int detail_of(const struct store_change *change, char **text)
{
	*text = NULL;
	if (change->result_secret)
		return (*text = strdup(change->result_secret)) ? 0 : -1;
	if (!change->resent)
		return 0;
	json_t *list = json_array();
	int result = list ? 0 : -1;
	for (size_t i = 0; result == 0 && i < change->resent_len; i++) {
		const struct resent *resent = &change->resent[i];
		result = json_array_append_new(list, json_pack("[I, I, i]", (json_int_t)resent->endpoint, (json_int_t)resent->delivery,
		                                               (int)resent->action));
	}
	*text = result == 0 ? json_dumps(list, JSON_COMPACT) : NULL;
	json_decref(list);
	return *text ? 0 : -1;
}

static int resent_from(struct store_change *change, const char *text)
{
	json_t *list = json_loads(text, 0, NULL);
	size_t len = json_array_size(list);
	int result = 0;
	change->resent = calloc(len + 1, sizeof *change->resent);
	for (size_t i = 0; change->resent && result == 0 && i < len; i++) {
		json_int_t endpoint, delivery;
		int action;
		result = json_unpack(json_array_get(list, i), "[I, I, i]", &endpoint, &delivery, &action);
		if (result == 0)
			change->resent[change->resent_len++] =
			    (struct resent){.endpoint = endpoint, .delivery = delivery, .action = (enum resend_action)action};
	}
	bool good = list && change->resent && result == 0;
	json_decref(list);
	return good ? 0 : -1;
}

/* Takes the text. */
static int detail_from(struct store_change *change, char *text)
{
	int result = 0;
	if (change->what == CHANGE_EVENT_RESEND) {
		result = resent_from(change, text);
		free(text);
	} else {
		change->result_secret = text;
	}
	return result;
}

/* ---- The writer ---- */

int once_recall(struct tx *tx, struct store_change *change)
{
	const struct once *once = change->caller ? change->caller->once : NULL;
	struct once_record record = {.at_ms = 0};
	size_t len;
	/* The answer's own change is about the row; it is no repetition. */
	if (!once || change->what == CHANGE_ONCE_ANSWER)
		return 0;
	int found = tx->engine->ops->once_get(tx->engine, once, &record);
	enum once_found verdict = found > 0 ? judge(&record, once, tx->now_ms, tx->store->config.dedupe_window_ms) : ONCE_NEW;
	if (found > 0 && verdict == ONCE_REUSED)
		found = reused(&change->err);
	if (found > 0 && verdict == ONCE_REPEATED) {
		change->repeated = true;
		change->result_id = record.result;
		change->created = record.created;
		char *detail = record.detail ? opened(tx->store->config.master, once, "detail", record.detail, record.detail_len, &len) : NULL;
		if (record.detail && (!detail || detail_from(change, detail)))
			found = err_set(&change->err, ERR_INTERNAL, "what the first answer said cannot be opened");
	}
	once_record_clear(&record);
	return found < 0 ? -1 : verdict == ONCE_REPEATED;
}

int once_keep(struct tx *tx, const struct store_change *change)
{
	const struct once *once = change->caller ? change->caller->once : NULL;
	if (!once || change->what == CHANGE_ONCE_ANSWER)
		return 0;
	struct once_record record = {.once = *once, .at_ms = tx->now_ms, .result = change->result_id, .created = change->created};
	char *detail;
	if (detail_of(change, &detail))
		return storage_fault(tx);
	if (detail) {
		record.detail = sealed(tx->store, once, "detail", detail, strlen(detail), &record.detail_len);
		explicit_bzero(detail, strlen(detail));
		free(detail);
		if (!record.detail)
			return storage_fault(tx);
	}
	int result = tx->engine->ops->once_put(tx->engine, &record);
	once_record_clear(&record);
	tx->once = true;
	return result;
}

/* The answer of the request, into the row that its change made; a request that changed nothing gets its row now. */
int once_answer(struct tx *tx, struct store_change *change)
{
	const struct once *once = change->caller->once;
	struct once_record record = {.at_ms = 0};
	int found = tx->engine->ops->once_get(tx->engine, once, &record);
	enum once_found verdict = found > 0 ? judge(&record, once, tx->now_ms, tx->store->config.dedupe_window_ms) : ONCE_NEW;
	if (found < 0 || verdict == ONCE_REUSED) {
		once_record_clear(&record);
		return found < 0 ? -1 : reused(&change->err);
	}
	if (verdict == ONCE_NEW) {
		once_record_clear(&record);
		record = (struct once_record){.once = *once, .at_ms = tx->now_ms};
	}
	free(record.answer);
	record.answer = sealed(tx->store, once, "answer", change->answer.at, change->answer.len, &record.answer_len);
	int result = record.answer ? tx->engine->ops->once_put(tx->engine, &record) : storage_fault(tx);
	once_record_clear(&record);
	tx->once = true;
	return result;
}

int once_sweep(struct tx *tx, bool *any)
{
	int deleted = tx->engine->ops->once_sweep(tx->engine, tx->now_ms - tx->store->config.dedupe_window_ms, SWEEP_ROWS, any);
	return deleted < 0 ? -1 : deleted == SWEEP_ROWS;
}

/* ---- Readers ---- */

int reader_once(struct store_reader *r, const struct master_key *master, const struct once *once, int64_t now_ms, char **answer,
                size_t *answer_len, struct err *err)
{
	struct once_record record = {.at_ms = 0};
	*answer = NULL;
	int found = r->ops->once(r, once, &record, err);
	enum once_found verdict = found > 0 ? judge(&record, once, now_ms, r->env->dedupe_window_ms) : ONCE_NEW;
	if (verdict == ONCE_REUSED)
		found = reused(err);
	/* One that cannot be opened is built anew. */
	if (found > 0 && verdict == ONCE_REPEATED && record.answer)
		*answer = opened(master, once, "answer", record.answer, record.answer_len, answer_len);
	once_record_clear(&record);
	return found < 0 ? -1 : 0;
}
