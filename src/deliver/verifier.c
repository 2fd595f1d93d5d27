/* The verifier: a table of endpoints that are to be asked or under way, and a line of the former. */
#include "deliver/verifier.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/idmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/handshake.h"

/* One endpoint: in the line, or under way, until what came of it is stored. */
struct asked {
	struct verifier *verifier;
	struct asked *next;        /* in the line, or among those under way */
	struct endpoint *endpoint; /* as it was told last; a reference */
	bool under_way;
	int64_t serial; /* what is under way */
	struct endpoint_verification answer;
	struct store_change change;
};

struct verifier {
	struct store *store;
	struct deliver *deliver;
	const struct clock *clock;
	const char *origin;
	pthread_mutex_t mutex; /* all below */
	bool stopping;
	atomic_size_t len; /* of asked; looked at without it */
	struct idmap asked; /* endpoint → struct asked * */
	struct asked *first, **end; /* the line */
	struct asked *under_way;
	unsigned under_way_len;
};

struct verifier *verifier_new(struct store *store, struct deliver *deliver, const struct clock *clock, const char *origin)
{
	struct verifier *verifier = mem_new(struct verifier);
	verifier->store = store;
	verifier->deliver = deliver;
	verifier->clock = clock;
	verifier->origin = origin;
	verifier->end = &verifier->first;
	pthread_mutex_init(&verifier->mutex, NULL);
	return verifier;
}

/* ---- Under the mutex ---- */

static void line_up(struct verifier *verifier, struct asked *asked)
{
	asked->under_way = false;
	asked->next = NULL;
	*verifier->end = asked;
	verifier->end = &asked->next;
}

static void leave_line(struct verifier *verifier, struct asked **at)
{
	struct asked *asked = *at;
	*at = asked->next;
	if (!*at)
		verifier->end = at;
	asked->next = NULL;
}

static void forget(struct verifier *verifier, struct asked *asked)
{
	idmap_remove(&verifier->asked, (uint64_t)asked->endpoint->meta.id);
	atomic_store(&verifier->len, verifier->asked.len);
	endpoint_unref(asked->endpoint);
	free(asked);
}

static bool subscriber_may(const struct verifier *verifier, int64_t subscriber)
{
	unsigned len = 0;
	for (const struct asked *at = verifier->under_way; at; at = at->next)
		len += at->endpoint->meta.subscriber == subscriber;
	return len < VERIFIER_OF_ONE || subscriber == 0;
}

static void set_out(struct verifier *verifier, struct asked *asked)
{
	asked->under_way = true;
	asked->serial = asked->endpoint->verification->serial;
	asked->next = verifier->under_way;
	verifier->under_way = asked;
	verifier->under_way_len++;
}

static void come_back(struct verifier *verifier, struct asked *asked)
{
	struct asked **at = &verifier->under_way;
	while (*at != asked)
		at = &(*at)->next;
	*at = asked->next;
	verifier->under_way_len--;
}

static bool to_be_asked(const struct endpoint *endpoint)
{
	return endpoint->verification && endpoint->verification->state == VERIFICATION_PENDING && endpoint->meta.status != ENDPOINT_DELETED;
}

/* ---- The end of one ---- */

static void ask(struct verifier *verifier);

/* On the writer's thread. What was changed meanwhile is asked anew. */
static void stored(struct store_cmd *cmd)
{
	struct asked *asked = CONTAINER_OF(cmd, struct asked, change.cmd);
	struct verifier *verifier = asked->verifier;
	if (cmd->fate != ERR_NONE)
		log_warn("deliver", "what came of an endpoint's verification could not be stored; it stays pending: %s", asked->change.err.detail);
	store_change_clear(&asked->change);
	pthread_mutex_lock(&verifier->mutex);
	come_back(verifier, asked);
	if (to_be_asked(asked->endpoint) && asked->endpoint->verification->serial != asked->serial)
		line_up(verifier, asked);
	else
		forget(verifier, asked);
	pthread_mutex_unlock(&verifier->mutex);
	ask(verifier);
}

/* What is not reached, and why, is for those who run the hub: of a subscriber's endpoint it stands in the log. */
static void tell_why(const struct handshake *handshake, char detail[VERIFICATION_DETAIL_MAX])
{
	const struct outcome *outcome = &handshake->job.outcome;
	if (handshake->why[0]) {
		snprintf(detail, VERIFICATION_DETAIL_MAX, "%s", handshake->why);
		return;
	}
	enum attempt_failure outside = attempt_failure_outside(outcome->failure);
	if (handshake->job.endpoint->meta.subscriber && outside != outcome->failure) {
		log_info("deliver", "a subscriber's endpoint was not asked: %s: %s", attempt_failure_text(outcome->failure), outcome->detail);
		snprintf(detail, VERIFICATION_DETAIL_MAX, "%s", attempt_failure_meaning(outside));
		return;
	}
	snprintf(detail, VERIFICATION_DETAIL_MAX, "%.98s: %.98s", attempt_failure_meaning(outcome->failure), outcome->detail);
}

static void over(struct handshake *handshake, bool sent)
{
	struct asked *asked = handshake->context;
	struct verifier *verifier = asked->verifier;
	pthread_mutex_lock(&verifier->mutex);
	bool stopping = verifier->stopping;
	pthread_mutex_unlock(&verifier->mutex);
	asked->answer = (struct endpoint_verification){
	    .state = handshake->consent ? VERIFICATION_VERIFIED : VERIFICATION_FAILED,
	    .serial = handshake->serial,
	    .allowed = {handshake->allowed_per_minute, VERIFICATION_PER_MS},
	};
	if (!sent)
		snprintf(asked->answer.detail, sizeof asked->answer.detail, "the hub could not send it now; try again");
	else if (!handshake->consent)
		tell_why(handshake, asked->answer.detail);
	asked->change = (struct store_change){
	    .cmd = {.kind = STORE_CHANGE, .done = stored},
	    .what = CHANGE_ENDPOINT_VERIFIED,
	    .id = handshake->job.outcome.due.endpoint,
	    .verification = &asked->answer,
	};
	handshake_free(handshake);
	if (!stopping || sent)
		store_post(verifier->store, &asked->change.cmd);
}

/* ---- The beginning of one ---- */

/* The first in the line whose subscriber has room; it is under way then. */
static struct handshake *next(struct verifier *verifier)
{
	if (verifier->stopping || verifier->under_way_len >= VERIFIER_AT_ONCE)
		return NULL;
	for (struct asked **at = &verifier->first; *at; at = &(*at)->next) {
		struct asked *asked = *at;
		if (!subscriber_may(verifier, asked->endpoint->meta.subscriber))
			continue;
		struct handshake *handshake = handshake_new(asked->endpoint, verifier->origin, clock_wall_ms(verifier->clock));
		if (!handshake)
			return NULL;
		leave_line(verifier, at);
		set_out(verifier, asked);
		handshake->over = over;
		handshake->context = asked;
		return handshake;
	}
	return NULL;
}

static void ask(struct verifier *verifier)
{
	struct handshake *handshake;
	/* Given away under the mutex, so that none is after verifier_quiesce(). */
	pthread_mutex_lock(&verifier->mutex);
	while ((handshake = next(verifier)))
		deliver_job(verifier->deliver, &handshake->job);
	pthread_mutex_unlock(&verifier->mutex);
}

/* What is known of one that is asked already; false: it is not. */
static void renew(struct verifier *verifier, struct asked *asked, struct endpoint *endpoint)
{
	endpoint_unref(asked->endpoint);
	asked->endpoint = endpoint_ref(endpoint);
	if (asked->under_way || to_be_asked(endpoint))
		return;
	struct asked **at = &verifier->first;
	while (*at != asked)
		at = &(*at)->next;
	leave_line(verifier, at);
	forget(verifier, asked);
}

void verifier_endpoint(struct verifier *verifier, struct endpoint *endpoint)
{
	/* Most are none of these; the rest is for those that are, or were. */
	if (!endpoint->verification && atomic_load(&verifier->len) == 0)
		return;
	pthread_mutex_lock(&verifier->mutex);
	struct asked *asked = idmap_get(&verifier->asked, (uint64_t)endpoint->meta.id);
	if (asked && endpoint->meta.version >= asked->endpoint->meta.version) {
		renew(verifier, asked, endpoint);
	} else if (!asked && to_be_asked(endpoint)) {
		asked = mem_new(struct asked);
		asked->verifier = verifier;
		asked->endpoint = endpoint_ref(endpoint);
		idmap_put(&verifier->asked, (uint64_t)endpoint->meta.id, asked);
		atomic_store(&verifier->len, verifier->asked.len);
		line_up(verifier, asked);
	}
	pthread_mutex_unlock(&verifier->mutex);
	ask(verifier);
}

void verifier_quiesce(struct verifier *verifier)
{
	if (!verifier)
		return;
	pthread_mutex_lock(&verifier->mutex);
	verifier->stopping = true;
	pthread_mutex_unlock(&verifier->mutex);
}

void verifier_free(struct verifier *verifier)
{
	if (!verifier)
		return;
	size_t at = 0;
	uint64_t id;
	void *asked;
	while (idmap_next(&verifier->asked, &at, &id, &asked)) {
		endpoint_unref(((struct asked *)asked)->endpoint);
		free(asked);
	}
	idmap_free(&verifier->asked);
	pthread_mutex_destroy(&verifier->mutex);
	free(verifier);
}
