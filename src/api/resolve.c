/* Ids and uids of the caller's things. What belongs to another subscriber than a bound key's answers as if it did not exist. */
#include <stdio.h>

#include "api/call.h"
#include "store/filter.h"

static int not_found(struct call *call, const char *what, const char *pointer)
{
	if (pointer)
		return err_field(&call->err, ERR_NOT_FOUND, pointer, "there is no such %s; give its id or uid", what);
	return err_set(&call->err, ERR_NOT_FOUND, "There is no such %s", what);
}

static int ambiguous(struct call *call, const char *what, const char *pointer)
{
	if (pointer)
		return err_field(&call->err, ERR_AMBIGUOUS, pointer,
		                 "several subscribers have an %s of this uid; give `subscriber`, or its id", what);
	return err_set(&call->err, ERR_AMBIGUOUS,
	               "Several subscribers have an %s of this uid: add ?subscriber= (empty: the one without a subscriber), or give its id",
	               what);
}

int resolve_subscriber(struct call *call, struct slice text, const char *pointer, int64_t *id)
{
	struct index *index = call->api->config.index;
	int64_t found;
	if (id_parse(ID_SUBSCRIBER, text, &found) < 0)
		found = index_subscriber_by_uid(index, text);
	if (found == 0 || !index_subscriber_exists(index, found) || (call->who.subscriber && found != call->who.subscriber))
		return not_found(call, "subscriber", pointer);
	*id = found;
	return 0;
}

int resolve_owner(struct call *call, struct slice text, const char *pointer, int64_t *id)
{
	if (text.len > 0 || call->who.subscriber)
		return resolve_subscriber(call, text, pointer, id);
	*id = FILTER_NOBODY;
	return 0;
}

int resolve_owner_filter(struct call *call, int64_t *id)
{
	struct slice text;
	int given = call_param(call, "subscriber", &text);
	*id = call->who.subscriber;
	return given <= 0 ? given : resolve_owner(call, text, "?subscriber", id);
}

/* ?subscriber= of a path that names one thing: whose it is. `any`: not said. Empty: nobody's. */
static int resolve_owner_param(struct call *call, int64_t *owner, bool *any)
{
	struct slice text;
	int given = call_param(call, "subscriber", &text);
	*owner = call->who.subscriber;
	*any = !given && !call->who.subscriber;
	if (given <= 0 || (text.len == 0 && !call->who.subscriber))
		return given < 0 ? -1 : 0;
	return resolve_subscriber(call, text, "?subscriber", owner);
}

static int find_endpoint(struct call *call, struct slice text, int64_t owner, bool any, const char *pointer, struct endpoint **endpoint)
{
	struct index *index = call->api->config.index;
	bool several = false;
	int64_t id;
	struct endpoint *found =
	    id_parse(ID_ENDPOINT, text, &id) == 0 ? index_endpoint(index, id) : index_endpoint_by_uid(index, text, owner, any, &several);
	if (!several && found && (any || found->meta.subscriber == owner)) {
		*endpoint = found;
		return 0;
	}
	endpoint_unref(found);
	return several ? ambiguous(call, "endpoint", pointer) : not_found(call, "endpoint", pointer);
}

int resolve_endpoint(struct call *call, struct slice text, int64_t within, const char *pointer, struct endpoint **endpoint)
{
	int64_t owner = within ? within : call->who.subscriber;
	return find_endpoint(call, text, owner == FILTER_NOBODY ? 0 : owner, owner == 0, pointer, endpoint);
}

int resolve_endpoint_ever(struct call *call, struct slice text, int64_t within, const char *pointer, int64_t *id)
{
	struct endpoint *endpoint;
	struct err err = {.code = ERR_NONE};
	int64_t owner = within ? within : call->who.subscriber, subscriber = 0;
	bool deleted = id_parse(ID_ENDPOINT, text, id) == 0;
	if (deleted) {
		endpoint = index_endpoint(call->api->config.index, *id);
		deleted = !endpoint;
		endpoint_unref(endpoint);
	}
	if (!deleted) {
		if (resolve_endpoint(call, text, within, pointer, &endpoint) < 0)
			return -1;
		*id = endpoint->meta.id;
		endpoint_unref(endpoint);
		return 0;
	}
	if (reader_endpoint_owner(call->worker->reader, *id, &subscriber, &err) == 0 && filter_takes_owner(owner, subscriber))
		return 0;
	if (err.code == ERR_NONE || err.code == ERR_NOT_FOUND)
		return not_found(call, "endpoint", pointer);
	call->err = err;
	return -1;
}

int resolve_endpoint_param(struct call *call, int64_t within, int64_t *id)
{
	struct slice text;
	int given = call_param(call, "endpoint", &text);
	*id = 0;
	return given <= 0 ? given : resolve_endpoint_ever(call, text, within, "?endpoint", id);
}

static int seen(void *context, const struct audit_row *row)
{
	(void)row;
	*(bool *)context = true;
	return 1;
}

/* Its making stands in the audit, whatever became of it. */
int resolve_source_ever(struct call *call, struct slice text, const char *pointer, const char *empty, int64_t *id)
{
	struct source *source = source_table_find(call->api->config.sources, text);
	struct audit_filter filter = {.resource = text};
	struct page page = {.limit = 1};
	bool was = source != NULL;
	if (source)
		*id = source->meta.id;
	else if (id_parse(ID_SOURCE, text, id) == 0 &&
	         reader_audit(call->worker->reader, &filter, &page, seen, &was, &call->err) < 0)
		return -1;
	source_unref(source);
	if (was)
		return 0;
	return err_field(&call->err, ERR_NOT_FOUND, pointer, "there is no such source; give its id or uid, or leave it empty for %s", empty);
}

int resolve_source_param(struct call *call, bool *given, int64_t *id)
{
	struct slice text;
	int found = call_param(call, "source", &text);
	*given = found > 0;
	*id = 0;
	if (found <= 0 || text.len == 0)
		return found < 0 ? -1 : 0;
	return resolve_source_ever(call, text, "?source", "what was published through the API", id);
}

int resolve_source(struct call *call, struct slice text, const char *pointer, struct source **source)
{
	if (call_unbound(call, "use sources") < 0)
		return -1;
	*source = source_table_find(call->api->config.sources, text);
	return *source ? 0 : not_found(call, "source", pointer);
}

int resolve_source_path(struct call *call, struct source **source)
{
	struct slice text;
	return call_path(call, 0, &text) < 0 ? -1 : resolve_source(call, text, NULL, source);
}

int resolve_endpoint_path(struct call *call, struct endpoint **endpoint)
{
	struct slice text;
	int64_t owner;
	bool any;
	if (call_path(call, 0, &text) < 0 || resolve_owner_param(call, &owner, &any) < 0)
		return -1;
	return find_endpoint(call, text, owner, any, NULL, endpoint);
}

int resolve_event_path(struct call *call, int64_t *id)
{
	struct slice text;
	int64_t owner;
	bool any;
	if (call_path(call, 0, &text) < 0 || resolve_owner_param(call, &owner, &any) < 0)
		return -1;
	if (id_parse(ID_EVENT, text, id) == 0)
		return 0;
	struct err err = {.code = ERR_NONE};
	if (reader_event_by_uid(call->worker->reader, text, owner, any, id, &err) == 0)
		return 0;
	if (err.code == ERR_NOT_FOUND)
		return not_found(call, "event", NULL);
	if (err.code == ERR_AMBIGUOUS)
		return ambiguous(call, "event", NULL);
	call->err = err;
	return -1;
}

int resolve_subscriber_path(struct call *call, int64_t *id)
{
	struct slice text;
	return call_path(call, 0, &text) < 0 ? -1 : resolve_subscriber(call, text, NULL, id);
}

int resolve_id_path(struct call *call, enum id_kind kind, const char *what, int64_t *id)
{
	struct slice text;
	if (call_path(call, 0, &text) < 0)
		return -1;
	if (id_parse(kind, text, id) == 0)
		return 0;
	return err_set(&call->err, ERR_NOT_FOUND, "There is no such %s: give its id, %s_ and 13 digits", what, id_prefix(kind));
}

const char *subscriber_text(struct call *call, int64_t id, char out[SUBSCRIBER_TEXT_SIZE])
{
	if (id == 0)
		return NULL;
	if (!index_subscriber_uid(call->api->config.index, id, out, SUBSCRIBER_TEXT_SIZE))
		id_format(ID_SUBSCRIBER, id, out);
	return out;
}
