/* What is unsound about options; each check stands alone, so that all findings come at once. */
#include "settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config.h"
#include "deliver/resolver.h"
#include "http/listen.h"
#include "http/proxies.h"
#include "http/tls.h"
#include "model/uri.h"
#include "ports.h"
#include "sign/identity.h"
#include "sign/seal.h"

struct retention_limits settings_retention(const struct conf *conf)
{
	return (struct retention_limits){
	    .on = true,
	    .events_ms = conf->retention_events,
	    .attempts_ms = conf->retention_attempts,
	    .dead_ms = conf->retention_dead_letters,
	    .rejections_ms = conf->retention_rejections,
	    .audit_ms = conf->retention_audit,
	    .bytes = conf->retention_size,
	};
}

struct egress_rules settings_egress(const struct conf *conf)
{
	return (struct egress_rules){
	    .allow = conf->egress_allow,
	    .deny = conf->egress_deny,
	    .ports = conf->egress_ports,
	    .allow_http = conf->egress_allow_http,
	    .proxy = conf->egress_proxy,
	    .source = conf->egress_source,
	};
}

struct endpoint_defaults settings_defaults(const struct conf *conf)
{
	struct endpoint_defaults defaults = endpoint_defaults;
	defaults.retry = retry_policy_default();
	defaults.retry.base_ms = conf->retry_base;
	defaults.retry.factor = conf->retry_factor;
	defaults.retry.max_delay_ms = conf->retry_max_delay;
	defaults.retry.max_attempts = (int)conf->retry_max_attempts;
	defaults.retry.jitter = conf->retry_jitter;
	defaults.timeout_ms = (int)conf->delivery_timeout;
	defaults.max_in_flight = (int)conf->delivery_max_in_flight;
	defaults.http2 = conf->delivery_http2;
	defaults.verification = (enum verification_type)conf->endpoints_verify; /* the words stand in this order */
	defaults.breaker.max_failures = (int)conf->breaker_failures;
	defaults.breaker.ratio = conf->breaker_ratio;
	defaults.breaker.window_ms = conf->breaker_window;
	defaults.breaker.wait_ms = conf->breaker_wait;
	defaults.breaker.max_wait_ms = conf->breaker_max_wait > conf->breaker_wait ? conf->breaker_max_wait : conf->breaker_wait;
	return defaults;
}

int settings_origin(const struct conf *conf, char origin[URL_HOST_MAX + 1], struct err *err)
{
	struct url url;
	const char *name = conf->endpoints_origin;
	if (!name)
		name = conf->public_url && url_parse(slice_of(conf->public_url), "public.url", &url, NULL) == 0 ? url.host : PACKAGE_NAME;
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:");
	if (len == 0 || name[len] || len > URL_HOST_MAX)
		return err_set(err, ERR_INVALID, "endpoints.origin must be a host name, such as hooks.example.com");
	memcpy(origin, name, len + 1);
	return 0;
}

static int check_listen(const struct conf *conf, struct err *err)
{
	return conf->listen && !conf->listen_api ? listen_check(conf->listen, err) : 0;
}

static int check_listen_public(const struct conf *conf, struct err *err)
{
	return conf->listen_public ? listen_check(conf->listen_public, err) : 0;
}

static int check_listen_api(const struct conf *conf, struct err *err)
{
	return conf->listen_api ? listen_check(conf->listen_api, err) : 0;
}

/* Port 0 is another one each time. */
static int check_listen_twice(const struct conf *conf, struct err *err)
{
	const char *api = conf->listen_api ? conf->listen_api : conf->listen, *public = conf->listen_public;
	size_t len = public ? strlen(public) : 0;
	if (!public || !api || strcmp(api, public) != 0 || (len > 2 && strcmp(public + len - 2, ":0") == 0))
		return 0;
	return err_set(err, ERR_INVALID, "listen.public and %s are both %s: two ports cannot be the same", conf->listen_api ? "listen.api" : "listen", public);
}

static int check_tls(const struct conf *conf, struct err *err)
{
	if (conf->tls_certificate && !conf->tls_key)
		return err_set(err, ERR_INVALID, "tls.certificate and tls.key belong together: tls.key is missing");
	return conf->tls_certificate ? tls_check(conf->tls_certificate, conf->tls_key, err) : 0;
}

static int check_tls_key(const struct conf *conf, struct err *err)
{
	if (conf->tls_key && !conf->tls_certificate)
		return err_set(err, ERR_INVALID, "tls.certificate and tls.key belong together: tls.certificate is missing");
	return 0;
}

static int check_tls_ports(const struct conf *conf, struct err *err)
{
	if (conf->tls_certificate && conf->tls_ports == TLS_PUBLIC && !conf->listen_public)
		return err_set(err, ERR_INVALID, "tls.ports is public, and there is no public port: set listen.public, or tls.ports to all");
	return 0;
}

static int check_proxies(const struct conf *conf, struct err *err)
{
	struct proxies *proxies = proxies_new(conf->http_trusted_proxies, err);
	proxies_free(proxies);
	return proxies ? 0 : -1;
}

/* One by one, so that each is told. */
static int check_egress(const struct egress_rules *rules, struct err *err)
{
	struct egress *egress = egress_new(rules, err);
	egress_free(egress);
	return egress ? 0 : -1;
}

static int check_egress_allow(const struct conf *conf, struct err *err)
{
	return check_egress(&(struct egress_rules){.allow = conf->egress_allow}, err);
}

static int check_egress_deny(const struct conf *conf, struct err *err)
{
	return check_egress(&(struct egress_rules){.deny = conf->egress_deny}, err);
}

static int check_egress_ports(const struct conf *conf, struct err *err)
{
	return check_egress(&(struct egress_rules){.ports = conf->egress_ports}, err);
}

static int check_egress_proxy(const struct conf *conf, struct err *err)
{
	return check_egress(&(struct egress_rules){.proxy = conf->egress_proxy}, err);
}

static int check_egress_source(const struct conf *conf, struct err *err)
{
	return check_egress(&(struct egress_rules){.source = conf->egress_source}, err);
}

/* What sources put behind it would be taken for the query. */
static int check_public_url(const struct conf *conf, struct err *err)
{
	struct url url;
	if (!conf->public_url)
		return 0;
	if (url_parse(slice_of(conf->public_url), "public.url", &url, err))
		return -1;
	return strchr(conf->public_url, '?') ? err_set(err, ERR_INVALID, "public.url must have no query: the path of a source is put behind it") : 0;
}

static int check_authorities(const struct conf *conf, struct err *err)
{
	if (!conf->egress_authorities)
		return 0;
	if (access(conf->egress_authorities, R_OK))
		return err_set(err, ERR_INVALID, "egress.authorities: the file %s cannot be read: %s", conf->egress_authorities, strerror(errno));
	return identity_check_file(conf->egress_authorities, clock_wall_ms(&clock_system), err);
}

static int check_dns(const struct conf *conf, struct err *err)
{
	struct resolver *resolver = conf->dns_servers ? resolver_new(conf->dns_servers, &clock_system, -1, err) : NULL;
	resolver_free(resolver);
	return conf->dns_servers && !resolver ? -1 : 0;
}

static int check_cloudevents(const struct conf *conf, struct err *err)
{
	if (uri_is_reference(slice_of(conf->cloudevents_source)))
		return 0;
	return err_set(err, ERR_INVALID, "cloudevents.source must be a URI or a path (RFC 3986), such as /grapnel or https://example.com/events");
}

static int check_origin(const struct conf *conf, struct err *err)
{
	char origin[URL_HOST_MAX + 1];
	return settings_origin(conf, origin, err);
}

/* One that is not there is made, where there is no database yet: in a folder that is there, unless it is that of the data, which is made, too. */
static int check_master_key_folder(const struct conf *conf, struct err *err)
{
	const char *file = conf->master_key_file, *slash = strrchr(file, '/');
	char folder[4096];
	if (!slash || slash == file || (size_t)(slash - file) >= sizeof folder || access(conf->data, F_OK))
		return 0;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - file), file);
	return access(folder, F_OK) ? err_set(err, ERR_INVALID, "master_key.file: the folder of %s cannot be used: %s", file, strerror(errno)) : 0;
}

static int check_master_key(const struct conf *conf, struct err *err)
{
	struct master_key key;
	if (!conf->master_key_file)
		return 0;
	if (access(conf->master_key_file, F_OK) && errno == ENOENT)
		return check_master_key_folder(conf, err);
	int result = master_key_load(conf->master_key_file, false, &key, err);
	explicit_bzero(&key, sizeof key);
	return result;
}

struct check {
	int (*look)(const struct conf *conf, struct err *err);
	size_t line; /* of the option, in struct conf_lines */
};

#define CHECK(look, member) {look, offsetof(struct conf_lines, member)}
static const struct check checks[] = {
    CHECK(check_listen, listen),
    CHECK(check_listen_public, listen_public),
    CHECK(check_listen_api, listen_api),
    CHECK(check_listen_twice, listen_public),
    CHECK(check_tls, tls_certificate),
    CHECK(check_tls_key, tls_key),
    CHECK(check_public_url, public_url),
    CHECK(check_proxies, http_trusted_proxies),
    CHECK(check_egress_allow, egress_allow),
    CHECK(check_egress_deny, egress_deny),
    CHECK(check_egress_ports, egress_ports),
    CHECK(check_egress_proxy, egress_proxy),
    CHECK(check_egress_source, egress_source),
    CHECK(check_authorities, egress_authorities),
    CHECK(check_dns, dns_servers),
    CHECK(check_cloudevents, cloudevents_source),
    CHECK(check_origin, endpoints_origin),
    CHECK(check_master_key, master_key_file),
};
/* What depends on more than the options. */
static const struct check more_checks[] = {
    CHECK(check_tls_ports, tls_ports),
    CHECK(ports_check_group, socket_group),
};
#undef CHECK

/* What is wrong begins with the line where the option stands, if it stands in the file. */
static int look(const struct check *check, const struct conf *conf, struct err *err)
{
	if (check->look(conf, err) == 0)
		return 0;
	int line = *(const int *)((const char *)&conf->lines + check->line);
	if (line > 0)
		err_set(err, err->code, "%s:%d: %s", conf->file, line, err->detail);
	return -1;
}

static unsigned find(const struct check *list, size_t list_len, const struct conf *conf, void (*found)(void *context, const char *text), void *context)
{
	unsigned len = 0;
	for (size_t i = 0; i < list_len; i++) {
		struct err err = {0};
		if (look(&list[i], conf, &err) == 0)
			continue;
		len++;
		found(context, err.detail);
	}
	return len;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

unsigned settings_find(const struct conf *conf, void (*found)(void *context, const char *text), void *context)
{
	return find(checks, COUNT(checks), conf, found, context);
}

unsigned settings_find_all(const struct conf *conf, void (*found)(void *context, const char *text), void *context)
{
	unsigned len = settings_find(conf, found, context);
	return len + find(more_checks, COUNT(more_checks), conf, found, context);
}

int settings_check(const struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < COUNT(checks); i++)
		if (look(&checks[i], conf, err))
			return -1;
	return 0;
}
