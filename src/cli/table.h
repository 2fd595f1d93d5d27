/* What people read: lists as aligned tables, single things as lines "name  value". Nothing is cut off: ids can be copied whole. Cells come
 * from members of JSON objects; control characters are made harmless. Owned by one thread. */
#ifndef GRAPNEL_CLI_TABLE_H
#define GRAPNEL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

struct column {
	const char *title;
	const char *field; /* a member, or a path of them: "last_attempt.status"; through a list it is that of each, with commas between */
};

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
	const struct column *columns;
	size_t len;
	bool begun;
	int widths[TABLE_COLUMNS_MAX];
};

#define TABLE_INIT(list) ((struct table){.columns = (list), .len = sizeof(list) / sizeof *(list)})

/* Prints the rows; before the first ones the titles. Columns widen with what comes. */
void table_rows(struct table *table, const json_t *rows, FILE *to);
/* A line for each column whose member is there and not null. */
void table_fields(const struct column *columns, size_t len, const json_t *object, FILE *to);

/* The value at a path; NULL: not there. */
const json_t *json_at(const json_t *object, const char *path);
/* One line of JSON. */
void json_line(const json_t *value, FILE *to);

#endif
