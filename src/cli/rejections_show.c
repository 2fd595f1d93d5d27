/* grapnel rejections show. */
#include "cli/thing.h"

const struct args_option rejections_show_run_options[] = {
    {"json", NULL, THING_JSON_HELP},
    {0},
};

static const struct column columns[] = {
    {"id", "id"},
    {"source", "source"},
    {"name", "name"},
    {"time", "time"},
    {"remote", "remote"},
    {"method", "method"},
    {"path", "path"},
    {"reason", "reason"},
    {"meaning", "meaning"},
    {"detail", "detail"},
    {"content type", "content_type"},
    {"bytes", "body_bytes"},
    {"cut", "cut"},
    {"event", "event"},
    {"headers", "headers"},
    {"body", "body"},
    {"base64", "body_base64"},
};

int rejections_show_run(const struct command_run *run)
{
	return thing_run(run, &(struct thing){"GET", "rejections", NULL, NULL, THING_COLUMNS(columns)});
}
