/* What the commands about retention share. */
#include "cli/retention.h"

#include <string.h>

enum { TEXT_MAX = 1024, KIB = 1024 };

static const struct column columns[] = {
    {"state", "state"},
    {"why", "why"},
    {"events", "settings.events_ms"},
    {"attempts", "settings.attempts_ms"},
    {"dead letters", "settings.dead_letters_ms"},
    {"refused requests", "settings.rejections_ms"},
    {"audit", "settings.audit_ms"},
    {"size at most", "settings.size_bytes"},
    {"last run", "last_run.ended_at"},
    {"deleted then", "last_run.deleted"},
    {"since the start", "deleted_since_start"},
    {"oldest event", "oldest_event"},
    {"database", "database.bytes"},
    {"in use", "database.used_bytes"},
    {"given back", "database.given_back_bytes"},
    {"erased bytes", "database.scrubbing"},
};

/* An age, in the largest unit that it is a whole number of. */
static void tell_age(json_t *of, const char *member, const char *none)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}, {1, "millisecond"}};
	int64_t ms = json_integer_value(json_object_get(of, member));
	size_t unit = 0;

	while (ms % units[unit].ms)
		unit++;
	int64_t count = ms / units[unit].ms;
	json_object_set_new(of, member, ms == 0 ? json_string(none) : json_sprintf("%lld %s%s", (long long)count, units[unit].name, count == 1 ? "" : "s"));
}

static void tell_size(json_t *of, const char *member, const char *none)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	int64_t bytes = json_integer_value(json_object_get(of, member));
	double size = (double)bytes / KIB;
	size_t unit = 0;

	for (; size >= KIB && unit + 1 < sizeof units / sizeof *units; unit++)
		size /= KIB;
	json_object_set_new(of, member, bytes == 0 ? json_string(none) : bytes < KIB ? json_sprintf("%lld bytes", (long long)bytes) : json_sprintf("%.1f %s", size, units[unit]));
}

/* "events 3, deliveries 5" */
static void tell_counts(json_t *of, const char *member)
{
	struct strbuf text = STRBUF_INIT(TEXT_MAX);
	const char *what;
	json_t *count;

	json_object_foreach(json_object_get(of, member), what, count) {
		if (json_integer_value(count) > 0)
			strbuf_printf(&text, "%s%s %lld", text.len ? ", " : "", what, (long long)json_integer_value(count));
	}
	json_object_set_new(of, member, json_string(text.len ? strbuf_text(&text) : "nothing was old enough"));
	strbuf_free(&text);
}

static void tell_database(json_t *database)
{
	bool gives_back = json_is_true(json_object_get(database, "gives_back"));

	tell_size(database, "bytes", "empty");
	tell_size(database, "used_bytes", "nothing");
	tell_size(database, "given_back_bytes", "nothing");
	if (!gives_back)
		json_object_set_new(database, "given_back_bytes", json_string("not possible for this database"));
	if (json_is_true(json_object_get(database, "scrubbing")))
		json_object_set_new(database, "scrubbing", json_string("are being removed from the files"));
	else
		json_object_del(database, "scrubbing");
}

/* Numbers and null as people say them. What a process that does not serve knows nothing of is left out. */
static void tell(json_t *answer)
{
	json_t *settings = json_object_get(answer, "settings"), *last = json_object_get(answer, "last_run");
	const char *state = json_string_value(json_object_get(answer, "state"));

	tell_age(settings, "events_ms", "for ever");
	tell_age(settings, "attempts_ms", "as long as their delivery");
	tell_age(settings, "dead_letters_ms", "until they are retried or discarded");
	tell_age(settings, "rejections_ms", "as long as there is room");
	tell_age(settings, "audit_ms", "for ever");
	tell_size(settings, "size_bytes", "no bound");
	if (state && strcmp(state, "off") == 0) {
		json_object_set_new(answer, "state", json_string("off: the hub does not run, nothing is deleted"));
		json_object_del(answer, "why");
		json_object_del(answer, "last_run");
		json_object_del(answer, "deleted_since_start");
		json_object_del(answer, "database");
		return;
	}
	if (json_is_null(json_object_get(last, "ended_at"))) {
		json_object_set_new(last, "ended_at", json_string("none yet"));
		json_object_del(last, "deleted");
	} else {
		tell_counts(last, "deleted");
	}
	tell_counts(answer, "deleted_since_start");
	tell_database(json_object_get(answer, "database"));
}

int retention_ask(const struct command_run *run, const char *method, const char *path)
{
	json_t *answer = NULL;
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	code = client_request(client, method, path, NULL, (struct slice){NULL, 0}, &answer);
	if (code == EXIT_OK && !args_value(run->args, "json"))
		tell(answer);
	if (code == EXIT_OK)
		thing_put(run, columns, sizeof columns / sizeof *columns, answer);
	json_decref(answer);
	client_close(client);
	return code;
}
