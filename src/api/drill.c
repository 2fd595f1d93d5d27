/* A drill, {"drill": true} of a test: up to four requests, one after the other, and what their answers say about the endpoint
 * (model/drill.h). Each event goes the way of a test; when the last one is over, the verdict is stored with the endpoint. */
#include <stdlib.h>
#include <string.h>

#include "api/snippet.h"
#include "api/testing.h"
#include "base/mem.h"

struct drilled {
	int64_t event, delivery;
	enum drill_answer answer;
	struct strbuf attempt; /* as JSON; empty: there was none */
};

struct drilling {
	struct testing testing;
	enum drill stage; /* VALID, BAD_SIGNATURE, STALE: what is on its way */
	struct drilled drilled[DRILLS];
	/* The call is gone when the verdict is stored. */
	struct caller caller;
	int64_t only_subscriber;
	char *address;
	bool has_once;
	struct once once;
	struct drilling *next; /* of those that have a key, under the mutex of the tests */
};

static struct drilling *of(struct testing *testing)
{
	return CONTAINER_OF(testing, struct drilling, testing);
}

static void leave(struct drilling *drilling)
{
	struct tests *tests = &drilling->testing.api->tests;
	pthread_mutex_lock(&tests->mutex);
	struct drilling **link = &tests->drills;
	while (*link && *link != drilling)
		link = &(*link)->next;
	if (*link)
		*link = drilling->next;
	pthread_mutex_unlock(&tests->mutex);
}

static void drop(struct testing *testing)
{
	struct drilling *drilling = of(testing);
	leave(drilling);
	for (enum drill drill = DRILL_VALID; drill < DRILLS; drill++)
		strbuf_free(&drilling->drilled[drill].attempt);
	free(drilling->address);
	free(drilling);
}

/* ---- What was answered ---------------------------------------------------------------------------------------------------- */

static int delivery_found(void *context, const struct delivery_row *row)
{
	struct delivery_row *found = context;
	found->id = row->id;
	found->round = row->round;
	return 0;
}

struct attempts {
	struct drilling *drilling;
	const struct delivery_row *delivery;
};

static int attempt_found(void *context, const struct attempt_row *row)
{
	const struct attempts *attempts = context;
	enum drill drill = drill_of(row->round, row->number - 1);
	if (drill == DRILL_NONE)
		return 0;
	struct drilled *drilled = &attempts->drilling->drilled[drill];
	drilled->event = attempts->drilling->testing.item.event_id;
	drilled->delivery = attempts->delivery->id;
	drilled->answer = drill_answer_of(drill, row->failure, row->status);
	strbuf_free(&drilled->attempt);
	drilled->attempt = STRBUF_INIT(SMALL_BODY_MAX);
	put_attempt(&drilled->attempt, row, attempts->drilling->testing.outside);
	return 0;
}

static int read_attempts(struct drilling *drilling, struct store_reader *reader)
{
	struct testing *testing = &drilling->testing;
	struct delivery_row row = {.id = 0};
	struct page page = {.limit = 1};
	struct attempts attempts = {drilling, &row};
	if (reader_event_deliveries(reader, testing->item.event_id, &page, delivery_found, &row, &testing->err) < 0)
		return -1;
	return reader_attempts(reader, row.id, attempt_found, &attempts, &testing->err);
}

/* ---- The report ----------------------------------------------------------------------------------------------------------- */

static void put_request(struct strbuf *out, enum drill drill, const struct drilled *drilled)
{
	bool answered = drilled->answer == DRILL_ACCEPTED || drilled->answer == DRILL_REFUSED || drilled->answer == DRILL_BROKEN;
	bool good = drill_expects_success(drill) == (drilled->answer == DRILL_ACCEPTED);
	put_text(out, "{\"drill\":", slice_of(drill_text(drill)));
	put_text(out, ",\"expected\":", slice_of(drill_expects_success(drill) ? "accepted" : "refused"));
	strbuf_printf(out, ",\"as_expected\":%s", !answered ? "null" : good ? "true" : "false");
	put_id(out, ",\"event\":", ID_EVENT, drilled->event);
	put_id(out, ",\"delivery\":", ID_DELIVERY, drilled->delivery);
	strbuf_puts(out, ",\"attempt\":");
	if (drilled->attempt.len > 0)
		strbuf_slice(out, (struct slice){strbuf_text(&drilled->attempt), drilled->attempt.len});
	else
		strbuf_puts(out, "null");
	strbuf_putc(out, '}');
}

static void put_report(struct drilling *drilling, const struct drill_result *result, struct strbuf *out)
{
	const struct endpoint *endpoint = drilling->testing.item.only;
	put_id(out, "{\"endpoint\":", ID_ENDPOINT, endpoint->meta.id);
	put_text(out, ",\"verdict\":", slice_of(drill_verdict_text(result->verdict)));
	strbuf_puts(out, ",\"requests\":[");
	for (enum drill drill = DRILL_VALID; drill < DRILLS; drill++) {
		strbuf_puts(out, drill > DRILL_VALID ? "," : "");
		put_request(out, drill, &drilling->drilled[drill]);
	}
	strbuf_puts(out, "],\"findings\":");
	put_json(out, drill_findings_json(result->findings));
	strbuf_puts(out, ",\"insecure\":");
	put_json(out, drill_insecure_json(result));
	strbuf_puts(out, ",\"snippets\":");
	if (result->verdict == DRILL_PASSED || result->verdict == DRILL_UNREACHABLE)
		strbuf_puts(out, "null");
	else
		put_json(out, snippets_json(endpoint));
	strbuf_putc(out, '}');
}

static int store_verdict(struct drilling *drilling, struct drill_result *result)
{
	struct testing *testing = &drilling->testing;
	struct store_change change = {
	    .what = CHANGE_ENDPOINT_DRILL,
	    .id = testing->item.only->meta.id,
	    .only_subscriber = drilling->only_subscriber,
	    .drill = *result,
	    .caller = &drilling->caller,
	};
	int done = store_change(testing->api->config.store, &change);
	if (done < 0)
		testing->err = change.err;
	*result = change.drill;
	store_change_clear(&change);
	return done;
}

static void finish(struct drilling *drilling)
{
	struct testing *testing = &drilling->testing;
	struct http_response response = {.status = 200, .content_type = "application/json", .body = STRBUF_INIT(ANSWER_BYTES_MAX)};
	struct drill_result result = {.at_ms = 0};
	enum drill_answer answers[DRILLS];
	for (enum drill drill = DRILL_NONE; drill < DRILLS; drill++)
		answers[drill] = drilling->drilled[drill].answer;
	drill_judge(answers, &result);
	if (store_verdict(drilling, &result) == 0) {
		put_report(drilling, &result, &response.body);
		if (drilling->has_once)
			once_remember(testing->api, &drilling->once, &response, testing->request_id);
	}
	testing_answer(testing, &response);
}

/* ---- One after the other -------------------------------------------------------------------------------------------------- */

/* A copy of the event, which the store gives an id of its own: a receiver that knows the first one's would answer 2xx without a look at
 * the signature. */
static void send_next(struct drilling *drilling, enum drill stage)
{
	struct testing *testing = &drilling->testing;
	struct event_fields fields = testing->item.event->f;
	struct http_response none = {.status = 0};
	fields.time_ms = clock_wall_ms(testing->api->config.clock);
	struct event *event = event_new(&fields, testing->api->config.budget);
	if (!event) {
		err_set(&testing->err, ERR_UNAVAILABLE, "The hub has no memory for the next request of the drill now; try again");
		testing_answer(testing, &none);
		return;
	}
	event_unref(testing->item.event);
	drilling->stage = stage;
	testing->item.event = event;
	testing->item.test_round = drill_round(stage);
	testing_send(testing);
}

static void over(struct testing *testing, const struct worker *worker)
{
	struct drilling *drilling = of(testing);
	struct http_response none = {.status = 0};
	if (read_attempts(drilling, worker->reader) < 0) {
		testing_answer(testing, &none);
		return;
	}
	bool silent = false;
	for (enum drill drill = DRILL_VALID; drill < DRILLS; drill++)
		silent |= drilling->drilled[drill].answer == DRILL_SILENT || drilling->drilled[drill].answer == DRILL_NO_TOKEN;
	/* Whoever does not answer one is not waited for three times more. */
	if (silent || drilling->drilled[drilling->stage].answer == DRILL_NOT_SENT || drilling->stage == DRILL_STALE)
		finish(drilling);
	else
		send_next(drilling, drilling->stage == DRILL_VALID ? DRILL_BAD_SIGNATURE : DRILL_STALE);
}

/* A drill's key is remembered with its verdict; until then it stands in a list. */
static int enter(struct drilling *drilling, struct err *err)
{
	struct tests *tests = &drilling->testing.api->tests;
	pthread_mutex_lock(&tests->mutex);
	const struct drilling *twin = drilling->has_once ? tests->drills : NULL;
	while (twin && memcmp(twin->once.key, drilling->once.key, sizeof twin->once.key) != 0)
		twin = twin->next;
	bool same = twin && memcmp(twin->once.content, drilling->once.content, sizeof twin->once.content) == 0;
	if (!twin && drilling->has_once) {
		drilling->next = tests->drills;
		tests->drills = drilling;
	}
	pthread_mutex_unlock(&tests->mutex);
	if (!twin)
		return 0;
	if (!same)
		return err_set(err, ERR_KEY_REUSED, "This Idempotency-Key is in use for another request: another path or another body");
	err_set(err, ERR_IN_PROGRESS, "A drill with this Idempotency-Key is under way; ask again in a moment");
	err->retry_after_s = 1;
	return -1;
}

struct testing *drill_new(struct call *call, struct event *event)
{
	struct drilling *drilling = mem_new(struct drilling);
	drilling->testing = (struct testing){
	    .api = call->api, .item = {.event = event, .test = true, .test_round = drill_round(DRILL_VALID)}, .over = over, .drop = drop};
	drilling->stage = DRILL_VALID;
	drilling->only_subscriber = call->who.subscriber;
	call_actor(call, &drilling->caller);
	drilling->address = mem_text(drilling->caller.address);
	drilling->caller.address = drilling->address;
	drilling->caller.request_id = drilling->testing.request_id;
	drilling->has_once = call->once_state == ONCE_ENTERED;
	drilling->once = call->once;
	drilling->caller.once = drilling->has_once ? &drilling->once : NULL;
	if (enter(drilling, &call->err) == 0)
		return &drilling->testing;
	drop(&drilling->testing);
	return NULL;
}
