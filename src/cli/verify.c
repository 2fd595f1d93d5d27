/* grapnel verify: judges a captured request as a source of this scheme would. No hub is needed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/table.h"
#include "conf/readfile.h"
#include "scheme/scheme.h"

const struct args_option verify_run_options[] = {
    {"secret", "TEXT", "a secret of the source; may be given several times"},
    {"secret-file", "FILE", "the same, the first line of a file: arguments are seen by all users of a machine"},
    {"setting", "NAME=VALUE", "a setting of the scheme; @FILE as the value takes it from a file; may be given several times"},
    {"header", "NAME: VALUE", "a header of the request; may be given several times"},
    {"method", "METHOD", "the request's method (default: POST)"},
    {"url", "URL", "what was called, query included"},
    {"now", "TIME", "when it came: RFC 3339, or whole seconds of the Unix epoch (default: now)"},
    {"tolerance", "SECONDS", "how old its timestamp may be (default: the scheme's)"},
    {"ignore-age", NULL, "judge the signature alone, however old it is"},
    {"certificate", "FILE", "the provider's certificate in PEM, as it was fetched"},
    {"json", NULL, "print the verdict as one JSON object"},
    {0},
};

enum { BODY_BYTES_MAX = 64 << 20, FILE_BYTES_MAX = 1 << 20, HEADERS_MAX = 128 };

/* All that a verdict is made of, with its memory. */
struct captured {
	struct scheme_source source;
	struct scheme_request request;
	struct scheme_header headers[HEADERS_MAX];
	json_t *settings;
	struct strbuf body, certificate, secret;
};

static void captured_free(struct captured *captured)
{
	json_decref(captured->settings);
	strbuf_free(&captured->body);
	strbuf_free(&captured->certificate);
	strbuf_free(&captured->secret);
}

static int read_into(struct strbuf *out, const char *file, bool standard_input)
{
	struct err err = {0};

	if (readfile(file, standard_input, out, &err) == 0)
		return EXIT_OK;
	command_say("%s", err.detail);
	return EXIT_USAGE;
}

/* ---- The source ---- */

static const struct scheme_setting *setting_of(const struct scheme *scheme, const char *name)
{
	for (const struct scheme_setting *setting = scheme->settings; setting && setting->name; setting++) {
		if (strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

/* The value in the type that the scheme wants; what does not fit stays text, and scheme_check() says so. */
static json_t *setting_value(const struct scheme_setting *setting, const char *text, size_t len)
{
	bool literal = setting && (strcmp(setting->type, "integer") == 0 || strcmp(setting->type, "boolean") == 0 || strcmp(setting->type, "object") == 0);
	json_t *value = literal ? json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL) : NULL;
	return value ? value : json_stringn(text, len);
}

static int put_setting(const struct command_run *run, const struct scheme *scheme, const char *pair, json_t *settings)
{
	const char *equals = strchr(pair, '=');
	struct strbuf file = STRBUF_INIT(FILE_BYTES_MAX);
	int code = EXIT_OK;

	if (!equals || equals == pair)
		return command_misused(run, "--setting wants NAME=VALUE");
	char *name = mem_text_of((struct slice){pair, (size_t)(equals - pair)});
	const char *text = equals + 1;
	size_t len = strlen(text);
	if (*text == '@') {
		code = read_into(&file, text + 1, false);
		text = strbuf_text(&file);
		len = file.len;
	}
	json_t *value = code == EXIT_OK ? setting_value(setting_of(scheme, name), text, len) : NULL;
	if (code == EXIT_OK && !value)
		code = command_misused(run, "--setting %s is not UTF-8", name);
	if (value)
		json_object_set_new(settings, name, value);
	strbuf_free(&file);
	free(name);
	return code;
}

static int add_secret(const struct command_run *run, struct slice secret, struct scheme_source *source)
{
	if (source->secrets_len == SCHEME_SECRETS_MAX)
		return command_misused(run, "there are more than %d secrets", SCHEME_SECRETS_MAX);
	source->secrets[source->secrets_len++] = secret;
	return EXIT_OK;
}

static int read_source(const struct command_run *run, const struct scheme *scheme, struct captured *captured)
{
	const struct args *args = run->args;
	const char *value, *tolerance = args_value(args, "tolerance"), *file = args_value(args, "secret-file");
	size_t at = 0;
	int code = EXIT_OK;

	captured->source.tolerance_s = -1;
	if (tolerance) {
		char *end;
		captured->source.tolerance_s = strtoll(tolerance, &end, 10);
		if (*end || end == tolerance || captured->source.tolerance_s < 0 || captured->source.tolerance_s > INT32_MAX)
			return command_misused(run, "--tolerance wants a whole number of seconds");
	}
	captured->settings = json_object();
	captured->source.settings = captured->settings;
	while (code == EXIT_OK && (value = args_next(args, "setting", &at)))
		code = put_setting(run, scheme, value, captured->settings);
	at = 0;
	while (code == EXIT_OK && (value = args_next(args, "secret", &at)))
		code = add_secret(run, slice_of(value), &captured->source);
	if (code == EXIT_OK && file) {
		code = read_into(&captured->secret, file, false);
		const char *text = strbuf_text(&captured->secret);
		if (code == EXIT_OK)
			code = add_secret(run, (struct slice){text, strcspn(text, "\r\n")}, &captured->source);
	}
	return code;
}

/* ---- The request ---- */

static int read_headers(const struct command_run *run, struct captured *captured)
{
	const char *line;
	size_t at = 0;

	captured->request.headers = captured->headers;
	while ((line = args_next(run->args, "header", &at))) {
		size_t name_len = strcspn(line, ":");
		if (name_len == 0 || !line[name_len])
			return command_misused(run, "--header wants \"Name: value\"");
		if (captured->request.headers_len == HEADERS_MAX)
			return command_misused(run, "there are more than %d headers", HEADERS_MAX);
		const char *value = line + name_len + 1;
		value += strspn(value, " \t");
		size_t len = strlen(value);
		while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
			len--;
		captured->headers[captured->request.headers_len++] = (struct scheme_header){{line, name_len}, {value, len}};
	}
	return EXIT_OK;
}

/* What was called is the source's public URL, and the request's path and query. */
static int read_url(const struct command_run *run, struct captured *captured)
{
	const char *url = args_value(run->args, "url");

	captured->request.path = SLICE_LITERAL("/");
	if (!url)
		return EXIT_OK;
	const char *host = strstr(url, "://");
	if (!host || strchr(url, '#'))
		return command_misused(run, "--url wants https://host/path?query");
	const char *path = host + 3 + strcspn(host + 3, "/?"), *query = strchr(path, '?');
	size_t path_len = query ? (size_t)(query - path) : strlen(path);
	if (path_len > 0)
		captured->request.path = (struct slice){path, path_len};
	if (query)
		captured->request.query = slice_of(query + 1);
	captured->source.public_url = (struct slice){url, (size_t)(path - url) + path_len};
	return EXIT_OK;
}

static int read_now(const struct command_run *run, struct captured *captured)
{
	const char *now = args_value(run->args, "now");
	char *end;

	if (!now) {
		captured->request.now_ms = clock_wall_ms(run->local->clock);
		return EXIT_OK;
	}
	int64_t seconds = strtoll(now, &end, 10);
	if (!*end && end != now && seconds >= 0 && seconds < INT64_MAX / 1000) {
		captured->request.now_ms = seconds * 1000;
		return EXIT_OK;
	}
	if (clock_parse_rfc3339(slice_of(now), &captured->request.now_ms) == 0)
		return EXIT_OK;
	return command_misused(run, "--now wants RFC 3339 (2031-01-31T12:00:00Z), or whole seconds of the Unix epoch");
}

static int read_request(const struct command_run *run, struct captured *captured)
{
	const char *method = args_value(run->args, "method"), *certificate = args_value(run->args, "certificate");
	int code;

	captured->request.method = slice_of(method ? method : "POST");
	captured->request.ignore_age = args_value(run->args, "ignore-age") != NULL;
	if ((code = read_headers(run, captured)) != EXIT_OK || (code = read_url(run, captured)) != EXIT_OK ||
	    (code = read_now(run, captured)) != EXIT_OK)
		return code;
	if (certificate && (code = read_into(&captured->certificate, certificate, false)) != EXIT_OK)
		return code;
	if (certificate)
		captured->request.certificate = (struct slice){strbuf_text(&captured->certificate), captured->certificate.len};
	if (slice_is(captured->request.method, "POST") && (code = read_into(&captured->body, "-", true)) != EXIT_OK)
		return code;
	captured->request.body = (struct slice){strbuf_text(&captured->body), captured->body.len};
	return EXIT_OK;
}

/* ---- The verdict ---- */

static void put_text(json_t *object, const char *name, const struct strbuf *text)
{
	if (text->len > 0)
		json_object_set_new(object, name, json_stringn(text->data, text->len));
}

static void put_reply(json_t *object, const struct scheme_reply *reply)
{
	json_t *headers = json_object();

	if (reply->status)
		json_object_set_new(object, "status", json_integer(reply->status));
	if (reply->content_type)
		json_object_set_new(headers, "Content-Type", json_string(reply->content_type));
	for (unsigned i = 0; i < reply->headers_len; i++)
		json_object_set_new(headers, reply->headers[i].name, json_string(reply->headers[i].value));
	if (json_object_size(headers) > 0)
		json_object_set(object, "headers", headers);
	json_decref(headers);
	put_text(object, "body", &reply->body);
}

static json_t *verdict_json(const struct scheme_result *result)
{
	static const char *const verdicts[] = {"accepted", "answered", "refused", "certificate"};
	json_t *object = json_pack("{s:s}", "verdict", verdicts[result->verdict]);

	switch (result->verdict) {
	case SCHEME_ACCEPTED:
		put_text(object, "type", &result->type);
		put_text(object, "dedupe", &result->dedupe);
		put_text(object, "subject", &result->subject);
		if (result->secret_index >= 0)
			json_object_set_new(object, "secret", json_integer(result->secret_index));
		put_reply(object, &result->reply);
		break;
	case SCHEME_ANSWERED:
		put_reply(object, &result->reply);
		put_text(object, "confirm_url", &result->confirm_url);
		put_text(object, "keep_secret", &result->keep_secret);
		break;
	case SCHEME_REFUSED:
		json_object_set_new(object, "reason", json_string(rejection_code(result->reason)));
		json_object_set_new(object, "status", json_integer(rejection_status(result->reason)));
		json_object_set_new(object, "why", json_string(result->why));
		break;
	case SCHEME_CERTIFICATE:
		put_text(object, "certificate_url", &result->certificate_url);
		break;
	}
	return object;
}

static int put_verdict(const struct command_run *run, const struct scheme_result *result)
{
	static const struct column columns[] = {
	    {"verdict", "verdict"}, {"reason", "reason"},   {"why", "why"},
	    {"type", "type"},       {"dedupe", "dedupe"},   {"subject", "subject"},
	    {"secret", "secret"},   {"status", "status"},   {"body", "body"},
	    {"confirm", "confirm_url"}, {"secret sent", "keep_secret"}, {"certificate", "certificate_url"},
	};
	json_t *object = verdict_json(result);

	if (args_value(run->args, "json"))
		json_line(object, stdout);
	else
		table_fields(columns, sizeof columns / sizeof *columns, object, stdout);
	json_decref(object);
	if (result->verdict == SCHEME_CERTIFICATE)
		command_say("the signature cannot be judged without the certificate at that URL: give it with --certificate");
	return result->verdict == SCHEME_ACCEPTED || result->verdict == SCHEME_ANSWERED ? EXIT_OK : EXIT_FAILED;
}

static int unknown_scheme(const struct command_run *run, const char *name)
{
	struct strbuf names = STRBUF_INIT(2048);
	size_t len;
	const struct scheme *const *schemes = scheme_all(&len);

	for (size_t i = 0; i < len; i++)
		strbuf_printf(&names, "%s%s", i ? ", " : "", schemes[i]->name);
	int code = command_misused(run, "there is no scheme \"%.60s\"; there are %s", name, strbuf_text(&names));
	strbuf_free(&names);
	return code;
}

int verify_run(const struct command_run *run)
{
	struct captured captured = {
	    .body = STRBUF_INIT(BODY_BYTES_MAX), .certificate = STRBUF_INIT(FILE_BYTES_MAX), .secret = STRBUF_INIT(FILE_BYTES_MAX)};
	struct scheme_result result;
	struct err err = {0};
	int code;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	const struct scheme *scheme = scheme_find(slice_of(run->args->words[0]));
	if (!scheme)
		return unknown_scheme(run, run->args->words[0]);
	scheme_result_init(&result);
	code = read_source(run, scheme, &captured);
	if (code == EXIT_OK)
		code = read_request(run, &captured);
	if (code == EXIT_OK && scheme_check(scheme, &captured.source, &err) != 0) {
		for (unsigned i = 0; i < err.fields_len; i++)
			command_misused(run, "%s %s", err.fields[i].pointer, err.fields[i].detail);
		code = EXIT_USAGE;
	}
	if (code == EXIT_OK) {
		scheme_verify(scheme, &captured.source, &captured.request, &result);
		code = put_verdict(run, &result);
	}
	scheme_result_free(&result);
	captured_free(&captured);
	return code;
}
