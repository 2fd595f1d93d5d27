/* Tables. */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "cli/command.h"

enum { CELL_MAX_BYTES = 1 << 20, FIELD_GAP = 2 };

const json_t *json_at(const json_t *object, const char *path)
{
	while (object && *path) {
		size_t len = strcspn(path, ".");
		object = json_object_getn(object, path, len);
		path += len + (path[len] == '.');
	}
	return object;
}

static void put_value(const json_t *value, struct strbuf *out);

/* Texts with commas between them; objects and lists of them as JSON. */
static void put_list(const json_t *list, struct strbuf *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		strbuf_puts(out, i > 0 ? "," : "");
		put_value(json_array_get(list, i), out);
	}
}

static void put_value(const json_t *value, struct strbuf *out)
{
	if (json_is_string(value)) {
		strbuf_puts(out, json_string_value(value));
	} else if (json_is_integer(value)) {
		strbuf_printf(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_boolean(value)) {
		strbuf_puts(out, json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		put_list(value, out);
	} else if (value && !json_is_null(value)) {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		strbuf_puts(out, text ? text : "");
		free(text);
	}
}

/* The value at a path, or those of a list on the way. */
static void put_path(const json_t *object, const char *path, struct strbuf *out)
{
	while (object && *path && !json_is_array(object)) {
		size_t len = strcspn(path, ".");
		object = json_object_getn(object, path, len);
		path += len + (path[len] == '.');
	}
	if (!*path)
		put_value(object, out);
	for (size_t i = 0; *path && i < json_array_size(object); i++) {
		strbuf_puts(out, i > 0 ? "," : "");
		put_path(json_array_get(object, i), path, out);
	}
}

/* The text of a cell, "-" for nothing; it lives in `out`. */
static const char *cell_of(const json_t *row, const char *field, struct strbuf *out)
{
	strbuf_clear(out);
	put_path(row, field, out);
	if (out->len == 0)
		strbuf_putc(out, '-');
	return strbuf_text(out);
}

/* Characters, not bytes: those that continue a UTF-8 sequence do not count. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void widen(struct table *table, const json_t *rows)
{
	struct strbuf cell = STRBUF_INIT(CELL_MAX_BYTES);

	for (size_t c = 0; c < table->len; c++) {
		int title = width_of(table->columns[c].title);
		if (table->widths[c] < title)
			table->widths[c] = title;
		for (size_t r = 0; r < json_array_size(rows); r++) {
			int width = width_of(cell_of(json_array_get(rows, r), table->columns[c].field, &cell));
			if (table->widths[c] < width)
				table->widths[c] = width;
		}
	}
	strbuf_free(&cell);
}

/* The last cell of a line is not filled up. */
static void put_cell(const struct table *table, size_t column, const char *text, FILE *to)
{
	bool last = column + 1 == table->len;
	command_put(text, to);
	fprintf(to, "%*s", last ? 0 : table->widths[column] - width_of(text) + FIELD_GAP, "");
	if (last)
		fputc('\n', to);
}

void table_rows(struct table *table, const json_t *rows, FILE *to)
{
	struct strbuf cell = STRBUF_INIT(CELL_MAX_BYTES);

	widen(table, rows);
	for (size_t c = 0; c < table->len && !table->begun; c++)
		put_cell(table, c, table->columns[c].title, to);
	table->begun = true;
	for (size_t r = 0; r < json_array_size(rows); r++) {
		for (size_t c = 0; c < table->len; c++)
			put_cell(table, c, cell_of(json_array_get(rows, r), table->columns[c].field, &cell), to);
	}
	strbuf_free(&cell);
}

void table_fields(const struct column *columns, size_t len, const json_t *object, FILE *to)
{
	struct strbuf cell = STRBUF_INIT(CELL_MAX_BYTES);
	int width = 0;

	for (size_t i = 0; i < len; i++) {
		if (width < width_of(columns[i].title))
			width = width_of(columns[i].title);
	}
	for (size_t i = 0; i < len; i++) {
		const json_t *value = json_at(object, columns[i].field);
		strbuf_clear(&cell);
		put_path(object, columns[i].field, &cell);
		if (cell.len == 0 && (!value || json_is_null(value)))
			continue;
		fprintf(to, "%s%*s", columns[i].title, width - width_of(columns[i].title) + FIELD_GAP, "");
		command_put(cell_of(object, columns[i].field, &cell), to);
		fputc('\n', to);
	}
	strbuf_free(&cell);
}

void json_line(const json_t *value, FILE *to)
{
	/* Not formatted as a whole first: it may be large. */
	if (value && json_dumpf(value, to, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) == 0)
		fputc('\n', to);
}
