/* The world of the API's tests; see api_world.h. */
#include "api_world.h"

/* ---- The world ------------------------------------------------------------------------------------------------------------ */

atomic_llong clock_ahead_ms;

static int64_t wall_ms(void *context)
{
	(void)context;
	return clock_wall_ms(&clock_system) + atomic_load(&clock_ahead_ms);
}

static int64_t mono_us(void *context)
{
	(void)context;
	return clock_mono_us(&clock_system);
}

const struct clock test_clock = {.wall_ms = wall_ms, .mono_us = mono_us};

static void on_deliveries(void *context, struct store_deliveries *made)
{
	struct world *world = context;
	pthread_mutex_lock(&world->mutex);
	if (made->len > 0)
		world->last_made = made->due[made->len - 1];
	pthread_mutex_unlock(&world->mutex);
	event_unref(made->event);
	free(made);
}

static void on_event(void *context, int64_t id)
{
	const struct world *world = context;
	if (world->api)
		api_event(world->api, id);
}

static void on_due(void *context, int64_t endpoint, int64_t due_ms)
{
	struct world *world = context;
	(void)endpoint;
	(void)due_ms;
	pthread_mutex_lock(&world->mutex);
	world->due_calls++;
	pthread_cond_broadcast(&world->cond);
	pthread_mutex_unlock(&world->mutex);
}

static void on_endpoint(void *context, struct endpoint *endpoint)
{
	(void)context;
	(void)endpoint;
}

static void on_health(void *context, const char *why)
{
	(void)context;
	(void)why;
}

static void ready(void *context, char *why, size_t why_size)
{
	const struct world *world = context;
	snprintf(why, why_size, "%s", world->why);
}

/* ---- Requests ------------------------------------------------------------------------------------------------------------- */

static void take(struct answer *answer, struct http_response *response)
{
	answer->status = response->status;
	answer->body = strbuf_steal(&response->body, &answer->body_len);
	answer->json = answer->body ? json_loadb(answer->body, answer->body_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
	answer->response = *response;
}

/* The pages of a stream are put together. */
void http_page(struct http_stream *stream)
{
	struct http_exchange *exchange = stream->exchange;
	struct answer *answer = (struct answer *)(void *)exchange;
	strbuf_slice(&answer->pages, (struct slice){strbuf_text(&stream->page), stream->page.len});
	strbuf_free(&stream->page);
	if (!stream->last && !stream->broken) {
		stream->next(stream);
		return;
	}
	struct http_response whole = answer->response;
	whole.stream = NULL;
	whole.body = answer->pages;
	stream->end(stream);
	http_answer(exchange, &whole);
}

void http_answer(struct http_exchange *exchange, struct http_response *response)
{
	struct answer *answer = (struct answer *)(void *)exchange;
	if (response->stream) {
		answer->response = *response;
		answer->pages = STRBUF_INIT(64 * 1024 * 1024);
		response->stream->exchange = exchange;
		http_page(response->stream);
		return;
	}
	pthread_mutex_lock(&answer->mutex);
	assert_false(answer->given);
	take(answer, response);
	answer->given = true;
	pthread_cond_signal(&answer->cond);
	pthread_mutex_unlock(&answer->mutex);
}

static void add_header(struct http_request *request, const char *name, const char *value)
{
	if (value)
		request->headers[request->headers_len++] = (struct http_header){slice_of(name), slice_of(value)};
}

static void fill(struct http_request *request, const char *key, const char *method, const char *path, const char *body,
                 const struct extra *extra, char bearer[TEXT_MAX], char length[TEXT_MAX])
{
	const char *query = strchr(path, '?');
	request->method = slice_of(method);
	request->path = query ? (struct slice){path, (size_t)(query - path)} : slice_of(path);
	request->query = query ? slice_of(query + 1) : (struct slice){NULL, 0};
	request->body = slice_of(body);
	request->local = extra->local;
	snprintf(bearer, TEXT_MAX, "Bearer %s", key ? key : "");
	snprintf(length, TEXT_MAX, "%zu", body ? strlen(body) : 0);
	add_header(request, "authorization", key ? bearer : NULL);
	add_header(request, "content-length", body ? length : NULL);
	add_header(request, "content-type", body && !extra->media_type ? "application/json" : extra->media_type);
	add_header(request, extra->header ? extra->header : "", extra->header ? extra->value : NULL);
}

struct answer *ask_with(struct world *world, const char *key, const char *method, const char *path, const char *body,
                        const struct extra *extra)
{
	struct http_request *request = calloc(1, sizeof *request);
	struct http_response response = {.status = 0};
	struct answer *answer = calloc(1, sizeof *answer);
	char bearer[TEXT_MAX], length[TEXT_MAX];
	pthread_mutex_init(&answer->mutex, NULL);
	pthread_cond_init(&answer->cond, NULL);
	fill(request, key, method, path, body, extra, bearer, length);
	answer->cap = world->app.begin(world->app.context, request, &response);
	if (answer->cap < 0) {
		take(answer, &response);
	} else {
		assert_true(answer->cap >= (int64_t)request->body.len);
		world->app.handle(world->app.context, (struct http_exchange *)(void *)answer, request);
		pthread_mutex_lock(&answer->mutex);
		while (!answer->given)
			pthread_cond_wait(&answer->cond, &answer->mutex);
		pthread_mutex_unlock(&answer->mutex);
	}
	free(request);
	return answer;
}

struct answer *ask(struct world *world, const char *key, const char *method, const char *path, const char *body)
{
	return ask_with(world, key, method, path, body, &(struct extra){.local = false});
}

struct answer *ask_in_process(struct world *world, const char *method, const char *path, const char *body)
{
	struct http_request *request = calloc(1, sizeof *request);
	struct http_response response;
	struct answer *answer = calloc(1, sizeof *answer);
	char bearer[TEXT_MAX], length[TEXT_MAX];
	pthread_mutex_init(&answer->mutex, NULL);
	pthread_cond_init(&answer->cond, NULL);
	fill(request, NULL, method, path, body, &(struct extra){.local = true}, bearer, length);
	api_call(world->api, request, &response);
	take(answer, &response);
	free(request);
	return answer;
}

void done(struct answer *answer)
{
	json_decref(answer->json);
	free(answer->body);
	pthread_mutex_destroy(&answer->mutex);
	pthread_cond_destroy(&answer->cond);
	free(answer);
}

const char *text(const struct answer *answer, const char *name)
{
	const char *value = json_string_value(json_object_get(answer->json, name));
	return value ? value : "";
}

int64_t number(const struct answer *answer, const char *name)
{
	return json_integer_value(json_object_get(answer->json, name));
}

const json_t *data(const struct answer *answer)
{
	return json_object_get(answer->json, "data");
}

const char *header(const struct answer *answer, const char *name)
{
	for (unsigned i = 0; i < answer->response.headers_len; i++)
		if (strcmp(answer->response.headers[i].name, name) == 0)
			return answer->response.headers[i].value;
	return "";
}

struct answer *must(int status, struct answer *answer)
{
	if (answer->status != status)
		fail_msg("status %d, not %d: %s", answer->status, status, answer->body ? answer->body : "");
	return answer;
}

void refused(int status, const char *code, const char *pointer, struct answer *answer)
{
	must(status, answer);
	assert_string_equal(text(answer, "code"), code);
	const json_t *field = json_array_get(json_object_get(answer->json, "errors"), 0);
	const char *got = json_string_value(json_object_get(field, "pointer"));
	if (pointer && (!got || strcmp(got, pointer) != 0))
		fail_msg("pointer %s, not %s: %s", got ? got : "(none)", pointer, answer->body);
	done(answer);
}

void keep(char out[64], const char *value)
{
	assert_true(strlen(value) > 0 && strlen(value) < 64);
	snprintf(out, 64, "%s", value);
}

void make(struct world *world, const char *path, const char *body, const char *member, char out[64])
{
	struct answer *answer = must(201, ask(world, world->admin, "POST", path, body));
	keep(out, text(answer, member));
	done(answer);
}

void make_key(struct world *world, const char *body, char out[64])
{
	make(world, "/v1/keys", body, "key", out);
}

char *path_of(const char *before, const char *id, const char *after)
{
	static _Thread_local char paths[4][TEXT_MAX];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, TEXT_MAX, "%s%s%s", before, id, after);
	return path;
}

/* ---- Set up --------------------------------------------------------------------------------------------------------------- */

static void start_store(struct world *world)
{
	struct err err = {.code = ERR_NONE};
	struct store_config config = {
	    .data_dir = world->dir,
	    .dedupe_window_ms = 3600000,
	    .clock = &test_clock,
	    .master = &world->master,
	    .index = world->index,
	    .keyring = world->keyring,
	    .listener = {.context = world,
	                 .deliveries = on_deliveries,
	                 .event = on_event,
	                 .due = on_due,
	                 .endpoint = on_endpoint,
	                 .health = on_health},
	};
	world->store = store_open(&config, &err);
	if (!world->store || store_start(world->store, &err) < 0)
		fail_msg("%s", err.detail);
}

static void start_api(struct world *world)
{
	struct err err = {.code = ERR_NONE};
	struct api_config config = {
	    .store = world->store,
	    .index = world->index,
	    .keyring = world->keyring,
	    .budget = &world->budget,
	    .clock = &test_clock,
	    .master = &world->master,
	    .egress = world->egress,
	    .dns_servers = "127.0.0.1:1", /* nobody answers there */
	    .ingest = {.store = world->store,
	               .index = world->index,
	               .budget = &world->budget,
	               .clock = &test_clock,
	               .item_bytes_max = 1 << 20,
	               .batch_items_max = 100,
	               .depth_max = 64},
	    .request_bytes_max = 1 << 20,
	    .secret_overlap_ms = 60000,
	    .session_lifetime_ms = 12 * 3600000,
	    .session_idle_ms = 3600000,
	    .pool_threads = 2,
	    .ready = ready,
	    .ready_context = world,
	};
	world->api = api_start(&config, &err);
	if (!world->api)
		fail_msg("%s", err.detail);
	world->app = api_app(world->api);
}

int world_set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct err err = {.code = ERR_NONE};
	snprintf(world->dir, sizeof world->dir, "/tmp/grapnel-api-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	pthread_mutex_init(&world->mutex, NULL);
	pthread_cond_init(&world->cond, NULL);
	atomic_store(&clock_ahead_ms, 0);
	budget_init(&world->budget, 64 << 20);
	endpoint_defaults.retry = retry_policy_default();
	endpoint_defaults.timeout_ms = 15000;
	endpoint_defaults.max_in_flight = 8;
	memset(&world->master, 7, sizeof world->master);
	world->index = index_new();
	world->keyring = keyring_new();
	world->egress = egress_new(&(struct egress_rules){.allow = "192.0.2.0/24"}, &err);
	assert_non_null(world->egress);
	start_store(world);
	start_api(world);
	/* The first key is made as the administrator on this machine. */
	struct answer *answer =
	    must(201, ask_with(world, NULL, "POST", "/v1/keys", "{\"scopes\":[\"admin\"]}", &(struct extra){.local = true}));
	keep(world->admin, text(answer, "key"));
	done(answer);
	*state = world;
	return 0;
}

int world_tear_down(void **state)
{
	struct world *world = *state;
	static const char *const files[] = {"grapnel.db", "grapnel.db-wal", "grapnel.db-shm", ""};
	api_stop(world->api);
	api_free(world->api);
	store_stop(world->store);
	store_close(world->store);
	egress_free(world->egress);
	keyring_free(world->keyring);
	index_free(world->index);
	assert_int_equal(budget_used(&world->budget), 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", world->dir, files[i]);
		remove(path);
	}
	pthread_mutex_destroy(&world->mutex);
	pthread_cond_destroy(&world->cond);
	free(world);
	return 0;
}
