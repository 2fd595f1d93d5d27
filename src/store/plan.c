/* Whom a publish reaches. */
#include "store/plan.h"

static enum err_code plan_only(const struct engine_env *env, struct publish_item *item, struct plan *plan)
{
	plan->only = index_endpoint(env->index, item->only->meta.id);
	if (!plan->only)
		return ERR_NOT_FOUND;
	if (plan->only->meta.status == ENDPOINT_DISABLED)
		return ERR_ENDPOINT_DISABLED;
	if (item->test && endpoint_unverified(plan->only))
		return ERR_WRONG_STATE;
	plan->at = &plan->only;
	plan->len = 1;
	return ERR_NONE;
}

static void leave_out(struct index_targets *targets, int64_t endpoint)
{
	size_t kept = 0;
	for (size_t i = 0; i < targets->len; i++) {
		if (targets->at[i]->meta.id == endpoint)
			endpoint_unref(targets->at[i]);
		else
			targets->at[kept++] = targets->at[i];
	}
	targets->len = kept;
}

enum err_code plan_make(const struct engine_env *env, struct publish_item *item, uint64_t version, struct plan *plan)
{
	const struct event_fields *fields = &item->event->f;
	*plan = (struct plan){0};
	item->everyone = 0;
	if (item->only)
		return plan_only(env, item, plan);
	if (item->targets.version != version && index_match(env->index, fields->type, item->audience, fields->subscriber, &item->targets))
		return ERR_UNAVAILABLE;
	if (item->except)
		leave_out(&item->targets, item->except);
	plan->at = item->targets.at;
	plan->len = item->targets.len;
	if (plan->len == 0)
		item->everyone = (uint32_t)index_count_everyone(env->index, fields->type);
	return ERR_NONE;
}

void plan_clear(struct plan *plan)
{
	endpoint_unref(plan->only);
	*plan = (struct plan){0};
}

struct slice plan_order_key(const struct endpoint *endpoint, const struct event *event)
{
	if (!endpoint->ordered)
		return (struct slice){NULL, 0};
	return event->f.ordering_key.at ? event->f.ordering_key : SLICE_LITERAL("");
}
