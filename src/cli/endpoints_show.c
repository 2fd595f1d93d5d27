/* grapnel endpoints show: one endpoint, and what the commands about endpoints share. */
#include "cli/endpoint.h"

const struct args_option endpoints_show_run_options[] = {
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

const struct column endpoint_columns[ENDPOINT_COLUMNS] = {
    {"id", "id"},
    {"uid", "uid"},
    {"subscriber", "subscriber"},
    {"url", "url"},
    {"types", "event_types"},
    {"status", "status"},
    {"reason", "status_reason"},
    {"since", "status_since"},
    {"verification", "verification.state"},
    {"not verified", "verification.detail"},
    {"insecure", "insecure.findings.code"},
    {"insecure since", "insecure.since"},
    {"description", "description"},
    {"auth", "auth.type"},
    {"tls", "tls"},
    {"signature", "signature.versions"},
    {"signed headers", "signature.headers"},
    {"legacy signature", "signature.legacy.style"},
    {"public key", "public_key"},
    {"format", "format"},
    {"ordered", "ordered"},
    {"timeout ms", "timeout_ms"},
    {"max in flight", "max_in_flight"},
    {"rate", "rate"},
    {"breaker", "breaker.state"},
    {"because", "breaker.why"},
    {"next try", "breaker.next_probe_at"},
    {"retry", "retry"},
    {"created", "created_at"},
    {"updated", "updated_at"},
    {"secret", "secret"},
};

const struct path_filter endpoint_owner[] = {{"subscriber", "subscriber"}, {0}};

/* What it says, in words: certificates would fill the screen. */
static void tell_tls(json_t *answer)
{
	const json_t *tls = json_object_get(answer, "tls");
	json_t *words = json_array();
	const char *least = json_string_value(json_object_get(tls, "min_version"));
	if (!json_is_object(tls)) {
		json_decref(words);
		return;
	}
	if (json_is_false(json_object_get(tls, "verify")))
		json_array_append_new(words, json_string("NOT VERIFIED"));
	if (json_is_string(json_object_get(tls, "client_certificate")))
		json_array_append_new(words, json_string("client certificate"));
	if (json_is_string(json_object_get(tls, "ca")))
		json_array_append_new(words, json_string("own authorities"));
	if (least)
		json_array_append_new(words, json_sprintf("at least %s", least));
	json_object_set_new(answer, "tls", words);
}

int endpoints_show_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"GET", "endpoints", NULL, endpoint_owner, THING_COLUMNS(endpoint_columns), .prepare = tell_tls});
}
