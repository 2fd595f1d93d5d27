/* grapnel trigger: a sample of a provider's webhook, signed as the provider would with the source's own secret, sent to the source's door:
 * the way to try a source without the provider. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"
#include "cli/client.h"
#include "cli/path.h"
#include "cli/table.h"
#include "conf/readfile.h"
#include "scheme/scheme.h"

const struct args_option trigger_run_options[] = {
    {"source", "ID", "the source that it is sent to (id or uid)"},
    {"private-key", "FILE", "the key in PEM, for providers that sign with one: the public half is the source's secret, or its certificate"},
    {"json", NULL, "print the answer as JSON, in one line"},
    {0},
};

enum { KEY_BYTES_MAX = 64 << 10, URL_BYTES_MAX = 16 << 10 };

/* What is needed of a source, with its memory. */
struct target {
	json_t *source, *secret;
	struct strbuf key, url, path, host;
	struct scheme_source view;
	struct scheme_signed made;
};

static void target_free(struct target *target)
{
	json_decref(target->source);
	json_decref(target->secret);
	strbuf_free(&target->key);
	strbuf_free(&target->url);
	strbuf_free(&target->path);
	strbuf_free(&target->host);
	scheme_signed_free(&target->made);
}

static struct slice text_of(const struct strbuf *text)
{
	return (struct slice){strbuf_text(text), text->len};
}

/* The URL as the signature covers it, and where the request goes: to the door itself, in the name of the host that the provider would call.
 */
static void find_url(const struct client *client, struct target *target)
{
	static const char http[] = "http://";
	const char *url = json_string_value(json_object_get(target->source, "url")),
		   *id = json_string_value(json_object_get(target->source, "id"));
	bool said = json_is_string(json_object_get(target->source, "public_url")) || client_conf(client)->public_url;
	const char *host = url ? strstr(url, "://") : NULL, *door = url ? strstr(url, "/in/") : NULL;

	host = host ? host + 3 : "localhost";
	strbuf_append(&target->host, host, strcspn(host, "/"));
	if (!said && url && strncmp(url, http, sizeof http - 1) == 0)
		strbuf_printf(&target->url, "https://%s", url + sizeof http - 1);
	else
		strbuf_puts(&target->url, url ? url : "");
	if (said || !door)
		strbuf_printf(&target->path, "/in/%s", id ? id : "");
	else
		strbuf_puts(&target->path, door);
}

static int look_up(struct client *client, const char *name, struct target *target)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);

	path_make(&path, "sources", name, NULL);
	int code = client_get(client, strbuf_text(&path), &target->source);
	strbuf_clear(&path);
	path_make(&path, "sources", name, "secret");
	if (code == EXIT_OK)
		code = client_get(client, strbuf_text(&path), &target->secret);
	strbuf_free(&path);
	if (code != EXIT_OK)
		return code;
	const json_t *secret = json_object_get(target->secret, "secret"), *uid = json_object_get(target->source, "uid");
	find_url(client, target);
	target->view = (struct scheme_source){
	    .uid = {json_string_value(uid), json_string_length(uid)},
	    .settings = json_object_get(target->source, "settings"),
	    .secrets_len = json_is_string(secret),
	    .secrets = {{json_string_value(secret), json_string_length(secret)}},
	    .tolerance_s = -1,
	    .public_url = text_of(&target->url),
	};
	return EXIT_OK;
}

static int read_key(const char *file, struct strbuf *key)
{
	struct err err = {0};

	if (!file || readfile(file, true, key, &err) == 0)
		return EXIT_OK;
	command_say("%s", err.detail);
	return EXIT_USAGE;
}

static int sign(const struct command_run *run, const struct scheme *scheme, struct target *target)
{
	const char *event = run->args->words_len > 1 ? run->args->words[1] : "";
	const struct scheme_sample *sample = scheme_sample(scheme, slice_of(event));
	uint8_t lot[10];
	char id[17];
	struct err err = {0};

	if (!sample) {
		command_misused(run, "there is no sample %.60s of %s; these are:", event, scheme->name);
		for (sample = scheme->samples; sample->event; sample++)
			fprintf(stderr, "  %s\n", sample->event);
		return EXIT_USAGE;
	}
	codec_random(lot, sizeof lot);
	codec_base32(lot, sizeof lot, id);
	struct scheme_moment moment = {.now_ms = clock_wall_ms(run->local->clock),
	                               .id = slice_of(id),
	                               .private_key = target->key.len ? text_of(&target->key) : (struct slice){NULL, 0}};
	if (scheme_sign(scheme, &target->view, sample, &moment, &target->made, &err) == 0)
		return EXIT_OK;
	command_say("%s", err.detail);
	return EXIT_FAILED;
}

static void put_answer(const struct command_run *run, const char *name, const struct client_ask *ask, const struct client_answer *answer)
{
	struct slice body = text_of(&answer->body);
	struct strbuf problem = STRBUF_INIT(64 << 10);

	if (args_value(run->args, "json")) {
		json_t *line = json_pack("{s:i, s:o}", "status", answer->status, "body", json_stringn(body.at, body.len));
		json_line(line, stdout);
		json_decref(line);
	} else if (client_code(answer) == EXIT_OK) {
		printf("%d: the source took it%s\n", answer->status, body.len ? " and answered:" : "");
		if (body.len > 0) {
			command_put(body.at, stdout);
			putchar('\n');
		}
	} else {
		client_problem(ask, answer, &problem);
		command_say("%d: %s", answer->status, strbuf_text(&problem));
		command_say("why: grapnel rejections list --source %s --limit 1", name);
	}
	strbuf_free(&problem);
}

static int send_it(const struct command_run *run, struct client *client, const char *name, struct target *target)
{
	struct client_header headers[SCHEME_SIGNED_HEADERS_MAX + 1];
	struct client_answer answer;
	const char *content_type = "application/octet-stream";
	size_t len = 0;

	headers[len++] = (struct client_header){"Host", strbuf_text(&target->host)};
	for (unsigned i = 0; i < target->made.headers_len; i++) {
		if (strcasecmp(target->made.headers[i].name, "Content-Type") == 0)
			content_type = target->made.headers[i].value;
		else
			headers[len++] = (struct client_header){target->made.headers[i].name, target->made.headers[i].value};
	}
	if (target->made.query.len > 0)
		strbuf_printf(&target->path, "?%s", strbuf_text(&target->made.query));
	struct client_ask ask = {.method = "POST",
	                         .path = strbuf_text(&target->path),
	                         .content_type = content_type,
	                         .body = text_of(&target->made.body),
	                         .headers = headers,
	                         .headers_len = len};
	int code = client_ask(client, &ask, &answer);
	if (code != EXIT_OK) {
		command_say("%s", client_why(client));
		return code;
	}
	put_answer(run, name, &ask, &answer);
	code = client_code(&answer);
	strbuf_free(&answer.body);
	return code;
}

static int trigger(const struct command_run *run, struct client *client, const char *name, const struct scheme *scheme,
                   struct target *target)
{
	int code = look_up(client, name, target);
	if (code != EXIT_OK)
		return code;
	const char *of = json_string_value(json_object_get(target->source, "scheme"));
	if (!of || strcmp(of, scheme->name) != 0) {
		command_say("the source %s is of the scheme %s", name, of ? of : "?");
		return EXIT_FAILED;
	}
	code = sign(run, scheme, target);
	return code == EXIT_OK ? send_it(run, client, name, target) : code;
}

int trigger_run(const struct command_run *run)
{
	const char *name = args_value(run->args, "source");
	struct target target = {.key = STRBUF_INIT(KEY_BYTES_MAX),
	                        .url = STRBUF_INIT(URL_BYTES_MAX),
	                        .path = STRBUF_INIT(URL_BYTES_MAX),
	                        .host = STRBUF_INIT(URL_BYTES_MAX)};
	int code;

	if (command_words(run, 1, 2) != EXIT_OK)
		return EXIT_USAGE;
	const struct scheme *scheme = scheme_find(slice_of(run->args->words[0]));
	if (!scheme)
		return command_misused(run, "there is no scheme %.60s; \"grapnel schemes list\" lists them", run->args->words[0]);
	if (!name || !*name)
		return command_misused(run, "say which source: --source ID");
	scheme_signed_init(&target.made);
	code = read_key(args_value(run->args, "private-key"), &target.key);
	struct client *client = code == EXIT_OK ? client_open(run, false, &code) : NULL;
	if (client)
		code = trigger(run, client, name, scheme, &target);
	client_close(client);
	target_free(&target);
	return code;
}
