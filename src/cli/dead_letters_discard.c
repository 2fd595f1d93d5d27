/* grapnel dead-letters discard. */
#include "cli/bulk.h"
#include "cli/dead_letter.h"

const struct args_option dead_letters_discard_run_options[] = {
    {"endpoint", "ID", DEAD_ENDPOINT_HELP}, {"subscriber", "ID", DEAD_SUBSCRIBER_HELP},
    {"type", "PATTERN", DEAD_TYPE_HELP},    {"reason", "REASON", DEAD_REASON_HELP},
    {"since", "TIME", DEAD_SINCE_HELP},     {"until", "TIME", DEAD_UNTIL_HELP},
    {"text", "TEXT", DEAD_TEXT_HELP},       {"all", NULL, BULK_ALL_HELP},
    {"yes", NULL, BULK_YES_HELP},           {"no-wait", NULL, BULK_NO_WAIT_HELP},
    {"json", NULL, BULK_JSON_HELP},         {0},
};

int dead_letters_discard_run(const struct command_run *run)
{
	return bulk_run(run, "discard", "discarded");
}
