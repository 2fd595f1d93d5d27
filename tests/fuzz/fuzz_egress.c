/* Fuzz target: URLs and the address policy. An input is
 *     egress.allow
 *     egress.deny
 *     egress.ports
 *     a URL
 * Whatever comes: a URL that is accepted means the same host and port to libcurl, which will connect there; and the verdict about its address
 * is the one that a second, simpler judgement comes to. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"
#include "deliver/egress.h"
#include "deliver/range.h"
#include "model/url.h"

const char fuzz_corpus[] = "egress-corpus";

const char *const fuzz_words[] = {
    "http://", "https://", "HTTPS://", "ftp://", "file:///", "//", "/", "\\", "@", ":", ":80", ":443", ":0", ":65536", "#", "?", "%00", "%2e", "%40", "[", "]", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1%25eth0]", "127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433",
    "0x7f000001", "0", "256.1.1.1", "1.1.1.1", "1.1.1.1.", "localhost", "a.b", "xn--a", "\xc2\xa0", "\xe3\x80\x82", "..", ".", "-", "_", "user:pw@", "/0", "/8", "/32", "/33", "/128",
    "0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8", ",", " ", "\t", "\n", "\r", "1-65535", "80", "-", NULL,
};

static void demand(bool fine, const char *what, const char *about)
{
	if (!fine) {
		fprintf(stderr, "fuzz_egress: %s: %s\n", what, about);
		abort();
	}
}

/* ---- a second judgement ---- */

static bool between(uint32_t at, uint32_t first, uint32_t last)
{
	return at >= first && at <= last;
}

/* The special blocks of IPv4, written as first and last. */
static const uint32_t blocks[][2] = {
    {0x00000000, 0x00ffffff}, {0x0a000000, 0x0affffff}, {0x64400000, 0x647fffff}, {0x7f000000, 0x7fffffff}, {0xa9fe0000, 0xa9feffff},
    {0xac100000, 0xac1fffff}, {0xc0000000, 0xc00000ff}, {0xc0000200, 0xc00002ff}, {0xc01fc400, 0xc01fc4ff}, {0xc034c100, 0xc034c1ff},
    {0xc0586300, 0xc05863ff}, {0xc0a80000, 0xc0a8ffff}, {0xc0af3000, 0xc0af30ff}, {0xc6120000, 0xc613ffff}, {0xc6336400, 0xc63364ff},
    {0xcb007100, 0xcb0071ff}, {0xe0000000, 0xffffffff},
};

static bool special4(uint32_t at)
{
	bool any = false;
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		any |= between(at, blocks[i][0], blocks[i][1]);
	return any;
}

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool special6(const uint8_t *at)
{
	uint32_t high = word(at), next = word(at + 4);
	return !between(high, 0x20000000, 0x3fffffff) || between(high, 0x20010000, 0x200101ff) || high == 0x20010db8 || between(high, 0x20020000, 0x2002ffff) ||
	       (high == 0x2620004f && next >> 16 == 0x8000) || between(high, 0x3fff0000, 0x3fff0fff);
}

static bool admitted4(const struct ranges *allow, const struct ranges *deny, const uint8_t *at)
{
	return !ranges_find(deny, AF_INET, at) && (ranges_find(allow, AF_INET, at) || !special4(word(at)));
}

static bool admitted6(const struct ranges *allow, const struct ranges *deny, const uint8_t *at)
{
	static const uint8_t zeros[10];
	uint8_t flipped[4] = {(uint8_t)~at[12], (uint8_t)~at[13], (uint8_t)~at[14], (uint8_t)~at[15]};
	bool good = !ranges_find(deny, AF_INET6, at) && (ranges_find(allow, AF_INET6, at) || !special6(at));
	if (memcmp(at, zeros, 10) == 0 && at[10] == 0xff && at[11] == 0xff)
		good &= admitted4(allow, deny, at + 12);
	if (word(at) == 0x0064ff9b && memcmp(at + 4, zeros, 8) == 0)
		good &= admitted4(allow, deny, at + 12);
	if (at[0] == 0x20 && at[1] == 0x02)
		good &= admitted4(allow, deny, at + 2);
	if (word(at) == 0x20010000)
		good &= admitted4(allow, deny, at + 4) && admitted4(allow, deny, flipped);
	return good;
}

/* ---- the checks ---- */

/* What libcurl makes of the same text. */
static void check_against_curl(const char *text, const struct url *url)
{
	CURLU *theirs = curl_url();
	char *host = NULL, *port = NULL, *scheme = NULL, *user = NULL;
	char ours_port[8];
	demand(theirs && curl_url_set(theirs, CURLUPART_URL, text, 0) == CURLUE_OK, "libcurl does not take what was accepted", text);
	demand(curl_url_get(theirs, CURLUPART_HOST, &host, 0) == CURLUE_OK && curl_url_get(theirs, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	           curl_url_get(theirs, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK,
	       "libcurl finds no host", text);
	size_t len = strlen(host);
	bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
	struct in6_addr our_address, their_address;
	bool six = inet_pton(AF_INET6, url->host, &our_address) == 1;
	if (brackets)
		host[len - 1] = '\0';
	demand(brackets == six, "one sees an IPv6 address, the other does not", text);
	if (six)
		demand(inet_pton(AF_INET6, host + 1, &their_address) == 1 && memcmp(&our_address, &their_address, sizeof our_address) == 0,
		       "libcurl sees another address", text);
	else
		demand(strcasecmp(host, url->host) == 0, "libcurl sees another host", text);
	snprintf(ours_port, sizeof ours_port, "%d", url->port);
	demand(strcmp(port, ours_port) == 0, "libcurl sees another port", text);
	demand(strcmp(scheme, url->https ? "https" : "http") == 0, "libcurl sees another scheme", text);
	demand(curl_url_get(theirs, CURLUPART_USER, &user, 0) == CURLUE_NO_USER, "libcurl sees a user", text);
	curl_free(host);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(theirs);
}

static void check_url(const char *text, const struct url *url)
{
	demand(url->port >= 1 && url->port <= 65535, "a port that is none", text);
	demand(url->host[0] && strlen(url->host) <= URL_HOST_MAX, "a host that is none", text);
	demand(url->host[strspn(url->host, "abcdefghijklmnopqrstuvwxyz0123456789-_.:")] == '\0', "a host with other characters", text);
	check_against_curl(text, url);
}

static void check_address(const struct egress *egress, const struct egress_rules *rules, const struct url *url)
{
	static struct ranges allow, deny;
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct err err;
	char why[200] = "";
	bool four = inet_pton(AF_INET, url->host, &in.sin_addr) == 1, six = inet_pton(AF_INET6, url->host, &in6.sin6_addr) == 1;
	if (!four && !six)
		return;
	demand(ranges_parse(&allow, rules->allow, "allow", &err) == 0 && ranges_parse(&deny, rules->deny, "deny", &err) == 0, "ranges that were fine",
	       url->host);
	bool wanted = four ? admitted4(&allow, &deny, (const uint8_t *)&in.sin_addr) : admitted6(&allow, &deny, in6.sin6_addr.s6_addr);
	const struct sockaddr *address = four ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;
	enum egress_verdict verdict = egress_judge(egress, address, url->port, url->https, why, sizeof why);
	demand((verdict != EGRESS_ADDRESS) == wanted, "another verdict", url->host);
	demand((verdict == EGRESS_ADMITTED) == (why[0] == '\0'), "a refusal without a why", url->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char lines[4][512] = {"", "", "", ""};
	struct slice rest = {(const char *)data, len};
	struct err err = {0};
	struct url url;
	for (int i = 0; i < 4 && rest.len > 0; i++) {
		const char *end = i < 3 ? memchr(rest.at, '\n', rest.len) : NULL;
		size_t line = end ? (size_t)(end - rest.at) : rest.len;
		if (line >= sizeof lines[i] || memchr(rest.at, '\0', line))
			return 0;
		memcpy(lines[i], rest.at, line);
		rest = (struct slice){rest.at + line + (end != NULL), rest.len - line - (end != NULL)};
	}
	struct egress_rules rules = {.allow = lines[0], .deny = lines[1], .ports = lines[2]};
	struct egress *egress = egress_new(&rules, &err);
	demand(egress || err.detail[0], "rules refused without a why", lines[0]);
	if (url_parse(slice_of(lines[3]), "/url", &url, &err) == 0) {
		check_url(lines[3], &url);
		if (egress)
			check_address(egress, &rules, &url);
	}
	egress_free(egress);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static void take_url(const char *host, void (*take)(const char *input, size_t len))
{
	char input[256];
	int len = snprintf(input, sizeof input, "10.0.0.0/8, ::/0\n10.1.0.0/16\n\nhttps://%s/hook?a=b", host);
	take(input, (size_t)len);
}

/* The addresses at the edges of every block, inside and outside, and hosts of every form. */
void fuzz_seeds(void (*take)(const char *input, size_t len))
{
	static const char *const hosts[] = {"9.255.255.255",  "10.0.0.0",        "100.64.0.0",      "127.0.0.1",          "169.254.169.254", "172.31.255.255",
	                                    "192.0.0.255",    "198.19.255.255",  "223.255.255.255", "255.255.255.255",    "[2000::]",        "[2001:1ff::]",
	                                    "[2001:200::]",   "[2001:db8::1]",   "[2620:4f:8000::]", "[3fff:fff::]",      "[4000::]",        "[::ffff:1.1.1.1]",
	                                    "[64:ff9b::1]",   "[2002:101:101::]", "[2001::fefe:fefe]", "example.com",     "EXAMPLE.com:8443", "a-b_c.xn--p1ai"};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		take_url(hosts[i], take);
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		for (uint32_t edge = 0; edge < 4; edge++) {
			struct in_addr at = {.s_addr = htonl(blocks[i][edge / 2] + (edge == 0 ? UINT32_MAX : edge == 3))};
			char text[INET_ADDRSTRLEN];
			take_url(inet_ntop(AF_INET, &at, text, sizeof text), take);
		}
	}
}
#endif
