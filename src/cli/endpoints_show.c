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
    {"description", "description"},
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

int endpoints_show_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"GET", "endpoints", NULL, endpoint_owner, THING_COLUMNS(endpoint_columns)});
}
