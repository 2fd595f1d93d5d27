/* Lists. */
#include "cli/list.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_STANDARD = 100, PAGE_ROWS_MAX = 500 };

/* How many rows are wanted: INT64_MAX for all. */
static int rows_wanted(const struct command_run *run, int64_t *wanted)
{
	const char *text = args_value(run->args, "limit");
	char *end;

	*wanted = args_value(run->args, "all") ? INT64_MAX : ROWS_STANDARD;
	if (!text)
		return EXIT_OK;
	*wanted = strtoll(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *wanted > 0)
		return EXIT_OK;
	return command_misused(run, "--limit cannot be \"%.40s\"; accepted: a number from 1 on", text);
}

static void put_page(const struct command_run *run, struct table *table, const json_t *page)
{
	const json_t *rows = json_object_get(page, "data");

	if (!args_value(run->args, "json")) {
		table_rows(table, rows, stdout);
		return;
	}
	for (size_t i = 0; i < json_array_size(rows); i++)
		json_line(json_array_get(rows, i), stdout);
}

/* The path of the next page. */
static void page_path(struct strbuf *out, const char *path, int64_t left, const char *cursor)
{
	char limit[24];

	strbuf_clear(out);
	strbuf_puts(out, path);
	snprintf(limit, sizeof limit, "%lld", left < PAGE_ROWS_MAX ? (long long)left : (long long)PAGE_ROWS_MAX);
	path_param(out, "limit", limit);
	if (cursor)
		path_param(out, "cursor", cursor);
}

int list_put(const struct command_run *run, struct client *client, const char *path, struct table *table)
{
	struct strbuf at = STRBUF_INIT(PATH_MAX_BYTES);
	json_t *page = NULL;
	const char *cursor = NULL;
	int64_t left;
	int code = rows_wanted(run, &left);

	do {
		if (code != EXIT_OK)
			break;
		page_path(&at, path, left, cursor);
		json_decref(page);
		code = client_get(client, strbuf_text(&at), &page);
		if (code != EXIT_OK)
			break;
		put_page(run, table, page);
		left -= (int64_t)json_array_size(json_object_get(page, "data"));
		/* A page may be short, even empty, while the list goes on: only the cursor tells. */
		cursor = json_string_value(json_object_get(page, "next_cursor"));
	} while (cursor && left > 0);
	if (code == EXIT_OK && cursor)
		command_say("there are more: --limit N, or --all");
	json_decref(page);
	strbuf_free(&at);
	return code;
}

int list_run(const struct command_run *run, const char *what, const struct path_filter *filters, struct table *table)
{
	struct strbuf path = STRBUF_INIT(PATH_MAX_BYTES);
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	path_make(&path, what, NULL, NULL);
	if (filters)
		path_filters(&path, run, filters);
	code = list_put(run, client, strbuf_text(&path), table);
	client_close(client);
	strbuf_free(&path);
	return code;
}
