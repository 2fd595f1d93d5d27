/* grapnel dead-letters list. */
#include "cli/dead_letter.h"
#include "cli/list.h"

const struct args_option dead_letters_list_run_options[] = {
    {"endpoint", "ID", DEAD_ENDPOINT_HELP},
    {"subscriber", "ID", DEAD_SUBSCRIBER_HELP},
    {"type", "PATTERN", DEAD_TYPE_HELP},
    {"reason", "REASON", DEAD_REASON_HELP},
    {"since", "TIME", DEAD_SINCE_HELP},
    {"until", "TIME", DEAD_UNTIL_HELP},
    {"text", "TEXT", DEAD_TEXT_HELP},
    {"limit", "N", LIST_LIMIT_HELP},
    {"all", NULL, LIST_ALL_HELP},
    {"json", NULL, LIST_JSON_HELP},
    {0},
};

const struct path_filter dead_letter_filters[] = {
    {"endpoint", "endpoint"}, {"subscriber", "subscriber"}, {"type", "type"}, {"reason", "reason"},
    {"since", "since"},       {"until", "until"},           {"text", "q"},    {0},
};

static const struct column columns[] = {
    {"DIED", "ended_at"},
    {"DELIVERY", "id"},
    {"TYPE", "type"},
    {"ENDPOINT", "endpoint"},
    {"REASON", "reason"},
    {"ATTEMPTS", "attempt_count"},
    {"STATUS", "last_attempt.status"},
    {"FAILURE", "last_attempt.failure"},
};

int dead_letters_list_run(const struct command_run *run)
{
	struct table table = TABLE_INIT(columns);
	return list_run(run, "dead-letters", dead_letter_filters, &table);
}
