/* POST /v1/endpoints/{id}/test: makes and sends a test event, and answers with the attempt when it is over; with "drill", drill.c goes on
 * from there. testing.h tells how it waits. */
#include <stdlib.h>

#include "api/testing.h"
#include "base/mem.h"
#include "json/scan.h"
#include "model/check.h"

enum { TEST_TEXT_MAX = 512 };

#define UNVERIFIED "The endpoint is not verified, and gets nothing before it is: POST …/verify asks it again"

/* ---- The end -------------------------------------------------------------------------------------------------------------- */

static void release(struct testing *testing)
{
	endpoint_unref(testing->item.only);
	event_unref(testing->item.event);
	index_targets_clear(&testing->item.targets);
	testing->drop(testing);
}

static void drop(struct testing *testing)
{
	free(testing);
}

void testing_answer(struct testing *testing, struct http_response *response)
{
	struct tests *tests = &testing->api->tests;
	if (testing->err.code != ERR_NONE)
		problem_respond(response, &testing->err, testing->request_id);
	pthread_mutex_lock(&tests->mutex);
	tests->len--;
	pthread_mutex_unlock(&tests->mutex);
	http_answer(testing->exchange, response);
	release(testing);
}

static int delivery_found(void *context, const struct delivery_row *row)
{
	struct delivery_row *found = context;
	found->id = row->id;
	found->state = row->state;
	return 0;
}

struct found {
	struct strbuf *out;
	bool outside;
};

static int attempt_found(void *context, const struct attempt_row *row)
{
	const struct found *found = context;
	put_attempt(found->out, row, found->outside);
	return 1;
}

/* As it is stored, so that a look at the delivery says the same. */
static void read_and_answer(struct testing *testing, const struct worker *worker)
{
	struct http_response response = {.status = 200, .content_type = "application/json", .body = STRBUF_INIT(SMALL_BODY_MAX)};
	struct strbuf *out = &response.body;
	struct found found = {out, testing->outside};
	struct delivery_row row = {.id = 0};
	struct page page = {.limit = 1};
	int64_t event = testing->item.event_id;
	if (reader_event_deliveries(worker->reader, event, &page, delivery_found, &row, &testing->err) == 0) {
		put_id(out, "{\"event\":", ID_EVENT, event);
		put_id(out, ",\"delivery\":", ID_DELIVERY, row.id);
		put_text(out, ",\"state\":", slice_of(delivery_state_text(row.state)));
		strbuf_puts(out, ",\"attempt\":");
		size_t before = out->len;
		if (reader_attempts(worker->reader, row.id, attempt_found, &found, &testing->err) == 0 && out->len == before)
			strbuf_puts(out, "null");
		if (testing->item.duplicate && row.state == DELIVERY_PENDING)
			err_set(&testing->err, ERR_IN_PROGRESS, "A test with this Idempotency-Key is under way; ask again in a moment");
		else if (testing->item.duplicate)
			http_response_header(&response, "Idempotent-Replayed", "true");
		strbuf_putc(out, '}');
	}
	testing_answer(testing, &response);
}

static void run_over(struct pool_job *job, void *thread_context)
{
	struct testing *testing = CONTAINER_OF(job, struct testing, job);
	testing->over(testing, thread_context);
}

/* What was wrong before an attempt was made. Any thread. */
static void answer_problem(struct testing *testing, enum err_code code, const char *why)
{
	struct http_response response = {.status = 0};
	err_set(&testing->err, code, "%s", why);
	testing_answer(testing, &response);
}

void api_tested(struct api *api, int64_t event)
{
	struct testing **at = &api->tests.first;
	pthread_mutex_lock(&api->tests.mutex);
	while (*at && (*at)->item.event_id != event)
		at = &(*at)->next;
	struct testing *testing = *at;
	if (testing)
		*at = testing->next;
	pthread_mutex_unlock(&api->tests.mutex);
	if (!testing)
		return;
	testing->job.run = run_over;
	if (pool_post(api->pool, &testing->job) < 0)
		answer_problem(testing, ERR_UNAVAILABLE, "The test was sent, but too many requests wait for its result to be read");
}

void api_break_off(struct api *api, bool stopping, const char *why)
{
	if (!api)
		return;
	pthread_mutex_lock(&api->tests.mutex);
	struct testing *testing = api->tests.first;
	api->tests.first = NULL;
	api->tests.closed |= stopping;
	pthread_mutex_unlock(&api->tests.mutex);
	for (struct testing *next; testing; testing = next) {
		next = testing->next;
		answer_problem(testing, ERR_UNAVAILABLE, why);
	}
}

/* ---- The beginning -------------------------------------------------------------------------------------------------------- */

/* The same Idempotency-Key: nothing is sent again, and the answer is what became of the first one. */
static void answer_repeated(struct testing *testing)
{
	testing->job.run = run_over;
	if (pool_post(testing->api->pool, &testing->job) < 0)
		answer_problem(testing, ERR_UNAVAILABLE, "Too many requests wait already: try again");
}

static void published(struct store_cmd *cmd)
{
	struct testing *testing = CONTAINER_OF(cmd, struct testing, publish.cmd);
	struct tests *tests = &testing->api->tests;
	enum err_code fate = cmd->fate != ERR_NONE ? cmd->fate : testing->item.fate;
	if (fate == ERR_NONE && testing->item.duplicate) {
		answer_repeated(testing);
		return;
	}
	if (fate != ERR_NONE) {
		answer_problem(testing, fate,
		               fate == ERR_ENDPOINT_DISABLED ? "The endpoint is disabled: resume it first"
		               : fate == ERR_NOT_FOUND       ? "The endpoint was deleted meanwhile"
		               : fate == ERR_WRONG_STATE     ? UNVERIFIED
		               : fate == ERR_KEY_REUSED      ? "This Idempotency-Key was used for another test: another path or another body"
		                                             : "The store cannot be written now, so nothing was sent: try again");
		return;
	}
	pthread_mutex_lock(&tests->mutex);
	bool closed = tests->closed;
	if (!closed) {
		testing->next = tests->first;
		tests->first = testing;
	}
	pthread_mutex_unlock(&tests->mutex);
	if (closed)
		answer_problem(testing, ERR_UNAVAILABLE, "the hub is stopping");
}

void testing_send(struct testing *testing)
{
	testing->publish = (struct store_publish){
	    .cmd = {.kind = STORE_PUBLISH, .done = published}, .items_len = 1, .items = &testing->item};
	store_post(testing->api->config.store, &testing->publish.cmd);
}

static int read_drill(struct call *call, struct slice value, struct test_request *asked)
{
	enum json_kind kind = json_kind_of(value);
	if (asked->drill_given || (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE))
		return err_field(&call->err, ERR_INVALID, "/drill", "must be true or false, given once");
	asked->drill_given = true;
	asked->drill = kind == JSON_KIND_TRUE;
	return 0;
}

static int read_member(struct call *call, struct slice key, struct slice value, struct test_request *asked)
{
	if (json_string_is(key, "data")) {
		if (asked->data.at)
			return err_field(&call->err, ERR_INVALID, "/data", "is given twice");
		asked->data = value;
		return 0;
	}
	if (json_string_is(key, "drill"))
		return read_drill(call, value, asked);
	struct strbuf *text = call_text(call, TEST_TEXT_MAX);
	if (!json_string_is(key, "type")) {
		char pointer[ERR_POINTER_MAX];
		check_member(pointer, "", json_decode(key, text) < 0 ? "…" : strbuf_text(text));
		return err_field(&call->err, ERR_INVALID, pointer, "is not known here; these are: type data drill");
	}
	if (asked->type.at || json_kind_of(value) != JSON_KIND_STRING || json_decode(value, text) < 0)
		return err_field(&call->err, ERR_INVALID, "/type", "must be a string, given once: an event type");
	asked->type = (struct slice){strbuf_text(text), text->len};
	return slice_is(asked->type, "grapnel.test") ? 0 : event_type_check(asked->type, "/type", &call->err);
}

/* The data's bytes are kept, as those of any event. */
static int read_body(struct call *call, struct test_request *asked)
{
	struct json_scan scan;
	struct slice key, value;
	if (call->request->body.len == 0)
		return 0;
	json_scan_init(&scan, call->request->body, call->api->config.ingest.depth_max + 1);
	if (json_peek(&scan) != JSON_KIND_OBJECT && json_peek(&scan) != JSON_KIND_NONE)
		return err_field(&call->err, ERR_INVALID, "", "the body must be a JSON object");
	int found = json_open_object(&scan) < 0 ? -1 : 1;
	while (found > 0 && (found = json_member(&scan, &key, &value)) > 0)
		if (read_member(call, key, value, asked) < 0)
			return -1;
	if (found == 0 && json_end(&scan) == 0)
		return 0;
	return err_set(&call->err, ERR_UNPARSABLE, "The JSON is broken at byte offset %zu: %s", (size_t)(scan.at - scan.begin),
	               scan.why ? scan.why : "more follows after the value");
}

static struct slice default_data(struct call *call, const struct endpoint *endpoint)
{
	struct strbuf *text = call_text(call, TEST_TEXT_MAX);
	put_text(text, "{\"message\":", SLICE_LITERAL("a test, sent by hand"));
	put_id(text, ",\"endpoint\":", ID_ENDPOINT, endpoint->meta.id);
	put_time(text, ",\"time\":", call_now_ms(call));
	strbuf_putc(text, '}');
	return (struct slice){strbuf_text(text), text->len};
}

/* Tests hold memory and a connection for as long as an endpoint takes its time: few at once. */
static int take_place(struct call *call)
{
	struct tests *tests = &call->api->tests;
	pthread_mutex_lock(&tests->mutex);
	bool room = tests->len < TESTS_MAX && !tests->closed;
	tests->len += room;
	pthread_mutex_unlock(&tests->mutex);
	if (room)
		return 0;
	return err_set(&call->err, ERR_UNAVAILABLE, "%d tests are under way already: try again when one has ended", TESTS_MAX);
}

/* A test is an event: its Idempotency-Key is remembered as that of an event is, in the transaction that stores it. */
static void take_key(struct call *call, struct publish_item *item)
{
	const struct once *once = call_once_take(call);
	if (!once)
		return;
	item->keys_len = 1;
	memcpy(item->keys[0].hash, once->key, sizeof item->keys[0].hash);
	memcpy(item->content, once->content, sizeof item->content);
}

static struct event *make_event(struct call *call, const struct endpoint *endpoint, const struct test_request *asked)
{
	struct event_fields fields = {
	    .request = call->request->number,
	    .subscriber = endpoint->meta.subscriber,
	    .time_ms = call_now_ms(call),
	    .type = asked->type.at ? asked->type : SLICE_LITERAL("grapnel.test"),
	    .content_type = SLICE_LITERAL("application/json"),
	    .data = asked->data.at ? asked->data : default_data(call, endpoint),
	};
	return event_new(&fields, call->api->config.budget);
}

static struct testing *test_new(struct call *call, struct event *event)
{
	struct testing *testing = mem_new(struct testing);
	*testing = (struct testing){.api = call->api, .item = {.event = event, .test = true}, .over = read_and_answer, .drop = drop};
	return testing;
}

static int start(struct call *call, struct endpoint *endpoint)
{
	struct test_request asked = {.drill = false};
	if (read_body(call, &asked) < 0)
		return -1;
	if (endpoint->meta.status == ENDPOINT_DISABLED)
		return err_set(&call->err, ERR_ENDPOINT_DISABLED, "The endpoint is disabled: resume it first");
	if (endpoint_unverified(endpoint))
		return err_set(&call->err, ERR_WRONG_STATE, UNVERIFIED);
	struct event *event = make_event(call, endpoint, &asked);
	if (!event)
		return err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this request now; try again");
	struct testing *testing = asked.drill ? drill_new(call, event) : test_new(call, event);
	if (!testing || take_place(call) < 0) {
		if (testing)
			testing->drop(testing);
		event_unref(event);
		return -1;
	}
	testing->exchange = call->exchange;
	testing->item.only = endpoint_ref(endpoint);
	testing->outside = call->who.subscriber != 0;
	memcpy(testing->request_id, call->request->id, sizeof testing->request_id);
	if (!asked.drill)
		take_key(call, &testing->item);
	/* From here on the exchange may be answered at any moment. */
	call->later = true;
	testing_send(testing);
	return 0;
}

int endpoints_test(struct call *call)
{
	struct endpoint *endpoint;
	if (!call->exchange)
		return err_set(&call->err, ERR_UNAVAILABLE, "A test needs the running hub: grapnel serve");
	if (resolve_endpoint_path(call, &endpoint) < 0)
		return -1;
	int result = start(call, endpoint);
	endpoint_unref(endpoint);
	return result;
}
