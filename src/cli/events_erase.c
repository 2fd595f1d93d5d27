/* grapnel events erase: what an event said, and what was answered to it, goes for good. */
#include "cli/confirm.h"
#include "cli/thing.h"

const struct args_option events_erase_run_options[] = {
    {"cancel", NULL, "cancel its deliveries that have not ended, instead of refusing"},
    {"subscriber", "ID", THING_SUBSCRIBER_HELP},
    {"yes", NULL, CONFIRM_YES_HELP},
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct path_filter owner[] = {{"subscriber", "subscriber"}, {0}};
static const struct path_filter owner_and_cancel[] = {{"subscriber", "subscriber"}, {"cancel", "cancel"}, {0}};
static const struct column columns[] = {
    {"id", "id"}, {"erased", "erased_at"}, {"cancelled", "cancelled"}, {"responses", "responses"}, {"operation", "operation"}};

int events_erase_run(const struct command_run *run)
{
	bool cancel = args_value(run->args, "cancel") != NULL;

	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	int code = confirm(run, cancel ? "What the event said is erased for good, and its deliveries that have not ended are cancelled."
	                               : "What the event said, and what endpoints answered to it, is erased for good.");
	return code != EXIT_OK ? code
	                       : thing_run(run, &(struct thing){"DELETE", "events", "payload", cancel ? owner_and_cancel : owner, THING_COLUMNS(columns)});
}
