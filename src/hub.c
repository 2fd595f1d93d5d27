/* The composition root: every part is built here, and every meeting of siblings is wired here. The way of an event through the
 * program, in the order of the functions below:
 *
 *   http/server → api → ingest → store (writer) ─ commit ─┬→ api: the answer
 *                                                         └→ listener → scheduler → deliver (worker) → store (outcome)
 *                                                                           ↑ freed, settled ↲ */
#include "hub.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "deliver/deliver.h"
#include "deliver/fetch.h"
#include "deliver/verifier.h"
#include "descriptors.h"
#include "folder.h"
#include "http/server.h"
#include "model/url.h"
#include "ports.h"
#include "reload.h"
#include "schedule/schedule.h"
#include "settings.h"
#include "sign/outgoing.h"
#include "store/store.h"

enum {
	IDLE_CONNECTIONS_MAX = 512, /* to endpoints, of one worker */
	OUTCOMES_MS = 5,            /* that an outcome waits for others */
};

struct hub {
	const struct conf *conf;
	bool serves;
	atomic_bool stopping;
	struct data_folder folder;
	struct descriptors descriptors; /* what its parts may hold at most */
	struct budget budget;
	struct index *index;
	struct keyring *keyring;
	struct breakers *breakers; /* that are not closed: the scheduler keeps it, the API reads it */
	struct source_table *sources;
	struct pause *pause; /* the store keeps it true */
	struct egress *egress;
	struct fetcher *fetcher; /* only when it serves */
	struct store *store;
	struct scheduler *scheduler; /* this and the following: only when it serves */
	struct deliver *deliver;
	struct verifier *verifier;
	char origin[URL_HOST_MAX + 1];
	struct tls *tls;         /* NULL: there is no certificate */
	struct proxies *proxies;
	struct ports ports;
	struct server *server;
	struct api *api;
	struct inbox *_Atomic watch; /* of who wants to know when it is not ready any more, or again; NULL: nobody */
	atomic_bool reloadable;
	struct reload reload;
};

/* ---- Wiring -------------------------------------------------------------------------------------------------------------- */

static void on_deliveries(void *context, struct store_deliveries *made)
{
	struct hub *hub = context;
	if (hub->scheduler) {
		scheduler_deliveries(hub->scheduler, made);
		return;
	}
	event_unref(made->event); /* they wait in the outbox for the next serve */
	free(made);
}

static void on_event(void *context, int64_t id)
{
	struct hub *hub = context;
	if (hub->api)
		api_event(hub->api, id);
}

static void on_due(void *context, int64_t endpoint, int64_t due_ms)
{
	struct hub *hub = context;
	if (hub->scheduler)
		scheduler_due(hub->scheduler, endpoint, due_ms);
}

static void on_urged(void *context, const struct due *due)
{
	struct hub *hub = context;
	if (hub->scheduler)
		scheduler_urged(hub->scheduler, due);
}

static void on_endpoint(void *context, struct endpoint *endpoint)
{
	struct hub *hub = context;
	if (hub->scheduler)
		scheduler_endpoint(hub->scheduler, endpoint);
	if (hub->verifier)
		verifier_endpoint(hub->verifier, endpoint);
}

static void verify_again(struct endpoint *endpoint, void *context)
{
	verifier_endpoint(context, endpoint);
}

static void log_pause(const struct pause_view *view)
{
	char since[CLOCK_RFC3339_SIZE], backup[CLOCK_RFC3339_SIZE] = "an unknown time";
	clock_format_rfc3339(view->since_ms, since);
	if (view->reason == PAUSE_RESTORE && view->backup_ms)
		clock_format_rfc3339(view->backup_ms, backup);
	if (view->reason == PAUSE_RESTORE)
		log_warn("hub",
		         "paused since %s: restored from a backup that ends at %s; what was delivered after that would be sent again; events are taken in, "
		         "nothing is sent until: grapnel resume",
		         since, backup);
	else
		log_warn("hub", "paused since %s: events are taken in, nothing is sent until: grapnel resume", since);
}

/* Who watches looks again. */
static void wake_watch(struct hub *hub)
{
	struct inbox *watch = atomic_load(&hub->watch);
	if (watch)
		inbox_wake(watch);
}

static void on_paused(void *context, const struct pause_view *view)
{
	struct hub *hub = context;
	wake_watch(hub);
	if (hub->serves && view->since_ms)
		log_pause(view);
	else if (hub->serves)
		log_info("hub", "resumed: deliveries are sent");
	if (hub->scheduler)
		scheduler_pause(hub->scheduler, view->since_ms != 0);
	/* Those that nobody asked for while it was paused. */
	if (hub->verifier && !view->since_ms)
		index_each_endpoint(hub->index, verify_again, hub->verifier);
}

static void on_health(void *context, const char *why)
{
	struct hub *hub = context;
	wake_watch(hub);
	if (!why)
		return; /* the store said so */
	api_break_off(hub->api, false, "The store cannot be written now: what became of the test is recorded when it can");
}

static void on_job(void *context, struct job *job)
{
	struct hub *hub = context;
	deliver_job(hub->deliver, job);
}

static void on_tested(void *context, int64_t event)
{
	struct hub *hub = context;
	api_tested(hub->api, event);
}

static void on_breaker(void *context, const struct breaker_report *report)
{
	struct hub *hub = context;
	store_circuit(hub->store, report->endpoint, report->opened, report->why, report->why_outside, report->since_ms);
	if (report->opened)
		log_told(breaker_opened, LOG_FIELDS(.endpoint = report->endpoint, .failure = attempt_failure_text(report->failure)),
		         "the endpoint is not sent anything for now, its breaker is open; the last attempt: %s",
		         attempt_failure_meaning(report->failure));
	else
		log_told(breaker_closed, LOG_FIELDS(.endpoint = report->endpoint), "the endpoint takes deliveries again, its breaker is closed");
}

static void ready(void *context, char *why, size_t why_size)
{
	struct hub *hub = context;
	if (atomic_load(&hub->stopping))
		snprintf(why, why_size, "the hub is stopping");
	else if (store_healthy(hub->store, why, why_size))
		why[0] = '\0';
}

/* ---- Start and stop ------------------------------------------------------------------------------------------------------- */

static struct egress *egress_up(const struct conf *conf, struct err *err)
{
	struct egress_rules rules = settings_egress(conf);
	return egress_new(&rules, err);
}

/* Before anything is made that counts on them. */
static void descriptors_up(struct hub *hub)
{
	const struct conf *conf = hub->conf;
	unsigned workers = (unsigned)conf->delivery_workers;
	struct descriptors *share = &hub->descriptors;
	*share = (struct descriptors){(unsigned)conf->http_connections, (unsigned)conf->delivery_live, workers * IDLE_CONNECTIONS_MAX};
	if (!hub->serves)
		return;
	uint64_t limit = descriptors_raise();
	if (descriptors_share(limit, workers + (unsigned)conf->http_shards, share))
		log_warn("hub",
		         "only %" PRIu64
		         " files may be open: http.connections is held to %u, delivery.live to %u, idle connections to endpoints "
		         "to %u; raise the hard limit of open files",
		         limit, share->connections, share->live, share->idle);
}

static int store_up(struct hub *hub, struct err *err)
{
	const struct conf *conf = hub->conf;
	hub->index = index_new();
	hub->keyring = keyring_new();
	hub->breakers = breakers_new();
	hub->sources = source_table_new();
	hub->pause = pause_new();
	struct store_config config = {
		.data_dir = conf->data,
		.node = (unsigned)conf->node,
		.dedupe_window_ms = conf->dedupe_window,
		.dedupe_keys = conf->dedupe_keys,
		.capture_success = conf->capture_success,
		.outcomes_ms = OUTCOMES_MS,
		.clock = &clock_system,
		.master = &hub->folder.master,
		.index = hub->index,
		.keyring = hub->keyring,
		.sources = hub->sources,
		.pause = hub->pause,
		.rejections = {conf->rejections_per_source, conf->rejections_bytes, conf->retention_rejections},
		.retention = settings_retention(conf),
		.operational = {conf->operational_events, conf->operational_interval, conf->operational_source_after},
		.public_url = conf->public_url,
		.counts = hub->serves,
		.disable_after_ms = conf->disable_after,
		.disable_attempts = conf->disable_attempts,
		.listener = {.context = hub, .deliveries = on_deliveries, .event = on_event, .due = on_due, .urged = on_urged, .endpoint = on_endpoint, .health = on_health, .paused = on_paused},
	};
	config.retention.on = hub->serves;
	hub->store = store_open(&config, err);
	return hub->store ? data_folder_check_key(&hub->folder, hub->index, hub->sources, err) : -1;
}

/* Of the one budget most is left to what comes in and to what is on its way. */
static size_t delivery_cache_bytes(const struct conf *conf)
{
	int64_t share = conf->memory_budget / 4;
	return (size_t)(conf->delivery_cache < share ? conf->delivery_cache : share);
}

/* Before the scheduler's thread looks at anything. */
static void begin_paused(struct hub *hub)
{
	struct pause_view view;
	pause_get(hub->pause, &view);
	if (!view.since_ms)
		return;
	log_pause(&view);
	scheduler_pause(hub->scheduler, true);
}

static int delivery_up(struct hub *hub, struct err *err)
{
	const struct conf *conf = hub->conf;
	struct scheduler_config scheduling = {
		.store = hub->store,
		.index = hub->index,
		.clock = &clock_system,
		.live_max = hub->descriptors.live,
		.probes_per_s = conf->breaker_probe_rate,
		.breakers = hub->breakers,
		.event_bytes_max = delivery_cache_bytes(conf),
		.deliver = on_job,
		.tested = on_tested,
		.breaker = on_breaker,
		.context = hub,
	};
	hub->scheduler = scheduler_new(&scheduling, err);
	if (!hub->scheduler)
		return -1;
	begin_paused(hub);
	struct deliver_config delivering = {
		.store = hub->store,
		.budget = &hub->budget,
		.clock = &clock_system,
		.master = &hub->folder.master,
		.egress = hub->egress,
		.workers = (unsigned)conf->delivery_workers,
		.idle_connections_max = (hub->descriptors.idle + (unsigned)conf->delivery_workers - 1) / (unsigned)conf->delivery_workers,
		.dns_servers = conf->dns_servers,
		.authorities = conf->egress_authorities,
		.user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
		.cloudevents_source = conf->cloudevents_source,
		.capture_success = conf->capture_success,
		.freed = scheduler_freed,
	};
	hub->deliver = deliver_start(&delivering, err);
	if (!hub->deliver || settings_origin(conf, hub->origin, err))
		return -1;
	hub->verifier = verifier_new(hub->store, hub->deliver, &clock_system, hub->origin);
	return 0;
}

static int fetch_up(struct hub *hub, struct err *err)
{
	struct fetch_config fetch = {
		.egress = hub->egress, .dns_servers = hub->conf->dns_servers, .authorities = hub->conf->egress_authorities, .clock = &clock_system};
	hub->fetcher = fetcher_start(&fetch, err);
	return hub->fetcher ? 0 : -1;
}

/* Host and port as a client would write them; `address` is as in the options, `port` the real one. */
static void put_place(char out[API_PLACE_SIZE], const char *before, const char *address, int port)
{
	static const char *const anywhere[] = {"", "0.0.0.0", "[::]"};
	int len = (int)(strrchr(address, ':') - address);
	for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
		if ((size_t)len == strlen(anywhere[i]) && strncmp(address, anywhere[i], (size_t)len) == 0) {
			snprintf(out, API_PLACE_SIZE, "%s127.0.0.1:%d", before, port);
			return;
		}
	snprintf(out, API_PLACE_SIZE, "%s%.*s:%d", before, len, address, port);
}

/* Without a server (NULL) as the options say, for commands. */
static void places_known(struct hub *hub, const struct server *server)
{
	static const char *const served[] = {[HTTP_ALL] = "everything", [HTTP_PUBLIC] = "doors of sources and health", [HTTP_API] = "API and page"};
	struct api_places places = {.listen = ""};
	for (size_t i = 0; i < hub->ports.len; i++) {
		const struct http_listen *listen = &hub->ports.at[i];
		const char *scheme = listen->tls ? "https://" : "http://", *colon = listen->address ? strrchr(listen->address, ':') : NULL;
		if (!colon)
			continue;
		int port = server ? server_port(server, i) : (int)strtol(colon + 1, NULL, 10), host_len = (int)(colon - listen->address);
		if (listen->role != HTTP_PUBLIC) {
			put_place(places.listen, "", listen->address, port);
			put_place(places.page, scheme, listen->address, port);
		}
		if (listen->role != HTTP_API || !places.doors[0])
			put_place(places.doors, scheme, listen->address, port);
		if (server)
			log_info("hub", "listening on %s%.*s:%d: %s", scheme, host_len ? host_len : 1, host_len ? listen->address : "*", port,
			         served[listen->role]);
	}
	api_listens(hub->api, &places);
}

/* The ports are known: which were chosen by the system, too. */
static void on_bound(void *context, const struct server *server)
{
	places_known(context, server);
}

static json_t *reload(void *context, bool dry);

static int api_up(struct hub *hub, struct err *err)
{
	const struct conf *conf = hub->conf;
	struct api_config config = {
		.store = hub->store,
		.index = hub->index,
		.keyring = hub->keyring,
		.breakers = hub->breakers,
		.pause = hub->pause,
		.sources = hub->sources,
		.fetcher = hub->fetcher,
		.public_url = conf->public_url,
		.budget = &hub->budget,
		.clock = &clock_system,
		.master = &hub->folder.master,
		.egress = hub->egress,
		.dns_servers = conf->dns_servers,
		.ingest = {.store = hub->store,
			   .index = hub->index,
			   .budget = &hub->budget,
			   .clock = &clock_system,
			   .item_bytes_max = (size_t)conf->limits_item,
			   .batch_items_max = (unsigned)conf->limits_batch,
			   .depth_max = (unsigned)conf->limits_depth},
		.request_bytes_max = (size_t)conf->limits_request,
		.secret_overlap_ms = conf->secret_overlap,
		.session_lifetime_ms = conf->session_lifetime,
		.session_idle_ms = conf->session_idle,
		.key_failures_per_ip = (unsigned)conf->http_key_failures_per_ip,
		.pool_threads = hub->serves ? 4 : 1,
		.reload = hub->serves ? reload : NULL,
		.data_dir = conf->data,
		.ready = ready,
		.ready_context = hub,
	};
	hub->api = api_start(&config, err);
	if (!hub->api)
		return -1;
	places_known(hub, NULL);
	return 0;
}

static int front_up(struct hub *hub, struct err *err)
{
	const struct conf *conf = hub->conf;
	if (conf->tls_certificate && !(hub->tls = tls_new(conf->tls_certificate, conf->tls_key, &clock_system, err)))
		return -1;
	if (hub->tls && conf->tls_ports == TLS_PUBLIC && !ports_have(&hub->ports, HTTP_PUBLIC))
		return err_set(err, ERR_INVALID, "tls.ports is public, and there is no public port: set listen.public, or tls.ports to all");
	if (!(hub->proxies = proxies_new(conf->http_trusted_proxies, err)))
		return -1;
	if (ports_have(&hub->ports, HTTP_API) && !ports_have(&hub->ports, HTTP_PUBLIC))
		log_warn("hub", "no port serves the doors of sources: listen.api is set, and listen.public is not");
	return ports_add_admin(&hub->ports, conf, hub->folder.fd, err);
}

static int server_up(struct hub *hub, struct err *err)
{
	const struct conf *conf = hub->conf;
	if (front_up(hub, err))
		return -1;
	struct server_config config = {
		.listen = hub->ports.at,
		.listen_len = hub->ports.len,
		.shards = (unsigned)conf->http_shards,
		.connections_max = hub->descriptors.connections,
		.connections_per_ip_max = (unsigned)conf->http_connections_per_ip,
		.requests_per_ip = (unsigned)conf->http_requests_per_ip,
		.proxies = hub->proxies,
		.tls = hub->tls,
		.request_deadline_ms = (int)conf->http_deadline,
		.idle_timeout_ms = (int)conf->http_idle,
		.budget = &hub->budget,
		.clock = &clock_system,
		.app = api_app(hub->api),
		.bound = on_bound,
		.bound_context = hub,
	};
	hub->server = server_start(&config, err);
	if (!hub->server)
		return -1;
	log_told(ready, NULL, "ready: data in %s", conf->data);
	return 0;
}

void hub_reloadable(struct hub *hub, int argc, char **argv)
{
	reload_init(&hub->reload, hub->conf, argc, argv);
	atomic_store(&hub->reloadable, true);
}

/* Of the API, which writes the audit, and of a signal. */
static json_t *reload(void *context, bool dry)
{
	struct hub *hub = context;
	/* The admin socket may be asked before the start is over: what follows is set by then. */
	if (!atomic_load(&hub->reloadable))
		return NULL;
	const struct reload_parts parts = {hub->egress, hub->proxies, hub->tls, hub->server, hub->api, hub->store, hub->scheduler};
	return reload_now(&hub->reload, &parts, dry);
}

void hub_reload(struct hub *hub)
{
	struct store_change change = {.what = CHANGE_HUB_RELOAD, .doc = reload(hub, false)};
	if (json_is_true(json_object_get(change.doc, "reloaded")) && store_change(hub->store, &change))
		log_warn("hub", "the reload does not stand in the audit: %s", change.err.detail);
	store_change_clear(&change);
	json_decref(change.doc);
}

struct hub *hub_start(const struct conf *conf, bool serve, int lock_wait_ms, struct err *err)
{
	struct hub *hub = mem_new(struct hub);
	hub->conf = conf;
	hub->serves = serve;
	data_folder_init(&hub->folder);
	atomic_init(&hub->stopping, false);
	atomic_init(&hub->reloadable, false);
	budget_init(&hub->budget, (size_t)conf->memory_budget);
	endpoint_defaults = settings_defaults(conf);
	descriptors_up(hub);

	if (ports_plan(&hub->ports, conf, serve, err) || (serve && settings_check(conf, err)) ||
	    data_folder_open(&hub->folder, conf, serve, lock_wait_ms, err))
		goto failed;
	hub->egress = egress_up(conf, err);
	if (!hub->egress)
		goto failed;
	if (conf->egress_allow && serve)
		log_warn("hub", "egress.allow opens addresses that are refused by default: %s", conf->egress_allow);
	/* The API before the threads that call it. */
	if (store_up(hub, err) || (serve && (delivery_up(hub, err) || fetch_up(hub, err))) || api_up(hub, err) || store_start(hub->store, err))
		goto failed;
	if (serve && (scheduler_start(hub->scheduler, err) || server_up(hub, err)))
		goto failed;
	if (serve && !pause_on(hub->pause))
		index_each_endpoint(hub->index, verify_again, hub->verifier);
	return hub;
failed:
	hub_stop(hub);
	return NULL;
}

void hub_watch(struct hub *hub, struct inbox *watch)
{
	atomic_store(&hub->watch, watch);
}

void hub_ready(struct hub *hub, char *why, size_t why_size)
{
	ready(hub, why, why_size);
}

void hub_paused(struct hub *hub, struct pause_view *view)
{
	pause_get(hub->pause, view);
}

int hub_backlog(struct hub *hub, struct api_backlog *ask)
{
	return api_backlog(hub->api, ask);
}

void hub_call(struct hub *hub, const struct http_request *request, struct http_response *response)
{
	api_call(hub->api, request, response);
}

/* Waits until count() is 0 or the deadline (monotonic µs) has passed; only a stop waits like this. */
static bool drained(unsigned (*count)(void *part), void *part, int64_t deadline_us)
{
	while (count(part) > 0) {
		if (clock_mono_us(&clock_system) >= deadline_us)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

static unsigned count_waiting(void *server)
{
	return server_waiting(server);
}

static unsigned count_live(void *scheduler)
{
	return scheduler_live(scheduler);
}

/* The order of DESIGN.md 6: quiesce listeners, answer queued requests, stop the pool, drain the workers to the deadline, flush
 * outcomes, stop the server, checkpoint, unlock. Parts that were never started are NULL. */
void hub_stop(struct hub *hub)
{
	if (!hub)
		return;
	atomic_store(&hub->stopping, true);
	int64_t deadline_us = clock_mono_us(&clock_system) + hub->conf->stop_deadline * 1000;
	if (hub->server) {
		log_info("hub", "stopping: new requests are refused");
		server_quiesce(hub->server);
		api_break_off(hub->api, true, "the hub is stopping");
		api_quiesce(hub->api);
		drained(count_waiting, hub->server, INT64_MAX);
	}
	api_stop(hub->api);
	fetcher_stop(hub->fetcher);
	if (hub->scheduler) {
		scheduler_quiesce(hub->scheduler);
		if (!drained(count_live, hub->scheduler, deadline_us))
			log_warn("hub", "stop.deadline has passed: attempts that are still in flight (%u) are broken off, and made again after the next start",
			         scheduler_live(hub->scheduler));
	}
	verifier_quiesce(hub->verifier);
	deliver_stop(hub->deliver);
	if (hub->scheduler)
		/* Outcomes of a failing disk can stay unsettled; the deadline after this is short, and nothing is lost: they are sent again. */
		drained(count_live, hub->scheduler, clock_mono_us(&clock_system) + 5000000);
	if (hub->server)
		server_stop(hub->server);
	tls_free(hub->tls);
	proxies_free(hub->proxies);
	if (hub->store)
		store_stop(hub->store);
	scheduler_stop(hub->scheduler);
	api_free(hub->api);
	store_close(hub->store);
	verifier_free(hub->verifier);
	if (hub->index)
		index_free(hub->index);
	if (hub->keyring)
		keyring_free(hub->keyring);
	breakers_free(hub->breakers);
	source_table_free(hub->sources);
	pause_free(hub->pause);
	egress_free(hub->egress);
	reload_destroy(&hub->reload);
	if (hub->serves && hub->server)
		log_told(stopped, NULL, "stopped");
	data_folder_close(&hub->folder);
	free(hub);
}
