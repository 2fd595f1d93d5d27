/* What is unsound about options; each check stands alone, so that all findings come at once. */
#include "settings.h"

#include <errno.h>
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
	if (!conf->tls_certificate != !conf->tls_key)
		return err_set(err, ERR_INVALID, "tls.certificate and tls.key belong together: %s is missing",
		               conf->tls_certificate ? "tls.key" : "tls.certificate");
	return conf->tls_certificate ? tls_check(conf->tls_certificate, conf->tls_key, err) : 0;
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

static int check_egress(const struct conf *conf, struct err *err)
{
	struct egress_rules rules = settings_egress(conf);
	struct egress *egress = egress_new(&rules, err);
	egress_free(egress);
	return egress ? 0 : -1;
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

/* One that is not there is made, where there is no database yet. */
static int check_master_key(const struct conf *conf, struct err *err)
{
	struct master_key key;
	if (!conf->master_key_file || (access(conf->master_key_file, F_OK) && errno == ENOENT))
		return 0;
	int result = master_key_load(conf->master_key_file, false, &key, err);
	explicit_bzero(&key, sizeof key);
	return result;
}

static int (*const checks[])(const struct conf *conf, struct err *err) = {
    check_listen, check_listen_public, check_listen_api, check_listen_twice, check_tls,    check_proxies,
    check_egress, check_authorities,   check_dns,        check_cloudevents,  check_origin, check_master_key,
};

unsigned settings_find(const struct conf *conf, void (*found)(void *context, const char *text), void *context)
{
	unsigned len = 0;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct err err = {0};
		if (checks[i](conf, &err) == 0)
			continue;
		len++;
		found(context, err.detail);
	}
	return len;
}

unsigned settings_find_all(const struct conf *conf, void (*found)(void *context, const char *text), void *context)
{
	unsigned len = settings_find(conf, found, context);
	struct err err = {0};
	if (check_tls_ports(conf, &err)) {
		len++;
		found(context, err.detail);
	}
	err = (struct err){0};
	if (ports_check_group(conf, &err)) {
		len++;
		found(context, err.detail);
	}
	return len;
}

int settings_check(const struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		if (checks[i](conf, err))
			return -1;
	return 0;
}
