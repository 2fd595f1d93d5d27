/* One call of the API on its way to a handler, and what handlers have in common: bodies, parameters, pages, ids, answers. Private to
 * api/. A handler runs on one thread, returns 0 with the response set, or -1 with call->err set. Texts that the helpers give out live until
 * the call ends. */
#ifndef GRAPNEL_API_CALL_H
#define GRAPNEL_API_CALL_H

#include <jansson.h>

#include "api/api.h"
#include "api/session.h"
#include "api/throttle.h"
#include "base/id.h"
#include "base/thread.h"
#include "deliver/resolver.h"
#include "http/problem.h"
#include "http/rates.h"
#include "http/router.h"

enum { SMALL_BODY_MAX = 65536, NO_BODY_MAX = 1024, CALL_TEXTS_MAX = 24, LIST_LIMIT = 50, LIST_LIMIT_MAX = 500 };
/* Answers are built in memory: the worst list is 500 events with 64 KiB of attributes each. */
enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

struct call;

enum route_scope {
	ROUTE_PUBLIC = SCOPE_NONE,
	ROUTE_PUBLISH = SCOPE_PUBLISH,
	ROUTE_READ = SCOPE_READ,
	ROUTE_MANAGE = SCOPE_MANAGE,
	ROUTE_ADMIN = SCOPE_ADMIN,
	ROUTE_LOCAL = 256
};
enum route_where { WHERE_LOOP, WHERE_POOL };
enum route_body { BODY_NONE, BODY_SMALL, BODY_OPTIONAL, BODY_PUBLISH, BODY_DOOR };

struct route {
	const char *method, *path;
	enum route_scope scope;
	enum route_where where;
	enum route_body body;
	const char *query;
	int (*handler)(struct call *call);
	const char *summary;
};

#define ROUTE(method, path, scope, where, body, query, handler, summary) int handler(struct call *call) ATTR_MUST_USE;
#include "api/routes.def"
#undef ROUTE

/* Tests of endpoints that are under way: test.c */
enum { TESTS_MAX = 16 };
struct testing;
struct drilling;
struct tests {
	pthread_mutex_t mutex;
	/* under the mutex */
	struct testing *first; /* committed and not over */
	unsigned len;          /* all that are not answered */
	struct drilling *drills; /* those that have an Idempotency-Key */
	bool closed;
};

/* Threads of the pool that may wait for a name server at a time, in the name of whom: destination.c */
enum { LOOKUPS_MAX = 2 };

struct waiters;

struct api {
	struct api_config config;
	struct router *router;
	struct pool *pool;
	struct tests tests;
	_Atomic(int64_t) lookups[LOOKUPS_MAX]; /* a subscriber, -1: the hub's own people, 0: free */
	pthread_mutex_t once_mutex;
	struct call *once_running; /* under the mutex: calls with an Idempotency-Key, linked by once_next */
	struct sessions *sessions;
	struct throttle *throttle;
	struct rates *key_failures; /* by address */
	struct api_places places;
	struct waiters *waiters;
	struct scrape *scrape; /* metrics.c */
};

/* What each thread of the pool has of its own. */
struct worker {
	struct store_reader *reader;
	struct resolver *resolver;
};

/* Who calls. A bound key sees and changes only its subscriber's things. */
struct principal {
	int64_t key; /* 0: the administrator on this machine */
	unsigned scopes;
	int64_t subscriber; /* 0: not bound */
	int64_t admin;      /* who is logged in on the page; 0: nobody, or by a link as the one on this machine */
};

struct call {
	struct api *api;
	const struct http_request *request;
	struct http_exchange *exchange; /* NULL: api_call(), the caller waits */
	const struct route *route;
	struct slice params[ROUTE_PARAMS_MAX]; /* of the path, still encoded */
	struct principal who;
	struct worker *worker; /* NULL on the loop */
	struct http_response *response;
	bool later; /* the answer comes from elsewhere; the call ends without one */
	struct err err;
	/* the helpers' */
	unsigned texts_len;
	struct strbuf texts[CALL_TEXTS_MAX];
	unsigned listed;
	enum { ONCE_NONE, ONCE_ENTERED, ONCE_TAKEN /* a change has it */, ONCE_REPLAYED } once_state;
	struct once once;
	struct call *once_next;
};

static inline int64_t call_now_ms(const struct call *call)
{
	return clock_wall_ms(call->api->config.clock);
}

/* ---- call.c: answers and bodies ---- */

/* Memory that lives until the call ends. */
struct strbuf *call_text(struct call *call, size_t max_bytes);
void call_end(struct call *call);
/* The response as JSON text to be written into what is returned. */
struct strbuf *call_out(struct call *call, int status);
/* Takes `json`; NULL is "no memory". */
int call_json(struct call *call, int status, json_t *json) ATTR_MUST_USE;
int call_no_content(struct call *call) ATTR_MUST_USE;
/* Location: /v1/<what>/<id> */
void call_location(struct call *call, const char *what, enum id_kind kind, int64_t id);
/* The body, an object; NULL and call->err when it is none. With BODY_OPTIONAL an absent one is empty. */
json_t *call_body(struct call *call) ATTR_MUST_USE;
/* Refuses members of a document that are not in `names` (separated by spaces), naming them below `above`. */
int call_members(struct call *call, const json_t *doc, const char *above, const char *names) ATTR_MUST_USE;
/* Refuses a bound key for what concerns the whole hub. */
int call_unbound(struct call *call, const char *what) ATTR_MUST_USE;

/* api.c: whether a media type is `wanted`, whatever its parameters. */
bool media_type_is(struct slice value, const char *wanted);

/* ---- caller.c: changes, and conditions ---- */

/* Posts the change on behalf of the caller, under the request's conditions, and waits; its error becomes the call's. Clear the change
 * in any case. */
int call_change(struct call *call, struct store_change *change) ATTR_MUST_USE;
/* Who asks, for a change that is posted when the call is over; what it points to is the request's. */
void call_actor(const struct call *call, struct caller *caller);
/* The answer shows this version. */
void call_etag(struct call *call, int64_t id, int64_t version);
/* The answer with a thing as it is stored, for a reader's row function. */
struct whole {
	struct call *call;
	int status;
	const char *secret; /* a member of the answer; NULL: not */
};
/* Takes `json`. */
int call_whole(const struct whole *whole, const struct document_row *row, json_t *json) ATTR_MUST_USE;
/* After a GET whose answer has an ETag: If-None-Match makes it 304. */
int call_read_condition(struct call *call) ATTR_MUST_USE;

/* ---- once.c: Idempotency-Key ---- */

/* Before the handler: 1: the answer is there, 0: go on, -1. */
int call_once_begin(struct call *call) ATTR_MUST_USE;
/* For the change that the request makes; NULL when there is no key, and for every further change: the first one is what counts. */
const struct once *call_once_take(struct call *call);
/* The answer of a request whose change was made with this key, when it comes later than its call ends. */
void once_remember(struct api *api, const struct once *once, const struct http_response *response, const char *request_id);
/* After the handler. */
void call_once_end(struct call *call, int result);

/* ---- query.c: parameters and pages ---- */

/* Refuses parameters that the route does not name. */
int call_query(struct call *call) ATTR_MUST_USE;
/* 1: given, 0: not, -1: malformed. */
int call_param(struct call *call, const char *name, struct slice *value) ATTR_MUST_USE;
/* A path parameter, decoded. */
int call_path(struct call *call, unsigned place, struct slice *value) ATTR_MUST_USE;
/* A moment: RFC 3339, or a span back from now such as -30m, -1h, -7d. 0 stays where it is absent. */
int call_param_time(struct call *call, const char *name, int64_t *wall_ms) ATTR_MUST_USE;
int moment_parse(struct slice text, int64_t now_ms, int64_t *wall_ms) ATTR_MUST_USE;
/* limit, cursor, order. A cursor of another list, or of this one with other filters, is refused. */
enum list {
	LIST_DELIVERIES = 'l',
	LIST_EVENTS = 'e',
	LIST_EVENT_DELIVERIES = 'v',
	LIST_DEAD = 'd',
	LIST_OPERATIONS = 'o',
	LIST_SUBSCRIBERS = 's',
	LIST_ENDPOINTS = 'p',
	LIST_KEYS = 'k',
	LIST_AUDIT = 'a',
	LIST_EVENT_TYPES = 't',
	LIST_SOURCES = 'c',
	LIST_REJECTIONS = 'r'
};
int call_page(struct call *call, enum list list, struct page *page) ATTR_MUST_USE;
/* {"data": [ … ], "next_cursor": …}: begin, then for each row the buffer to write it into, then end. */
void list_begin(struct call *call);
struct strbuf *list_item(struct call *call);
int list_end(struct call *call, enum list list, const struct page *page) ATTR_MUST_USE;

/* ---- filter.c: filters of lists ----
 * Each takes one parameter, if it is given; a bad value is named with what is accepted. */

int filter_by_pattern(struct call *call, const char *name, struct slice *pattern) ATTR_MUST_USE;
int filter_by_text(struct call *call, const char *name, size_t max_bytes, struct slice *text) ATTR_MUST_USE; /* not empty */
int filter_by_trace(struct call *call, struct slice *trace_id) ATTR_MUST_USE;
int filter_by_time(struct call *call, int64_t *since_ms, int64_t *until_ms) ATTR_MUST_USE;
/* 1: given, and one of `words` (separated by spaces), 0, -1. */
int filter_by_word(struct call *call, const char *name, const char *words, struct slice *word) ATTR_MUST_USE;
enum { FILTER_Q_MAX = 200 };
bool filter_is_utf8(struct slice text);

/* ---- tail.c: the event log, followed ---- */

/* ?wait_ms= and ?after= of the list of events: {"data": [ … ], "after": …}; when there is nothing, the request waits for it. */
struct tail {
	bool followed; /* wait_ms is given */
	int wait_ms;
	int64_t newest;   /* the newest event before the look */
	int64_t since_ms; /* as it was understood at first: "-1h" is not from now on each look */
};
/* Before the look: takes the parameters, and puts a request that waited where it had got to. */
int tail_begin(struct call *call, struct page *page, int64_t *since_ms, struct tail *tail) ATTR_MUST_USE;
/* Instead of list_end(): ends the answer, or lets the request wait. */
int tail_end(struct call *call, const struct page *page, const struct tail *tail) ATTR_MUST_USE;

/* ---- resolve.c: ids and uids to ids ---- */

/* By id or uid, as far as the caller may see it; an unknown one is NOT_FOUND, at `pointer` where it is not NULL. */
int resolve_subscriber(struct call *call, struct slice text, const char *pointer, int64_t *id) ATTR_MUST_USE;
/* The same where an empty text means FILTER_NOBODY; to a bound key it means nothing. */
int resolve_owner(struct call *call, struct slice text, const char *pointer, int64_t *id) ATTR_MUST_USE;
/* The filter `subscriber` of a list: 0 where absent; a bound key's own. */
int resolve_owner_filter(struct call *call, int64_t *id) ATTR_MUST_USE;
/* An endpoint by id or uid; `within` ≠ 0: of this subscriber, or of FILTER_NOBODY. Gives a reference. */
int resolve_endpoint(struct call *call, struct slice text, int64_t within, const char *pointer, struct endpoint **endpoint) ATTR_MUST_USE;
/* The same for what an endpoint has left behind: by its id one that is deleted is found, too. */
int resolve_endpoint_ever(struct call *call, struct slice text, int64_t within, const char *pointer, int64_t *id) ATTR_MUST_USE;
/* The filter `endpoint` of a list: 0 where absent. */
int resolve_endpoint_param(struct call *call, int64_t within, int64_t *id) ATTR_MUST_USE;
/* The filter `source`: empty is the API. */
int resolve_source_param(struct call *call, bool *given, int64_t *id) ATTR_MUST_USE;
/* A source by id or uid; gives a reference. Sources are the operator's: a bound key is refused. */
int resolve_source(struct call *call, struct slice text, const char *pointer, struct source **source) ATTR_MUST_USE;
int resolve_source_path(struct call *call, struct source **source) ATTR_MUST_USE;
/* For what a source has left behind: by its id one that is deleted is found, too. `empty`: what an empty text stands for. */
int resolve_source_ever(struct call *call, struct slice text, const char *pointer, const char *empty, int64_t *id) ATTR_MUST_USE;
/* The path's endpoint, with ?subscriber= to tell uids apart. */
int resolve_endpoint_path(struct call *call, struct endpoint **endpoint) ATTR_MUST_USE;
int resolve_event_path(struct call *call, int64_t *id) ATTR_MUST_USE;
int resolve_subscriber_path(struct call *call, int64_t *id) ATTR_MUST_USE;
/* A path parameter that is an id of this kind and nothing else. */
int resolve_id_path(struct call *call, enum id_kind kind, const char *what, int64_t *id) ATTR_MUST_USE;
/* The uid of a subscriber, or its id; NULL for 0. Lives until the call ends or `out` is used again. */
enum { SUBSCRIBER_TEXT_SIZE = 256 };
const char *subscriber_text(struct call *call, int64_t id, char out[SUBSCRIBER_TEXT_SIZE]);

/* ---- endpoints.c ---- */

/* The breaker of an endpoint, as it is now. */
void call_breaker(struct call *call, int64_t endpoint, struct breaker_view *view);

/* ---- events.c ---- */

/* What a publish is, by its headers: the form, or -1 when its media type is none of those that are taken. `typed`: it must say one. */
int events_form(const struct http_request *request, bool typed, enum ingest_form *form, struct err *err) ATTR_MUST_USE;

/* ---- destination.c ---- */

/* Refuses an endpoint whose host resolves to nothing but addresses that the hub does not deliver to. A name that does not resolve now
 * passes: every attempt is judged again. */
int destination_check(struct call *call, const struct endpoint *endpoint) ATTR_MUST_USE;
/* The same of the token endpoint of its auth, which it must have. */
int destination_check_token(struct call *call, const struct endpoint *endpoint) ATTR_MUST_USE;

/* ---- metrics.c ---- */

void scrape_start(struct api *api);
void scrape_end(struct api *api); /* also when it was never started */

/* ---- dead_letters.c ---- */

/* The filter of the query's parameters; its texts live until the call ends. */
int call_dead_filter(struct call *call, struct dead_filter *filter) ATTR_MUST_USE;

/* ---- stream.c: answers that are made page by page on the pool ---- */

struct page_maker {
	struct http_stream stream;
	/* Appends to stream.page; sets stream.last, or stream.broken and err. On a thread of the pool. */
	void (*fill)(struct page_maker *maker, struct worker *worker);
	void (*drop)(struct page_maker *maker); /* frees it; any thread, also when the pool has ended */
	struct err err;
	/* in memory */
	struct api *api;
	struct pool_job job;
};
/* Makes the first page, so that what is wrong is said with a status, and gives the rest page by page. Takes the maker over, also when it
 * fails. */
int call_stream(struct call *call, struct page_maker *maker, const char *content_type) ATTR_MUST_USE;

/* ---- operations.c ---- */

/* Posts a change that begins bulk work: 202 with the operation. Takes the change over. */
int operation_begin(struct call *call, struct store_change *change) ATTR_MUST_USE;

/* ---- render.c: rows as JSON text ---- */

/* Each writes `prefix` (such as ",\"uid\":") and a value; absent slices, 0 times, 0 ids are null. */
void put_text(struct strbuf *out, const char *prefix, struct slice text);
void put_time(struct strbuf *out, const char *prefix, int64_t wall_ms);
void put_id(struct strbuf *out, const char *prefix, enum id_kind kind, int64_t id);
void put_number(struct strbuf *out, const char *prefix, int64_t number);
void put_subscriber(struct call *call, struct strbuf *out, const char *prefix, int64_t id);
/* Takes `json`; NULL is "no memory". */
void put_json(struct strbuf *out, json_t *json);
/* Whole objects; those called open stay so for more members. */
/* The id of a request; 0 is null. */
void put_request_id(struct strbuf *out, const char *name, int64_t request);
void put_event_open(struct call *call, struct strbuf *out, const struct event_row *row);
void put_event(struct call *call, struct strbuf *out, const struct event_row *row);
void put_delivery_open(struct call *call, struct strbuf *out, const struct delivery_row *row);
/* `outside`: for a key that is bound to a subscriber. */
void put_attempt(struct strbuf *out, const struct attempt_row *row, bool outside);
void put_operation(struct strbuf *out, const struct operation_row *row);

#endif
