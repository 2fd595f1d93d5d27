/* What is done to the hub as a whole: its pause, set by an operator or by a restore, ended by an operator; and the audit of a reload. */
#include "base/id.h"
#include "store/audit.h"
#include "store/private.h"

/* Writes what it is now, the audit and the news; nothing when it is so already. */
static int put(struct tx *tx, struct store_change *change, const char *action, const struct pause_view *before, const struct pause_view *after)
{
	json_t *was = pause_json(before), *is = pause_json(after);
	if (!was || !is) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	if (audit_note(tx, change, action, "hub", 0, was, is) || tx->engine->ops->pause_put(tx->engine, after))
		return -1;
	news_pause(tx->news, after);
	return 0;
}

int hub_pause(struct tx *tx, struct store_change *change)
{
	struct pause_view before, after = {.since_ms = tx->now_ms, .reason = PAUSE_OPERATOR};
	int found = tx->engine->ops->pause_get(tx->engine, &before);
	return found ? (found < 0 ? -1 : 0) : put(tx, change, "hub.pause", &before, &after);
}

/* It is another hub than the one that was paused: the moment counts anew. */
int hub_restored(struct tx *tx, struct store_change *change)
{
	struct pause_view before, after = {.since_ms = tx->now_ms, .reason = PAUSE_RESTORE};
	after.backup_ms = tx->store->found_id ? id_time_ms(tx->store->found_id) : 0;
	return tx->engine->ops->pause_get(tx->engine, &before) < 0 ? -1 : put(tx, change, "hub.restore", &before, &after);
}

/* How long endpoints have failed begins anew: they were sent nothing meanwhile. */
int hub_resume(struct tx *tx, struct store_change *change)
{
	struct pause_view before, after = {.since_ms = 0};
	int found = tx->engine->ops->pause_get(tx->engine, &before);
	if (found <= 0)
		return found;
	health_forget_all(&tx->store->health, clock_mono_us(tx->store->config.clock));
	return put(tx, change, "hub.resume", &before, &after);
}

/* Names, no values: some are passwords. */
int hub_reloaded(struct tx *tx, struct store_change *change)
{
	json_t *after = json_pack("{s:O, s:O}", "changed", json_object_get(change->doc, "changed"), "restart", json_object_get(change->doc, "restart"));
	return after ? audit_note(tx, change, "hub.reload", "hub", 0, NULL, after) : change_memory_out(change);
}
