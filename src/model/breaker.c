/* Breakers: the policy's JSON form, and the table of those that are not closed. */
#include "model/breaker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "base/mem.h"
#include "model/check.h"

#define HOUR_MS INT64_C(3600000)

static int read_max_failures(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	int64_t failures;
	if (check_integer(value, pointer, 1, 1000, &failures, err))
		return -1;
	policy->max_failures = (int)failures;
	return 0;
}

static int read_ratio(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	return check_real(value, pointer, 0, 1, &policy->ratio, err);
}

static int read_window(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	return check_integer(value, pointer, 1000, HOUR_MS, &policy->window_ms, err);
}

static int read_wait(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	return check_integer(value, pointer, 0, HOUR_MS, &policy->wait_ms, err);
}

static int read_max_wait(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	return check_integer(value, pointer, 0, 24 * HOUR_MS, &policy->max_wait_ms, err);
}

static const struct {
	const char *name;
	int (*read)(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err);
} fields[] = {
    {"max_failures", read_max_failures}, {"ratio", read_ratio},         {"window_ms", read_window},
    {"wait_ms", read_wait},              {"max_wait_ms", read_max_wait},
};

static int read_member(const char *key, const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (strcmp(fields[i].name, key) == 0)
			return fields[i].read(value, pointer, policy, err);
	}
	return err_field(err, ERR_INVALID, pointer,
	                 "unknown field; a breaker has max_failures, ratio, window_ms, wait_ms and max_wait_ms");
}

int breaker_policy_parse(const json_t *value, const char *pointer, struct breaker_policy *policy, struct err *err)
{
	if (json_is_false(value)) {
		policy->off = true;
		policy->wait_ms = policy->max_wait_ms = 0;
		return 0;
	}
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object, or false for none");
	struct breaker_policy parsed = *policy;
	const char *key;
	json_t *member;
	int result = 0;
	json_object_foreach((json_t *)value, key, member)
	{
		char place[ERR_POINTER_MAX];
		check_member(place, pointer, key);
		result |= read_member(key, member, place, &parsed, err);
	}
	if (result)
		return -1;
	if (parsed.max_wait_ms < parsed.wait_ms) {
		char place[ERR_POINTER_MAX];
		bool given = json_object_get(value, "max_wait_ms") != NULL;
		if (given) {
			check_member(place, pointer, "max_wait_ms");
			return err_field(err, ERR_INVALID, place, "must not be less than wait_ms");
		}
		parsed.max_wait_ms = parsed.wait_ms;
	}
	*policy = parsed;
	return 0;
}

json_t *breaker_policy_json(const struct breaker_policy *policy)
{
	if (policy->off)
		return json_false();
	return json_pack("{s:i, s:f, s:I, s:I, s:I}", "max_failures", policy->max_failures, "ratio", policy->ratio, "window_ms",
	                 (json_int_t)policy->window_ms, "wait_ms", (json_int_t)policy->wait_ms, "max_wait_ms",
	                 (json_int_t)policy->max_wait_ms);
}

static const char *const shown[] = {"state", "since", "failures", "next_probe_at", "why"};

void breaker_policy_strip(json_t *value)
{
	for (size_t i = 0; json_is_object(value) && i < sizeof shown / sizeof *shown; i++)
		json_object_del(value, shown[i]); /* -1 only says that it was not there */
}

const char *breaker_state_text(enum breaker_state state)
{
	static const char *const texts[] = {"closed", "open", "half_open"};
	return (unsigned)state < sizeof texts / sizeof *texts ? texts[state] : "unknown";
}

/* ---- the table ---- */

struct breakers {
	pthread_mutex_t mutex;
	/* under the mutex */
	struct idmap views; /* endpoint → struct breaker_view * */
	unsigned of_state[BREAKER_HALF_OPEN + 1];
};

struct breakers *breakers_new(void)
{
	struct breakers *breakers = mem_new(struct breakers);
	pthread_mutex_init(&breakers->mutex, NULL);
	return breakers;
}

void breakers_free(struct breakers *breakers)
{
	size_t at = 0;
	uint64_t id;
	void *view;
	if (!breakers)
		return;
	while (idmap_next(&breakers->views, &at, &id, &view))
		free(view);
	idmap_free(&breakers->views);
	pthread_mutex_destroy(&breakers->mutex);
	free(breakers);
}

void breakers_put(struct breakers *breakers, int64_t endpoint, const struct breaker_view *view)
{
	pthread_mutex_lock(&breakers->mutex);
	struct breaker_view *present = idmap_get(&breakers->views, (uint64_t)endpoint);
	if (present)
		breakers->of_state[present->state]--;
	breakers->of_state[view->state]++;
	if (view->state == BREAKER_CLOSED) {
		if (present)
			idmap_remove(&breakers->views, (uint64_t)endpoint);
		free(present);
	} else {
		if (!present)
			idmap_put(&breakers->views, (uint64_t)endpoint, present = mem_new(struct breaker_view));
		*present = *view;
	}
	pthread_mutex_unlock(&breakers->mutex);
}

void breakers_get(struct breakers *breakers, int64_t endpoint, struct breaker_view *view)
{
	pthread_mutex_lock(&breakers->mutex);
	const struct breaker_view *present = idmap_get(&breakers->views, (uint64_t)endpoint);
	*view = present ? *present : (struct breaker_view){.state = BREAKER_CLOSED};
	pthread_mutex_unlock(&breakers->mutex);
}

void breakers_count(struct breakers *breakers, unsigned *open, unsigned *half_open)
{
	pthread_mutex_lock(&breakers->mutex);
	*open = breakers->of_state[BREAKER_OPEN];
	*half_open = breakers->of_state[BREAKER_HALF_OPEN];
	pthread_mutex_unlock(&breakers->mutex);
}

static json_t *time_or_null(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	if (wall_ms == 0)
		return json_null();
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

json_t *breaker_view_json(const struct breaker_view *view, bool outside)
{
	const char *why = outside ? view->why_outside : view->why;
	return json_pack("{s:s, s:o, s:I, s:o, s:o}", "state", breaker_state_text(view->state), "since", time_or_null(view->since_ms),
	                 "failures", (json_int_t)view->failures, "next_probe_at", time_or_null(view->next_probe_ms), "why",
	                 why[0] ? json_string(why) : json_null());
}
