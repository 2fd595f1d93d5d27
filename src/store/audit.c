/* The audit's rows. */
#include "store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/subscriber.h"
#include "store/private.h"

/* What changes are called in the audit, in the order of their kinds; PUT that makes something is called as its creation. */
static const struct {
	enum store_change_kind what;
	const char *action;
} actions[] = {
    {CHANGE_SUBSCRIBER_CREATE, "subscriber.create"},
    {CHANGE_SUBSCRIBER_PUT, "subscriber.update"},
    {CHANGE_SUBSCRIBER_PATCH, "subscriber.update"},
    {CHANGE_SUBSCRIBER_DELETE, "subscriber.delete"},
    {CHANGE_SUBSCRIBER_ERASE, "subscriber.erase"},
    {CHANGE_ENDPOINT_CREATE, "endpoint.create"},
    {CHANGE_ENDPOINT_PUT, "endpoint.update"},
    {CHANGE_ENDPOINT_PATCH, "endpoint.update"},
    {CHANGE_ENDPOINT_DELETE, "endpoint.delete"},
    {CHANGE_ENDPOINT_PAUSE, "endpoint.pause"},
    {CHANGE_ENDPOINT_RESUME, "endpoint.resume"},
    {CHANGE_ENDPOINT_DISABLE, "endpoint.disable"},
    {CHANGE_SECRET_ROTATE, "endpoint.rotate_secret"},
    {CHANGE_ENDPOINT_VERIFY, "endpoint.verify"},
    {CHANGE_ENDPOINT_VERIFIED, "endpoint.verified"},
    {CHANGE_ENDPOINT_RECOVER, "endpoint.recover"},
    {CHANGE_ENDPOINT_DRILL, "endpoint.drill"},
    {CHANGE_KEY_CREATE, "key.create"},
    {CHANGE_KEY_REVOKE, "key.revoke"},
    {CHANGE_DELIVERY_RETRY, "delivery.retry"},
    {CHANGE_DELIVERY_CANCEL, "delivery.cancel"},
    {CHANGE_OPERATION_CREATE, "operation.create"},
    {CHANGE_OPERATION_CANCEL, "operation.cancel"},
    {CHANGE_EVENT_RESEND, "event.resend"},
    {CHANGE_EVENT_ERASE, "event.erase"},
    {CHANGE_ADMIN_PUT, "admin.create"},
    {CHANGE_ADMIN_PUT, "admin.update"},
    {CHANGE_ADMIN_DISABLE, "admin.disable"},
    {CHANGE_EVENT_TYPE_PUT, "event_type.describe"},
    {CHANGE_EVENT_TYPE_DELETE, "event_type.forget"},
    {CHANGE_SOURCE_CREATE, "source.create"},
    {CHANGE_SOURCE_PUT, "source.update"},
    {CHANGE_SOURCE_PATCH, "source.update"},
    {CHANGE_SOURCE_DELETE, "source.delete"},
    {CHANGE_SOURCE_ROTATE, "source.rotate_secret"},
    {CHANGE_SOURCE_KEEP_SECRET, "source.keep_secret"},
    {CHANGE_REJECTION_ACCEPT, "rejection.accept"},
    {CHANGE_RETENTION_CONFIRM, "retention.confirm"},
    {CHANGE_HUB_PAUSE, "hub.pause"},
    {CHANGE_HUB_RESTORED, "hub.restore"},
    {CHANGE_HUB_RESUME, "hub.resume"},
    {CHANGE_HUB_RELOAD, "hub.reload"},
};

enum { ACTIONS = sizeof actions / sizeof *actions };

static const char *action_of(enum store_change_kind what)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (actions[i].what == what)
			return actions[i].action;
	return "change";
}

bool audit_action_known(struct slice text)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (slice_is(text, actions[i].action))
			return true;
	return false;
}

/* "subscriber.create|update|delete, endpoint.create|…": those of one thing stand together in the table. */
/* ---- One row ---- */

static void actor_of(const struct store_change *change, struct audit_record *record, char text[ID_TEXT_SIZE])
{
	const struct caller *caller = change->caller;
	record->actor = slice_of("hub");
	if (!caller || caller->actor == ACTOR_HUB)
		return;
	record->actor = slice_of("local");
	if (caller->actor == ACTOR_KEY) {
		id_format(ID_KEY, caller->key, text);
		record->actor = slice_of(text);
	} else if (caller->actor == ACTOR_ADMIN) {
		id_format(ID_ADMIN, caller->admin, text);
		record->actor = slice_of(text);
	}
	record->actor_name = slice_of(caller->name[0] ? caller->name : NULL);
	record->address = slice_of(caller->address && *caller->address ? caller->address : NULL);
	record->request_id = slice_of(caller->request_id && *caller->request_id ? caller->request_id : NULL);
}

/* As the API shows it: 0.2, not 0.20000000000000001. */
enum { DUMP = JSON_COMPACT | JSON_REAL_PRECISION(15) };

int audit_note(struct tx *tx, struct store_change *change, const char *action, const char *resource, int64_t subscriber, json_t *before,
               json_t *after)
{
	char actor[ID_TEXT_SIZE];
	char *was = before ? json_dumps(before, DUMP) : NULL, *is = after ? json_dumps(after, DUMP) : NULL;
	int result = (before && !was) || (after && !is) ? change_memory_out(change) : 0;
	struct audit_record record = {
	    .at_ms = tx->now_ms,
	    .subscriber = subscriber,
	    .action = slice_of(action),
	    .resource = slice_of(resource),
	    .before = slice_of(was),
	    .after = slice_of(is),
	};
	if (result == 0) {
		record.id = id_next(&tx->store->ids, tx->now_ms);
		actor_of(change, &record, actor);
		result = tx->engine->ops->audit_insert(tx->engine, &record);
		change->audited = action;
		snprintf(change->audited_thing, sizeof change->audited_thing, "%s", resource);
	}
	free(was);
	free(is);
	json_decref(before);
	json_decref(after);
	return result;
}

/* ---- Documents ---- */

/* Every text below becomes one word, so that the names stay to be seen. `changed`: said of a value that was not so before. `replaced`:
 * has a member for each that only looks as before. */
static json_t *hidden(const json_t *value, const json_t *before, const json_t *replaced)
{
	if (!json_is_object(value))
		return json_string(!before || (json_equal(value, before) && !replaced) ? "(hidden)" : "(hidden, changed)");
	json_t *copy = json_object();
	const char *name;
	json_t *member;
	json_object_foreach((json_t *)value, name, member)
	{
		if (json_object_set_new(copy, name, hidden(member, json_object_get(before, name), json_object_get(replaced, name)))) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}

/* Members of an endpoint or a source whose values may be somebody's password. */
static const char *const hidden_members[] = {"headers", "settings"};

static int hide(json_t *shown, const json_t *before, const json_t *replaced)
{
	for (size_t i = 0; i < sizeof hidden_members / sizeof *hidden_members; i++) {
		const json_t *value = json_object_get(shown, hidden_members[i]);
		if (value && !json_is_null(value) &&
		    json_object_set_new(shown, hidden_members[i], hidden(value, json_object_get(before, hidden_members[i]), json_object_get(replaced, hidden_members[i]))))
			return -1;
	}
	return 0;
}

/* Of auth and tls the rest is shown; long certificates would fill the audit with what nobody reads. */
static int hide_access(json_t *shown, const json_t *before, const json_t *replaced)
{
	static const char *const places[][2] = {{"auth", "password"},   {"auth", "token"},     {"auth", "value"}, {"auth", "client_secret"},
	                                        {"tls", "client_certificate"}, {"tls", "client_key"}, {"tls", "ca"}};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *section = places[i][0], *name = places[i][1];
		json_t *at = json_object_get(shown, section);
		const json_t *value = json_object_get(at, name);
		if (json_is_string(value) && json_object_set_new(at, name,
		                                                 hidden(value, json_object_get(json_object_get(before, section), name),
		                                                        json_object_get(json_object_get(replaced, section), name))))
			return -1;
	}
	return 0;
}

/* As the API shows it, with what only a row has. `old`: the document before, to say which hidden values changed. */
static json_t *endpoint_shown(const struct endpoint *endpoint, const json_t *doc, const json_t *old, const json_t *replaced)
{
	char subscriber[ID_TEXT_SIZE];
	id_format(ID_SUBSCRIBER, endpoint->meta.subscriber, subscriber);
	json_t *shown = endpoint_json(endpoint, doc, endpoint->meta.subscriber ? subscriber : NULL);
	if (!shown || hide(shown, old, replaced) || hide_access(shown, old, replaced) ||
	    json_object_set_new(shown, "secrets", json_integer(endpoint->secrets_len)) ||
	    json_object_set_new(shown, "version", json_integer(endpoint->meta.version))) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

int audit_endpoint(struct tx *tx, struct store_change *change, const struct endpoint *after, const json_t *doc)
{
	char id[ID_TEXT_SIZE];
	struct endpoint_record old = {.doc = NULL};
	json_t *was = NULL, *is = NULL;
	int found = tx->engine->ops->endpoint_get(tx->engine, after->meta.id, &old);
	if (found < 0)
		return -1;
	if (found > 0) {
		/* One that today's rules refuse can still be mended: then its bare document is shown. */
		struct endpoint *before = endpoint_of_record(&old, NULL);
		was = before ? endpoint_shown(before, old.doc, NULL, NULL) : json_deep_copy(old.doc);
		if (!before && hide(was, NULL, NULL)) {
			json_decref(was);
			was = NULL;
		}
		endpoint_unref(before);
	}
	bool gone = after->meta.status == ENDPOINT_DELETED;
	if (!gone)
		is = endpoint_shown(after, doc, old.doc, change->replaced);
	bool failed = (found > 0 && !was) || (!gone && !is);
	endpoint_record_clear(&old);
	if (failed) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	id_format(ID_ENDPOINT, after->meta.id, id);
	return audit_note(tx, change, found ? action_of(change->what) : "endpoint.create", id, after->meta.subscriber, was, is);
}

static json_t *source_shown(const struct source *source, const json_t *doc, const json_t *old)
{
	char subscriber[ID_TEXT_SIZE];
	id_format(ID_SUBSCRIBER, source->meta.subscriber, subscriber);
	json_t *shown = source_json(source, doc, source->meta.subscriber ? subscriber : NULL, "");
	json_object_del(shown, "url");   /* of whoever asks */
	json_object_del(shown, "paste"); /* the scheme's */
	if (!shown || hide(shown, old, NULL) || json_object_set_new(shown, "secrets", json_integer(source->secrets_len)) ||
	    json_object_set_new(shown, "version", json_integer(source->meta.version))) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

int audit_source(struct tx *tx, struct store_change *change, int64_t id, const struct source *after, const json_t *doc)
{
	char text[ID_TEXT_SIZE];
	struct source_record old = {.doc = NULL};
	json_t *was = NULL, *is = NULL;
	int found = tx->engine->ops->source_get(tx->engine, id, &old);
	if (found < 0)
		return -1;
	if (found > 0) {
		/* One that today's rules refuse can still be mended: then its bare document is shown. */
		struct source *before = source_parse(old.doc, &old.meta, old.secrets, old.secrets_len, NULL);
		was = before ? source_shown(before, old.doc, NULL) : json_deep_copy(old.doc);
		if (!before && hide(was, NULL, NULL)) {
			json_decref(was);
			was = NULL;
		}
		source_unref(before);
	}
	if (after)
		is = source_shown(after, doc, old.doc);
	int64_t subscriber = after ? after->meta.subscriber : old.meta.subscriber;
	source_record_clear(&old);
	if ((found > 0 && !was) || (after && !is)) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	id_format(ID_SOURCE, id, text);
	return audit_note(tx, change, found ? action_of(change->what) : "source.create", text, subscriber, was, is);
}

static json_t *subscriber_shown(const struct subscriber_record *record)
{
	json_t *shown = subscriber_json(record->doc, record->id, record->created_ms, record->updated_ms);
	if (json_object_set_new(shown, "version", json_integer(record->version))) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

int audit_subscriber(struct tx *tx, struct store_change *change, int64_t id, const struct subscriber_record *after)
{
	char text[ID_TEXT_SIZE];
	struct subscriber_record old = {.doc = NULL};
	int found = tx->engine->ops->subscriber_get(tx->engine, id, &old);
	if (found < 0)
		return -1;
	json_t *was = found ? subscriber_shown(&old) : NULL, *is = after ? subscriber_shown(after) : NULL;
	json_decref(old.doc);
	if ((found && !was) || (after && !is)) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	id_format(ID_SUBSCRIBER, id, text);
	return audit_note(tx, change, found ? action_of(change->what) : "subscriber.create", text, id, was, is);
}

static json_t *key_shown(const struct key *key)
{
	char subscriber[ID_TEXT_SIZE];
	id_format(ID_SUBSCRIBER, key->subscriber, subscriber);
	return key_json(key, key->subscriber ? subscriber : NULL);
}

int audit_key(struct tx *tx, struct store_change *change, const struct key *before, const struct key *after)
{
	const struct key *key = after ? after : before;
	char id[ID_TEXT_SIZE];
	id_format(ID_KEY, key->id, id);
	json_t *shown = key_shown(key);
	if (!shown)
		return change_memory_out(change);
	return audit_note(tx, change, after ? "key.create" : "key.revoke", id, key->subscriber, after ? NULL : shown, after ? shown : NULL);
}

int audit_admin(struct tx *tx, struct store_change *change, const struct admin *before, const struct admin *after)
{
	const char *action = !before ? "admin.create" : after->disabled ? "admin.disable" : "admin.update";
	char id[ID_TEXT_SIZE];
	json_t *was = before ? admin_json(before) : NULL, *is = admin_json(after);
	if ((before && !was) || !is) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	id_format(ID_ADMIN, after->id, id);
	return audit_note(tx, change, action, id, 0, was, is);
}

static json_t *delivery_shown(const struct delivery_record *record)
{
	char event[ID_TEXT_SIZE], endpoint[ID_TEXT_SIZE];
	id_format(ID_EVENT, record->due.event, event);
	id_format(ID_ENDPOINT, record->due.endpoint, endpoint);
	const char *reason = record->reason ? delivery_reason_text(record->reason) : NULL;
	return json_pack("{s:s, s:s, s:s, s:s?, s:i}", "event", event, "endpoint", endpoint, "state", delivery_state_text(record->state),
	                 "reason", reason, "round", delivery_round_shown(record->due.round));
}

int audit_delivery(struct tx *tx, struct store_change *change, const struct delivery_record *before, const struct delivery_record *after)
{
	char id[ID_TEXT_SIZE];
	json_t *was = delivery_shown(before), *is = delivery_shown(after);
	if (!was || !is) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	id_format(ID_DELIVERY, before->due.delivery, id);
	return audit_note(tx, change, action_of(change->what), id, before->subscriber, was, is);
}

static json_t *operation_shown(const struct operation_record *record)
{
	static const char *const kinds[] = {[OPERATION_RETRY] = "retry", [OPERATION_DISCARD] = "discard", [OPERATION_RECOVER] = "recover",
	                                    [OPERATION_ERASE] = "erase"};
	const char *state = record->cancelled ? "cancelled" : record->ended_ms ? "done" : "running";
	json_t *filter = json_loads(record->filter ? record->filter : "null", JSON_DECODE_ANY, NULL);
	return json_pack("{s:s, s:s, s:o?, s:I, s:I, s:I}", "kind", kinds[record->kind], "state", state, "filter", filter, "total",
	                 (json_int_t)record->total, "done", (json_int_t)record->done, "skipped", (json_int_t)record->skipped);
}

int audit_operation(struct tx *tx, struct store_change *change, const struct operation_record *before, const struct operation_record *after)
{
	char id[ID_TEXT_SIZE];
	json_t *was = before ? operation_shown(before) : NULL, *is = operation_shown(after);
	if ((before && !was) || !is) {
		json_decref(was);
		json_decref(is);
		return change_memory_out(change);
	}
	id_format(ID_OPERATION, after->id, id);
	return audit_note(tx, change, action_of(change->what), id, after->subscriber, was, is);
}

/* The event itself is never changed: what is noted are the deliveries. */
int audit_resend(struct tx *tx, struct store_change *change, int64_t subscriber)
{
	static const char *const done[] = {[RESEND_REOPENED] = "reopened", [RESEND_MADE] = "made", [RESEND_HASTENED] = "hastened"};
	json_t *list = json_array();
	char id[ID_TEXT_SIZE], endpoint[ID_TEXT_SIZE], delivery[ID_TEXT_SIZE];
	int result = list ? 0 : -1;
	for (size_t i = 0; result == 0 && i < change->resent_len; i++) {
		const struct resent *resent = &change->resent[i];
		id_format(ID_ENDPOINT, resent->endpoint, endpoint);
		id_format(ID_DELIVERY, resent->delivery, delivery);
		result = json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s}", "endpoint", endpoint, "delivery", delivery, "action", done[resent->action]));
	}
	json_t *after = result == 0 ? json_pack("{s:o}", "deliveries", list) : NULL;
	if (!after) {
		if (result)
			json_decref(list);
		return change_memory_out(change);
	}
	id_format(ID_EVENT, change->id, id);
	return audit_note(tx, change, action_of(change->what), id, subscriber, NULL, after);
}
