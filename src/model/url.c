/* The URL of an endpoint. */
#include "model/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "model/endpoint.h"

enum { LABEL_MAX = 63, PORT_DIGITS_MAX = 5 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* Whether resolvers and URL parsers may take a label for a number: decimal, or 0x and hex digits. */
static bool label_numeric(struct slice label)
{
	bool hex = label.len >= 2 && label.at[0] == '0' && label.at[1] == 'x';
	for (size_t i = hex ? 2 : 0; i < label.len; i++) {
		if (hex ? !is_hex(label.at[i]) : !is_digit(label.at[i]))
			return false;
	}
	return true;
}

static int check_ipv4(const char *host, const char *pointer, struct err *err)
{
	struct in_addr address;
	char canonical[INET_ADDRSTRLEN];
	if (inet_pton(AF_INET, host, &address) == 1 && inet_ntop(AF_INET, &address, canonical, sizeof canonical) &&
	    strcmp(canonical, host) == 0)
		return 0;
	return err_field(err, ERR_INVALID, pointer,
	                 "the host ends in a number but is no IPv4 address in its usual form: four decimal numbers from 0 to 255 without "
	                 "leading zeros, such as 192.0.2.1");
}

static int check_ipv6(const char *host, const char *pointer, struct err *err)
{
	struct in6_addr address;
	if (inet_pton(AF_INET6, host, &address) == 1)
		return 0;
	return err_field(err, ERR_INVALID, pointer, "the host in brackets is no IPv6 address (zones are not accepted)");
}

static int check_name(const char *host, const char *pointer, struct err *err)
{
	struct slice label = {host, 0};
	for (const char *at = host;; at++) {
		if (*at && *at != '.') {
			if (!is_digit(*at) && !(*at >= 'a' && *at <= 'z') && *at != '-' && *at != '_')
				return err_field(err, ERR_INVALID, pointer,
				                 "the host has a character that is not accepted: letters, digits, '-' and '_' in labels "
				                 "separated by '.'");
			continue;
		}
		label.len = (size_t)(at - label.at);
		if (label.len < 1 || label.len > LABEL_MAX)
			return err_field(err, ERR_INVALID, pointer, "a label of the host has %zu characters; 1 to %d are accepted",
			                 label.len, LABEL_MAX);
		if (!*at)
			break;
		label = (struct slice){at + 1, 0};
	}
	return label_numeric(label) ? check_ipv4(host, pointer, err) : 0;
}

static int read_port(struct slice text, const char *pointer, int *port, struct err *err)
{
	int value = 0;
	for (size_t i = 0; i < text.len && i < PORT_DIGITS_MAX; i++)
		value = is_digit(text.at[i]) ? value * 10 + (text.at[i] - '0') : 1000000;
	if (text.len < 1 || text.len > PORT_DIGITS_MAX || value < 1 || value > 65535)
		return err_field(err, ERR_INVALID, pointer, "the port must be a number from 1 to 65535");
	*port = value;
	return 0;
}

/* The authority without userinfo: host, or host:port, or [IPv6]:port. */
static int read_authority(struct slice authority, const char *pointer, struct url *url, struct err *err)
{
	bool bracketed = authority.len > 0 && authority.at[0] == '[';
	const char *close = bracketed ? memchr(authority.at, ']', authority.len) : NULL;
	if (bracketed && !close)
		return err_field(err, ERR_INVALID, pointer, "the host begins with '[' but has no ']'");
	struct slice rest = authority;
	if (bracketed)
		rest = (struct slice){close + 1, authority.len - (size_t)(close + 1 - authority.at)};
	const char *colon = rest.len > 0 ? memchr(rest.at, ':', rest.len) : NULL;
	if (bracketed && rest.len > 0 && colon != rest.at)
		return err_field(err, ERR_INVALID, pointer, "only a port may follow the ']' of the host");
	struct slice host = bracketed ? (struct slice){authority.at + 1, (size_t)(close - authority.at - 1)}
	                              : (struct slice){authority.at, colon ? (size_t)(colon - authority.at) : authority.len};
	if (host.len < 1 || host.len > URL_HOST_MAX)
		return err_field(err, ERR_INVALID, pointer, "the host has %zu characters; 1 to %d are accepted", host.len, URL_HOST_MAX);
	for (size_t i = 0; i < host.len; i++)
		url->host[i] = (char)(host.at[i] >= 'A' && host.at[i] <= 'Z' ? host.at[i] | 0x20 : host.at[i]);
	url->host[host.len] = '\0';
	url->port = url->https ? 443 : 80;
	if (colon && read_port((struct slice){colon + 1, (size_t)(rest.at + rest.len - colon - 1)}, pointer, &url->port, err))
		return -1;
	return bracketed ? check_ipv6(url->host, pointer, err) : check_name(url->host, pointer, err);
}

static int check_bytes(struct slice text, const char *pointer, struct err *err)
{
	if (text.len < 1 || text.len > ENDPOINT_URL_MAX)
		return err_field(err, ERR_INVALID, pointer, "has %zu bytes; a URL has 1 to %d", text.len, ENDPOINT_URL_MAX);
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] <= ' ' || text.at[i] > '~')
			return err_field(err, ERR_INVALID, pointer,
			                 "byte %zu is not accepted: ASCII without spaces and control characters; encode others as %%XX",
			                 i + 1);
	}
	if (memchr(text.at, '#', text.len))
		return err_field(err, ERR_INVALID, pointer, "must have no fragment ('#'): it is never sent");
	return 0;
}

int url_parse(struct slice text, const char *pointer, struct url *url, struct err *err)
{
	struct url parsed = {0};
	if (check_bytes(text, pointer, err))
		return -1;
	size_t scheme = 0;
	if (text.len >= 8 && strncasecmp(text.at, "https://", 8) == 0)
		scheme = 8;
	else if (text.len >= 7 && strncasecmp(text.at, "http://", 7) == 0)
		scheme = 7;
	if (scheme == 0)
		return err_field(err, ERR_INVALID, pointer, "must begin with http:// or https://");
	parsed.https = scheme == 8;
	struct slice authority = {text.at + scheme, 0};
	while (scheme + authority.len < text.len && !strchr("/?", authority.at[authority.len]))
		authority.len++;
	if (memchr(authority.at, '@', authority.len))
		return err_field(err, ERR_INVALID, pointer,
		                 "must have no user name or password before the host; auth is for them");
	if (read_authority(authority, pointer, &parsed, err))
		return -1;
	*url = parsed;
	return 0;
}
