/* grapnel key list: a table of the API keys. The keys themselves are not known any more, only their first characters. */
#include <string.h>

#include <curl/curl.h>

#include "cli/client.h"

const struct args_option key_list_run_options[] = {{0}};

static const struct {
	const char *field;
	const char *title;
	int width;
} columns[] = {
    {"id", "ID", 18},
    {"name", "NAME", 20},
    {"scopes", "SCOPES", 20},
    {"subscriber", "SUBSCRIBER", 18},
    {"created_at", "CREATED", 24},
    {"expires_at", "EXPIRES", 24},
    {"hint", "HINT", 0},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* A value as a cell: text, a list of texts with commas, "-" for nothing. */
static void cell_text(const json_t *value, struct strbuf *out)
{
	if (json_is_string(value))
		strbuf_puts(out, json_string_value(value));
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *item = json_string_value(json_array_get(value, i));
		strbuf_printf(out, "%s%s", i > 0 ? "," : "", item ? item : "");
	}
	if (out->len == 0)
		strbuf_putc(out, '-');
}

static void put_row(const json_t *key)
{
	struct strbuf cell = STRBUF_INIT(64 << 10);

	for (size_t i = 0; i < COLUMNS; i++) {
		strbuf_clear(&cell);
		if (key)
			cell_text(json_object_get(key, columns[i].field), &cell);
		else
			strbuf_puts(&cell, columns[i].title);
		command_put(strbuf_text(&cell), stdout);
		if (i + 1 < COLUMNS)
			printf("%*s", (int)cell.len < columns[i].width ? columns[i].width - (int)cell.len + 1 : 1, "");
	}
	putchar('\n');
	strbuf_free(&cell);
}

/* Prints a page; the path of the next one in `path`, "" at the end. */
static int put_page(const json_t *page, char *path, size_t path_size)
{
	const json_t *keys = json_object_get(page, "data");
	const char *cursor = json_string_value(json_object_get(page, "next_cursor"));

	for (size_t i = 0; i < json_array_size(keys); i++)
		put_row(json_array_get(keys, i));
	path[0] = '\0';
	if (!cursor)
		return EXIT_OK;
	char *escaped = curl_easy_escape(NULL, cursor, (int)strlen(cursor));
	if (!escaped)
		return EXIT_FAILED;
	snprintf(path, path_size, "/v1/keys?limit=500&cursor=%s", escaped);
	curl_free(escaped);
	return EXIT_OK;
}

int key_list_run(const struct command_run *run)
{
	char path[1024] = "/v1/keys?limit=500";
	int code;

	if (command_words(run, 0, 0) != EXIT_OK)
		return EXIT_USAGE;
	struct client *client = client_open(run, false, &code);
	if (!client)
		return code;
	for (bool first = true; code == EXIT_OK && path[0]; first = false) {
		json_t *page = NULL;
		code = client_request(client, "GET", path, NULL, (struct slice){0}, &page);
		if (first && code == EXIT_OK)
			put_row(NULL);
		if (code == EXIT_OK)
			code = put_page(page, path, sizeof path);
		json_decref(page);
	}
	client_close(client);
	return code;
}
