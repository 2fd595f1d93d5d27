/* Changes: one row per kind with its handler; each runs in a savepoint, so that one that turns out wrong leaves nothing behind. */
#include "store/herald.h"
#include "store/once.h"
#include "store/private.h"

static change_handler *const handlers[] = {
    [CHANGE_SUBSCRIBER_CREATE] = subscriber_create,
    [CHANGE_SUBSCRIBER_PUT] = subscriber_replace,
    [CHANGE_SUBSCRIBER_PATCH] = subscriber_patch,
    [CHANGE_SUBSCRIBER_DELETE] = subscriber_remove,
    [CHANGE_ENDPOINT_CREATE] = endpoint_create,
    [CHANGE_ENDPOINT_PUT] = endpoint_replace,
    [CHANGE_ENDPOINT_PATCH] = endpoint_patch,
    [CHANGE_ENDPOINT_DELETE] = endpoint_remove,
    [CHANGE_ENDPOINT_PAUSE] = endpoint_pause,
    [CHANGE_ENDPOINT_RESUME] = endpoint_resume,
    [CHANGE_ENDPOINT_DISABLE] = endpoint_disable_by_hand,
    [CHANGE_SECRET_ROTATE] = secret_rotate,
    [CHANGE_ENDPOINT_VERIFY] = endpoint_verify,
    [CHANGE_ENDPOINT_VERIFIED] = endpoint_verified,
    [CHANGE_KEY_CREATE] = key_create,
    [CHANGE_KEY_REVOKE] = key_revoke,
    [CHANGE_ADMIN_PUT] = admin_put,
    [CHANGE_ADMIN_DISABLE] = admin_disable,
    [CHANGE_DELIVERY_RETRY] = delivery_retry,
    [CHANGE_DELIVERY_CANCEL] = delivery_cancel,
    [CHANGE_OPERATION_CREATE] = operation_create,
    [CHANGE_OPERATION_CANCEL] = operation_cancel,
    [CHANGE_EVENT_RESEND] = event_resend,
    [CHANGE_ENDPOINT_RECOVER] = endpoint_recover,
    [CHANGE_EVENT_TYPE_PUT] = event_type_put,
    [CHANGE_EVENT_TYPE_DELETE] = event_type_delete,
    [CHANGE_SOURCE_CREATE] = source_create,
    [CHANGE_SOURCE_PUT] = source_replace,
    [CHANGE_SOURCE_PATCH] = source_patch,
    [CHANGE_SOURCE_DELETE] = source_remove,
    [CHANGE_SOURCE_ROTATE] = source_rotate,
    [CHANGE_SOURCE_KEEP_SECRET] = source_keep_secret,
    [CHANGE_REJECTION_ACCEPT] = rejection_accept,
    [CHANGE_ENDPOINT_DRILL] = endpoint_drill,
    [CHANGE_HUB_PAUSE] = hub_pause,
    [CHANGE_HUB_RESTORED] = hub_restored,
    [CHANGE_HUB_RESUME] = hub_resume,
    [CHANGE_HUB_RELOAD] = hub_reloaded,
    [CHANGE_CIRCUIT] = endpoint_circuit,
    [CHANGE_EVENT_ERASE] = event_erase,
    [CHANGE_SUBSCRIBER_ERASE] = subscriber_erase,
    [CHANGE_RETENTION_CONFIRM] = retention_confirm,
    [CHANGE_ONCE_ANSWER] = once_answer,
};

/* What was carried out before is not carried out again; what does well now is remembered in the same savepoint. */
static int run_once(struct tx *tx, struct store_change *change)
{
	int recalled = once_recall(tx, change);
	if (recalled)
		return recalled < 0 ? -1 : 0;
	return handlers[change->what](tx, change) ? -1 : once_keep(tx, change);
}

int change_run(struct tx *tx, struct store_change *change)
{
	const struct engine_ops *ops = tx->engine->ops;
	size_t news_before = tx->news->len, told_before = herald_mark(tx);
	store_change_clear(change);
	census_save(tx->engine->env->census);
	if (ops->savepoint(tx->engine))
		return -1;
	int result = run_once(tx, change);
	if (tx->engine->fault != ENGINE_FINE)
		return -1;
	if (result == 0)
		return ops->savepoint_release(tx->engine);
	struct err err = change->err;
	store_change_clear(change);
	change->err = err;
	news_drop(tx->news, news_before);
	herald_back(tx, told_before);
	census_back(tx->engine->env->census);
	return ops->savepoint_rollback(tx->engine);
}

int change_not_found(struct store_change *change, const char *thing)
{
	return err_set(&change->err, ERR_NOT_FOUND, "There is no such %s", thing);
}

int change_memory_out(struct store_change *change)
{
	return err_set(&change->err, ERR_UNAVAILABLE, "memory is out; try again");
}

int change_take_uid(struct store_change *change, json_t *doc)
{
	const char *given = json_string_value(json_object_get(doc, "uid"));
	if (given && strcmp(given, change->uid) != 0)
		return err_field(&change->err, ERR_INVALID, "/uid", "is not the uid of the address; leave it out or make them equal");
	if (caller_allows(change->caller, 0, 0, &change->err))
		return -1;
	if (json_is_object(doc) && json_object_set_new(doc, "uid", json_string(change->uid)))
		return change_memory_out(change);
	return 0;
}
