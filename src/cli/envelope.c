/* Makes the envelope of an event from the arguments of grapnel send. The payload's bytes go into it as they are. */
#include "cli/envelope.h"

#include <string.h>

#include "cli/when.h"
#include "conf/readfile.h"
#include "json/scan.h"

/* Options that are members of the envelope. */
static const struct {
	const char *option;
	const char *member;
	bool is_time;
} members[] = {
    {"type", "type", false},
    {"subject", "subject", false},
    {"subscriber", "subscriber", false},
    {"endpoint", "endpoint", false},
    {"uid", "uid", false},
    {"ordering-key", "ordering_key", false},
    {"deliver-at", "deliver_at", true},
    {"expires-at", "expires_at", true},
};

static int put_members(const struct command_run *run, struct strbuf *out)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		const char *value = args_value(run->args, members[i].option);
		char time[CLOCK_RFC3339_SIZE];
		struct err err = {0};
		if (!value)
			continue;
		if (members[i].is_time) {
			if (when_parse(value, run->local->clock, time, &err) != 0)
				return command_misused(run, "--%s: %s", members[i].option, err.detail);
			value = time;
		}
		strbuf_printf(out, "\"%s\":", members[i].member);
		json_put_string(out, slice_of(value));
		strbuf_putc(out, ',');
	}
	return EXIT_OK;
}

static int put_attributes(const struct command_run *run, struct strbuf *out)
{
	const char *pair;
	size_t at = 0;
	bool first = true;

	for (; (pair = args_next(run->args, "attribute", &at)); first = false) {
		const char *equals = strchr(pair, '=');
		if (!equals || equals == pair)
			return command_misused(run, "--attribute: \"%.60s\" has no name; accepted: NAME=VALUE", pair);
		strbuf_puts(out, first ? "\"attributes\":{" : ",");
		json_put_string(out, (struct slice){pair, (size_t)(equals - pair)});
		strbuf_putc(out, ':');
		json_put_string(out, slice_of(equals + 1));
	}
	if (!first)
		strbuf_puts(out, "},");
	return EXIT_OK;
}

/* The payload must be one whole JSON value: it must not be able to end the envelope. */
static int put_payload(const struct command_run *run, struct slice payload, struct strbuf *out)
{
	struct json_scan scan;
	struct slice value;

	json_scan_init(&scan, payload, JSON_DEPTH_MAX);
	if (json_value(&scan, &value) != 0 || json_end(&scan) != 0)
		return command_misused(run, "the payload is no JSON: %s, at byte %zu", scan.why, (size_t)(scan.at - scan.begin));
	strbuf_puts(out, "\"data\":");
	strbuf_slice(out, value);
	return EXIT_OK;
}

/* The payload from the argument or the file. */
static int read_payload(const struct command_run *run, struct strbuf *payload)
{
	const char *file = args_value(run->args, "data-file");
	struct err err = {0};

	if (!args_value(run->args, "type"))
		return command_misused(run, "--type is missing");
	if (file && run->args->words_len > 0)
		return command_misused(run, "the payload is given twice: as an argument and with --data-file");
	if (!file && run->args->words_len == 0)
		return command_misused(run, "the payload is missing: a JSON argument, or --data-file FILE");
	if (!file) {
		strbuf_puts(payload, run->args->words[0]);
		return EXIT_OK;
	}
	if (readfile(file, true, payload, &err) == 0)
		return EXIT_OK;
	command_say("%s", err.detail);
	return EXIT_FAILED;
}

int envelope_put(const struct command_run *run, struct strbuf *out)
{
	struct strbuf payload = STRBUF_INIT(ENVELOPE_MAX_BYTES);

	int code = read_payload(run, &payload);
	strbuf_putc(out, '{');
	if (code == EXIT_OK)
		code = put_members(run, out);
	if (code == EXIT_OK)
		code = put_attributes(run, out);
	if (code == EXIT_OK)
		code = put_payload(run, (struct slice){strbuf_text(&payload), payload.len}, out);
	strbuf_putc(out, '}');
	strbuf_free(&payload);
	return code;
}
