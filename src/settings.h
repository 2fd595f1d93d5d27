/* What makes options unsound although each of them is well-formed: files that cannot be used, addresses that mean nothing, options that
 * contradict each other. The hub looks before it starts, a reload before it changes anything, and `grapnel check --config` in place of
 * both; nothing is bound, made or changed. */
#ifndef GRAPNEL_SETTINGS_H
#define GRAPNEL_SETTINGS_H

#include "base/attr.h"
#include "conf/conf.h"
#include "deliver/egress.h"
#include "model/endpoint.h"
#include "model/url.h"
#include "store/retention.h"

/* Tells of each thing that is wrong, in a sentence that names the option. Their number. */
unsigned settings_find(const struct conf *conf, void (*found)(void *context, const char *text), void *context);
/* And what depends on the ports that a service manager may pass, or asks for the groups of this machine: one thread. */
unsigned settings_find_all(const struct conf *conf, void (*found)(void *context, const char *text), void *context);
/* The first of settings_find() as an error. */
int settings_check(const struct conf *conf, struct err *err) ATTR_MUST_USE;

/* What parts are made of. */
struct egress_rules settings_egress(const struct conf *conf);
struct endpoint_defaults settings_defaults(const struct conf *conf);
struct retention_limits settings_retention(const struct conf *conf);
/* What the hub is called where it asks endpoints for their consent. */
int settings_origin(const struct conf *conf, char origin[URL_HOST_MAX + 1], struct err *err) ATTR_MUST_USE;

#endif
