/* The API's front: finds the route, authenticates, authorises, checks the body's form, and dispatches to loop or pool. */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/call.h"
#include "api/cookie.h"
#include "api/door.h"
#include "api/wait.h"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"

enum { POOL_QUEUE_MAX = 1024, ALLOW_SIZE = 128 };

static const struct route routes[] = {
#define ROUTE(method, path, scope, where, body, query, handler, summary)                                                                   \
	{#method, path, ROUTE_##scope, WHERE_##where, BODY_##body, query, handler, summary},
#include "api/routes.def"
#undef ROUTE
};

enum { ROUTES = sizeof routes / sizeof *routes };

static struct route_pattern patterns[ROUTES];
static enum metric_route kinds[ROUTES]; /* what they are counted as */

/* What begin() found out about a request, kept in its app_words until handle(). */
struct admitted {
	const struct route *route;
	struct principal who;
};

enum { WORD_ROUTE, WORD_KEY, WORD_SCOPES, WORD_SUBSCRIBER, WORD_ADMIN };

/* ---- Admission ------------------------------------------------------------------------------------------------------------ */

static bool is_health(const struct http_request *request)
{
	return slice_is(request->path, "/healthz") || slice_is(request->path, "/readyz");
}

/* A probe behind the address of a proxy or a gateway must not take the hub for dead because others there send much. Its answer costs no more
 * than the 429 would: no lookup, no store. */
static bool counts(const struct http_request *request)
{
	return !is_health(request) || !slice_is(request->method, "GET");
}

/* What faces the internet shows its own side alone: not even which paths there are elsewhere. */
static bool served(const struct http_request *request)
{
	static const char door[] = "/in/";
	bool is_door = request->path.len >= sizeof door - 1 && memcmp(request->path.at, door, sizeof door - 1) == 0;
	return request->role == HTTP_ALL || is_health(request) || is_door == (request->role == HTTP_PUBLIC);
}

static int find_route(struct api *api, const struct http_request *request, const struct route **route,
                      struct slice params[ROUTE_PARAMS_MAX], char allow[ALLOW_SIZE], struct err *err)
{
	size_t at = 0;
	allow[0] = '\0';
	enum route_found found = ROUTE_NO_PATH;
	if (served(request))
		found = router_find(api->router, request->method, request->path, &at, params, allow, ALLOW_SIZE);
	if (found == ROUTE_NO_METHOD)
		return err_set(err, ERR_METHOD, "This path takes %s", allow);
	/* A local route does not exist for the network. */
	if (found == ROUTE_NO_PATH || (routes[at].scope == ROUTE_LOCAL && !request->local))
		return err_set(err, ERR_NO_ROUTE, "There is no route of this path");
	*route = &routes[at];
	return 0;
}

/* By the cookie of a session: 1, 0: there is none that lives, -1: it may not do this. */
static int authenticate_session(struct api *api, const struct http_request *request, struct principal *who, struct err *err)
{
	struct slice token = cookie_token(request);
	struct session session;
	if (!token.at || !sessions_find(api->sessions, token, clock_wall_ms(api->config.clock), &session))
		return 0;
	*who = (struct principal){.scopes = SCOPE_ADMIN, .admin = session.admin};
	return cookie_check(request, &session, err) < 0 ? -1 : 1;
}

/* Keys are 160 bits drawn by lot: this bounds what wrong ones cost, not what they may find. So the right one is good all the same: another's
 * failures behind the same address lock out nobody. */
static int refuse_key(struct api *api, const struct http_request *request, struct err *err)
{
	int64_t wait_ms = rates_take(api->key_failures, request->peer_key, clock_mono_us(api->config.clock));
	log_told(refused_key, LOG_FIELDS(.request = request->number, .peer = request->peer), "a wrong API key was shown");
	if (wait_ms == 0)
		return err_set(err, ERR_UNAUTHENTICATED, "Send a valid API key: Authorization: Bearer gk_…");
	err_set(err, ERR_THROTTLED, "Too many wrong API keys came from this address: try again later");
	err->retry_after_s = (int)((wait_ms + 999) / 1000);
	return -1;
}

/* One answer for missing, malformed, unknown, revoked and expired keys. A key goes before a cookie. */
static int authenticate(struct api *api, const struct http_request *request, struct principal *who, struct err *err)
{
	static const char scheme[] = "Bearer ";
	struct slice value = http_header(request, "Authorization");
	struct key key;
	if (request->local) {
		*who = (struct principal){.scopes = SCOPE_ADMIN};
		return 0;
	}
	if (value.len > sizeof scheme - 1 && strncasecmp(value.at, scheme, sizeof scheme - 1) == 0) {
		struct slice text = {value.at + sizeof scheme - 1, value.len - (sizeof scheme - 1)};
		while (text.len > 0 && text.at[0] == ' ')
			text = (struct slice){text.at + 1, text.len - 1};
		if (keyring_check(api->config.keyring, text, clock_wall_ms(api->config.clock), &key)) {
			*who = (struct principal){.key = key.id, .scopes = key.scopes, .subscriber = key.subscriber};
			return 0;
		}
		if (text.len > 0)
			return refuse_key(api, request, err);
	}
	if (!value.at) {
		int found = authenticate_session(api, request, who, err);
		if (found != 0)
			return found < 0 ? -1 : 0;
	}
	return err_set(err, ERR_UNAUTHENTICATED, "Send a valid API key: Authorization: Bearer gk_…");
}

static int authorise(const struct route *route, const struct principal *who, struct err *err)
{
	enum key_scope needed = (enum key_scope)route->scope;
	if (key_allows(who->scopes, needed))
		return 0;
	return err_set(err, ERR_FORBIDDEN, "This needs a key with the scope %s", key_scope_text(needed));
}

bool media_type_is(struct slice value, const char *wanted)
{
	size_t len = strlen(wanted);
	if (value.len < len || strncasecmp(value.at, wanted, len) != 0)
		return false;
	return value.len == len || value.at[len] == ';' || value.at[len] == ' ' || value.at[len] == '\t';
}

static int check_media_type(const struct route *route, const struct http_request *request, struct err *err)
{
	struct slice length = http_header(request, "Content-Length");
	struct slice type = http_header(request, "Content-Type");
	bool body = http_header(request, "Transfer-Encoding").at || (length.at && !slice_is(length, "0"));
	if (!body || route->body == BODY_NONE || route->body == BODY_DOOR || (request->local && !type.at))
		return 0;
	struct slice encoding = http_header(request, "Content-Encoding");
	if (encoding.at && (encoding.len != strlen("identity") || strncasecmp(encoding.at, "identity", encoding.len) != 0))
		return err_set(err, ERR_MEDIA_TYPE, "Bodies are taken as they are, without a Content-Encoding");
	if (route->body == BODY_PUBLISH) {
		enum ingest_form form;
		return events_form(request, true, &form, err);
	}
	if (media_type_is(type, "application/json") ||
	    (strcmp(route->method, "PATCH") == 0 && media_type_is(type, "application/merge-patch+json")))
		return 0;
	return err_set(err, ERR_MEDIA_TYPE, "The Content-Type must be application/json");
}

static int admit(struct api *api, const struct http_request *request, struct admitted *admitted, char allow[ALLOW_SIZE], struct err *err)
{
	struct slice params[ROUTE_PARAMS_MAX];
	if (find_route(api, request, &admitted->route, params, allow, err) < 0)
		return -1;
	admitted->who = (struct principal){.scopes = SCOPE_NONE};
	if (admitted->route->scope == ROUTE_PUBLIC)
		return check_media_type(admitted->route, request, err);
	if (authenticate(api, request, &admitted->who, err) < 0)
		return -1;
	if (admitted->route->scope != ROUTE_LOCAL && authorise(admitted->route, &admitted->who, err) < 0)
		return -1;
	return check_media_type(admitted->route, request, err);
}

static void refuse(const struct http_request *request, struct http_response *response, const struct err *err, const char *allow)
{
	problem_respond(response, err, request->id);
	if (err->code == ERR_METHOD)
		http_response_header(response, "Allow", allow);
}

static int64_t body_max(const struct api *api, const struct route *route)
{
	switch (route->body) {
	case BODY_NONE:
		return NO_BODY_MAX;
	case BODY_SMALL:
	case BODY_OPTIONAL:
		return SMALL_BODY_MAX;
	case BODY_DOOR:
		return SOURCE_BODY_MAX; /* each source has its own: door_begin() */
	case BODY_PUBLISH:
		break;
	}
	return (int64_t)api->config.request_bytes_max;
}

static int64_t app_begin(void *context, const struct http_request *request, struct http_response *response)
{
	struct api *api = context;
	struct admitted admitted = {.route = NULL};
	struct err err = {.code = ERR_NONE};
	char allow[ALLOW_SIZE];
	int result = admit(api, request, &admitted, allow, &err);
	/* The words are the application's part of a request that is otherwise read-only; one that waited stays what it was. */
	struct http_request *ours = (struct http_request *)request;
	if (admitted.route && ours->kind == ROUTE_KIND_OTHER)
		ours->kind = kinds[admitted.route - routes];
	if (result < 0) {
		refuse(request, response, &err, allow);
		return -1;
	}
	int64_t *words = ours->app_words;
	words[WORD_ROUTE] = admitted.route - routes;
	words[WORD_KEY] = admitted.who.key;
	words[WORD_SCOPES] = admitted.who.scopes;
	words[WORD_SUBSCRIBER] = admitted.who.subscriber;
	words[WORD_ADMIN] = admitted.who.admin;
	return admitted.route->body == BODY_DOOR ? door_begin(api, request, response) : body_max(api, admitted.route);
}

static void app_too_large(void *context, const struct http_request *request)
{
	if (routes[request->app_words[WORD_ROUTE]].body == BODY_DOOR)
		door_too_large(context, request);
}

static struct admitted admitted_before(const struct http_request *request)
{
	const int64_t *words = request->app_words;
	return (struct admitted){
	    .route = &routes[words[WORD_ROUTE]],
	    .who = {.key = words[WORD_KEY],
	            .scopes = (unsigned)words[WORD_SCOPES],
	            .subscriber = words[WORD_SUBSCRIBER],
	            .admin = words[WORD_ADMIN]},
	};
}

/* ---- Dispatch ------------------------------------------------------------------------------------------------------------- */

/* A client that always sends "{}" with a POST means no harm. */
static int check_no_body(struct call *call)
{
	struct slice body = call->request->body;
	char kept[3] = "";
	size_t len = 0;
	for (size_t i = 0; i < body.len && len < sizeof kept; i++)
		if (!memchr(" \t\r\n", body.at[i], 4))
			kept[len++] = body.at[i];
	if (len == 0 || (len == 2 && memcmp(kept, "{}", 2) == 0))
		return 0;
	return err_set(&call->err, ERR_BAD_REQUEST, "This takes no body");
}

static int dispatch(struct call *call)
{
	char allow[ALLOW_SIZE];
	const struct route *route;
	/* begin() found it already; here it is about the parameters. */
	if (strchr(call->route->path, '{') && find_route(call->api, call->request, &route, call->params, allow, &call->err) < 0)
		return -1;
	/* At a door the query is the provider's. */
	bool free_query = strcmp(call->route->query, "*") == 0;
	if ((!free_query && call_query(call) < 0) || (call->route->body == BODY_NONE && check_no_body(call) < 0))
		return -1;
	int begun = call_once_begin(call);
	if (begun)
		return begun < 0 ? -1 : 0;
	return call->route->handler(call) < 0 ? -1 : call_read_condition(call);
}

/* Runs the handler; whatever it leaves unsaid becomes a problem. */
static void run(struct call *call)
{
	struct http_response *response = call->response;
	int result = dispatch(call);
	if (!call->later && result == 0 && response->body.failed)
		result = err_set(&call->err, ERR_UNAVAILABLE, "The hub has no memory for this answer now; ask for less");
	call_once_end(call, result);
	if (result < 0)
		problem_respond(response, &call->err, call->request->id);
	call_end(call);
}

struct api_job {
	struct pool_job job;
	struct api *api;
	struct http_exchange *exchange;
	const struct http_request *request;
};

static void run_exchange(struct api *api, struct http_exchange *exchange, const struct http_request *request, struct worker *worker)
{
	struct admitted admitted = admitted_before(request);
	struct http_response response = {.status = 0};
	struct call call = {
	    .api = api,
	    .request = request,
	    .exchange = exchange,
	    .route = admitted.route,
	    .who = admitted.who,
	    .worker = worker,
	    .response = &response,
	};
	run(&call);
	if (call.later)
		return;
	struct waiter *waiter = request->app_state;
	http_answer(exchange, &response);
	free(waiter);
}

/* A request that waited looks again; its key may have been revoked meanwhile. */
static void run_waiter(struct pool_job *pool_job, void *thread_context)
{
	struct waiter *waiter = CONTAINER_OF(pool_job, struct waiter, job);
	struct http_response response = {.status = 0};
	if (app_begin(waiter->api, waiter->request, &response) >= 0) {
		run_exchange(waiter->api, waiter->exchange, waiter->request, thread_context);
		return;
	}
	http_answer(waiter->exchange, &response);
	free(waiter);
}

static int post_waiter(void *context, struct waiter *waiter)
{
	const struct api *api = context;
	waiter->job = (struct pool_job){.run = run_waiter};
	return pool_post(api->pool, &waiter->job);
}

static void run_job(struct pool_job *pool_job, void *thread_context)
{
	struct api_job *job = CONTAINER_OF(pool_job, struct api_job, job);
	run_exchange(job->api, job->exchange, job->request, thread_context);
	free(job);
}

static void app_handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct api *api = context;
	if (admitted_before(request).route->where == WHERE_LOOP) {
		run_exchange(api, exchange, request, NULL);
		return;
	}
	struct api_job *job = mem_new(struct api_job);
	*job = (struct api_job){.job = {.run = run_job}, .api = api, .exchange = exchange, .request = request};
	if (pool_post(api->pool, &job->job) == 0)
		return;
	struct http_response response = {.status = 0};
	struct err err = {.code = ERR_NONE};
	free(job);
	err_set(&err, ERR_UNAVAILABLE, "Too many requests wait already: try again");
	problem_respond(&response, &err, request->id);
	http_answer(exchange, &response);
}

/* ---- Start and stop ------------------------------------------------------------------------------------------------------- */

static void worker_drop(void *context)
{
	struct worker *worker = context;
	resolver_free(worker->resolver);
	reader_close(worker->reader);
	free(worker);
}

static void *worker_make(void *argument, struct err *err)
{
	struct api *api = argument;
	struct worker *worker = mem_new(struct worker);
	worker->reader = reader_open(api->config.store, err);
	if (worker->reader)
		worker->resolver = resolver_new(api->config.dns_servers, api->config.clock, -1, err);
	if (worker->resolver)
		return worker;
	reader_close(worker->reader);
	free(worker);
	return NULL;
}

/* Of what waits for something that may be far off the time says nothing. */
static enum metric_route kind_of(const struct route *route)
{
	static const char api[] = "/v1/", local[] = "/local/", door[] = "/in/";
	if (route->body == BODY_PUBLISH)
		return ROUTE_KIND_PUBLISH;
	if (strcmp(route->path, "/metrics") == 0)
		return ROUTE_KIND_METRICS;
	if (strcmp(route->path, "/healthz") == 0 || strcmp(route->path, "/readyz") == 0)
		return ROUTE_KIND_HEALTH;
	if (strcmp(route->path, "/v1/endpoints/{id}/test") == 0)
		return ROUTE_KIND_WAIT;
	if (strncmp(route->path, door, sizeof door - 1) == 0)
		return ROUTE_KIND_DOOR;
	bool of_api = strncmp(route->path, api, sizeof api - 1) == 0 || strncmp(route->path, local, sizeof local - 1) == 0;
	return of_api ? ROUTE_KIND_API : ROUTE_KIND_PAGE;
}

struct api *api_start(const struct api_config *config, struct err *err)
{
	struct api *api = mem_new(struct api);
	api->config = *config;
	pthread_mutex_init(&api->tests.mutex, NULL);
	pthread_mutex_init(&api->once_mutex, NULL);
	for (size_t i = 0; i < ROUTES; i++) {
		patterns[i] = (struct route_pattern){routes[i].method, routes[i].path};
		kinds[i] = kind_of(&routes[i]);
	}
	scrape_start(api);
	api->router = router_new(patterns, ROUTES);
	api->sessions = sessions_new(config->session_lifetime_ms, config->session_idle_ms);
	api->throttle = throttle_new();
	api->key_failures = rates_new(config->key_failures_per_ip, 60 * 1000);
	api->pool = pool_start("api", config->pool_threads, POOL_QUEUE_MAX, worker_make, worker_drop, api, err);
	if (api->pool)
		api->waiters = waiters_start(config->clock, post_waiter, api, err);
	if (api->waiters)
		return api;
	if (api->pool)
		pool_stop(api->pool);
	api_free(api);
	return NULL;
}

void api_limit(struct api *api, const struct api_limits *limits)
{
	atomic_store(&api->config.ingest.item_bytes_max, limits->item_bytes_max);
	atomic_store(&api->config.ingest.batch_items_max, limits->batch_items_max);
	atomic_store(&api->config.ingest.depth_max, limits->depth_max);
	atomic_store(&api->config.request_bytes_max, limits->request_bytes_max);
	atomic_store(&api->config.secret_overlap_ms, limits->secret_overlap_ms);
	rates_change(api->key_failures, limits->key_failures_per_ip);
}

void api_listens(struct api *api, const struct api_places *places)
{
	api->places = *places;
}

struct http_app api_app(struct api *api)
{
	return (struct http_app){.context = api, .begin = app_begin, .too_large = app_too_large, .counts = counts, .handle = app_handle};
}

void api_call(struct api *api, const struct http_request *request, struct http_response *response)
{
	struct admitted admitted;
	struct err err = {.code = ERR_NONE};
	char allow[ALLOW_SIZE];
	*response = (struct http_response){.status = 0};
	if (admit(api, request, &admitted, allow, &err) < 0) {
		refuse(request, response, &err, allow);
		return;
	}
	if ((int64_t)request->body.len > body_max(api, admitted.route)) {
		err_set(&err, ERR_TOO_LARGE, "The body has %zu bytes; at most %lld are taken", request->body.len,
		        (long long)body_max(api, admitted.route));
		refuse(request, response, &err, allow);
		return;
	}
	struct worker *worker = worker_make(api, &err);
	if (!worker) {
		refuse(request, response, &err, allow);
		return;
	}
	struct call call = {
	    .api = api,
	    .request = request,
	    .route = admitted.route,
	    .who = admitted.who,
	    .worker = worker,
	    .response = response,
	};
	run(&call);
	worker_drop(worker);
}

void api_event(struct api *api, int64_t id)
{
	waiters_event(api->waiters, id);
}

void api_quiesce(struct api *api)
{
	waiters_end(api->waiters);
}

void api_stop(struct api *api)
{
	if (!api)
		return;
	waiters_end(api->waiters);
	pool_stop(api->pool);
	api->pool = NULL;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	scrape_end(api);
	pthread_mutex_destroy(&api->once_mutex);
	throttle_free(api->throttle);
	rates_free(api->key_failures);
	sessions_free(api->sessions);
	waiters_free(api->waiters);
	router_free(api->router);
	pthread_mutex_destroy(&api->tests.mutex);
	free(api);
}
