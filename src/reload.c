/* What a running hub takes of changed options. First everything that can fail is made or tried; then it is put into force, which cannot. */
#include "reload.h"

#include <string.h>

#include "base/log.h"
#include "settings.h"

void reload_init(struct reload *reload, const struct conf *started, int argc, char **argv)
{
	*reload = (struct reload){.started = started, .argc = argc, .argv = argv};
	pthread_mutex_init(&reload->mutex, NULL);
	conf_copy(&reload->now, started);
}

void reload_destroy(struct reload *reload)
{
	if (!reload->started)
		return;
	pthread_mutex_destroy(&reload->mutex);
	conf_free(&reload->now);
	reload->started = NULL;
}

/* ---- Into force ---------------------------------------------------------------------------------------------------------- */

static void apply_log(const struct conf *conf)
{
	log_configure((enum log_level)conf->log_level, (enum log_format)conf->log_format);
}

static void apply_server(struct server *server, const struct conf *conf)
{
	const struct server_limits limits = {
	    .connections_per_ip_max = (unsigned)conf->http_connections_per_ip,
	    .requests_per_ip = (unsigned)conf->http_requests_per_ip,
	    .request_deadline_ms = (int)conf->http_deadline,
	};
	server_limit(server, &limits);
}

static void apply_api(struct api *api, const struct conf *conf)
{
	const struct api_limits limits = {
	    .item_bytes_max = (size_t)conf->limits_item,
	    .request_bytes_max = (size_t)conf->limits_request,
	    .batch_items_max = (unsigned)conf->limits_batch,
	    .depth_max = (unsigned)conf->limits_depth,
	    .key_failures_per_ip = (unsigned)conf->http_key_failures_per_ip,
	    .secret_overlap_ms = conf->secret_overlap,
	};
	api_limit(api, &limits);
}

static void apply_store(struct store *store, const struct conf *conf)
{
	const struct store_tuning tuning = {
	    .rejections = {conf->rejections_per_source, conf->rejections_bytes, conf->retention_rejections},
	    .retention = settings_retention(conf),
	    .operational_interval_ms = conf->operational_interval,
	    .operational_failing_after = conf->operational_source_after,
	    .disable_after_ms = conf->disable_after,
	    .disable_attempts = conf->disable_attempts,
	};
	store_tune(store, &tuning);
}

static void is_default(void *context, const char *name, bool live)
{
	static const char *const sections[] = {"delivery.", "retry.", "breaker.", "endpoints."};
	for (size_t i = 0; live && i < sizeof sections / sizeof *sections; i++)
		if (strncmp(name, sections[i], strlen(sections[i])) == 0)
			*(bool *)context = true;
}

/* They are kept when others come after them: so only when one of them changed. */
static void apply_defaults(struct scheduler *scheduler, const struct conf *before, const struct conf *conf)
{
	bool changed = false;
	conf_differences(before, conf, is_default, &changed);
	if (!changed)
		return;
	struct endpoint_defaults defaults = settings_defaults(conf);
	endpoint_defaults_set(&defaults);
	scheduler_defaults(scheduler);
}

/* What can fail, made before anything changes. */
struct prepared {
	struct egress *egress;
	struct proxies *proxies;
};

static int prepare(struct prepared *prepared, const struct reload_parts *parts, const struct conf *conf, struct err *err)
{
	struct egress_rules rules = settings_egress(conf);
	*prepared = (struct prepared){.egress = egress_new(&rules, err)};
	if (prepared->egress)
		prepared->proxies = proxies_new(conf->http_trusted_proxies, err);
	if (prepared->proxies && (!parts->tls || tls_reload(parts->tls, err) == 0))
		return 0;
	egress_free(prepared->egress);
	proxies_free(prepared->proxies);
	return -1;
}

static void apply(struct prepared *prepared, const struct reload_parts *parts, const struct conf *before, const struct conf *conf)
{
	apply_log(conf);
	egress_become(parts->egress, prepared->egress);
	proxies_become(parts->proxies, prepared->proxies);
	apply_server(parts->server, conf);
	apply_api(parts->api, conf);
	apply_store(parts->store, conf);
	apply_defaults(parts->scheduler, before, conf);
}

/* ---- What is told -------------------------------------------------------------------------------------------------------- */

/* json_array_append_new() takes NULL as a failure, which leaves the list shorter: memory is out then, and more than this will show it. */
static void add(json_t *list, const char *text)
{
	(void)!json_array_append_new(list, json_string(text));
}

static void add_finding(void *context, const char *text)
{
	add(context, text);
}

static void add_if_live(void *context, const char *name, bool live)
{
	if (live)
		add(context, name);
}

static void add_if_not_live(void *context, const char *name, bool live)
{
	if (!live)
		add(context, name);
}

static void join(const json_t *list, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < json_array_size(list) && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
}

static void log_report(const json_t *changed, const json_t *restart, const json_t *findings, bool certificate)
{
	char of_changed[1024], of_restart[600];
	for (size_t i = 0; i < json_array_size(findings); i++)
		log_error("hub", "not reloaded: %s", json_string_value(json_array_get(findings, i)));
	if (json_array_size(findings) > 0) {
		log_error("hub", "nothing was reloaded: options and certificate stay what they were");
		return;
	}
	join(changed, of_changed, sizeof of_changed);
	join(restart, of_restart, sizeof of_restart);
	log_info("hub", "reloaded: %s%s%s%s%s", of_changed[0] ? of_changed : "no option changed that a reload takes",
	         certificate ? "; the certificate was read again" : "", of_restart[0] ? "; changed, and taken at the next start: " : "", of_restart,
	         json_array_size(restart) > 0 ? " (docs/options.md)" : "");
}

/* ---- One reload ---------------------------------------------------------------------------------------------------------- */

/* Everything that is wrong, by reading only. */
static void find(const struct reload *reload, struct conf *conf, json_t *findings)
{
	conf_find(conf, reload->argc, reload->argv, add_finding, findings);
	struct err err = {0};
	if (json_array_size(findings) == 0 && conf_check_file(conf, &reload->now, &err))
		add(findings, err.detail);
	if (json_array_size(findings) == 0)
		settings_find(conf, add_finding, findings);
}

static void take(struct reload *reload, const struct reload_parts *parts, struct conf *conf, json_t *findings)
{
	struct prepared prepared;
	struct err err = {0};
	if (prepare(&prepared, parts, conf, &err)) {
		add(findings, err.detail);
		return;
	}
	apply(&prepared, parts, &reload->now, conf);
	conf_take_live(&reload->now, conf);
}

json_t *reload_now(struct reload *reload, const struct reload_parts *parts, bool dry)
{
	struct conf conf;
	json_t *changed = json_array(), *restart = json_array(), *findings = json_array();
	bool certificate = parts->tls != NULL;

	pthread_mutex_lock(&reload->mutex);
	find(reload, &conf, findings);
	if (json_array_size(findings) == 0) {
		conf_differences(&reload->now, &conf, add_if_live, changed);
		conf_differences(reload->started, &conf, add_if_not_live, restart);
		if (!dry)
			take(reload, parts, &conf, findings);
	}
	if (!dry)
		log_report(changed, restart, findings, certificate);
	pthread_mutex_unlock(&reload->mutex);
	conf_free(&conf);
	bool done = !dry && json_array_size(findings) == 0;
	return json_pack("{s:b, s:o, s:o, s:b, s:o}", "reloaded", done, "changed", changed, "restart", restart, "certificate", done && certificate,
	                 "findings", findings);
}
