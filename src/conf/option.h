/* The option table in memory and the values of options as text. Stateless; any thread. */
#ifndef GRAPNEL_CONF_OPTION_H
#define GRAPNEL_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

enum option_type {
	OPTION_TEXT,
	OPTION_LIST,
	OPTION_NUMBER,
	OPTION_MILLISECONDS,
	OPTION_BYTES,
	OPTION_SWITCH,
	OPTION_CHOICE,
	OPTION_REAL,
};

/* A row of options.def. */
struct option {
	const char *name; /* "section.key" or "key" */
	enum option_type type;
	const char *standard; /* "": unset */
	const char *range;
	const char *help;
	size_t offset; /* of the member in struct conf */
	bool live;     /* a reload takes it; otherwise it counts from the next start on */
};

/* Their number, to size arrays by. */
enum {
#define OPTION(member, name, type, standard, range, help) OPTION_PLACE_##member,
#include "conf/options.def"
#undef OPTION
	OPTION_COUNT,
};

extern const struct option option_table[OPTION_COUNT];

/* Which spelling of a name: log.level in messages and the file, --log-level, GRAPNEL_LOG_LEVEL. */
enum option_spelling { OPTION_IN_FILE, OPTION_AS_ARGUMENT, OPTION_IN_ENVIRONMENT };
enum { OPTION_NAME_SIZE = 64 };
void option_spell(const struct option *option, enum option_spelling spelling, char out[OPTION_NAME_SIZE]);
/* The row whose name, so spelled, is `name`; NULL: none. */
const struct option *option_find(enum option_spelling spelling, struct slice name);
/* The nearest known name of an unknown one, ready to be put behind a message: "; did you mean --log-level?". Without any that is
 * near, "". */
void option_suggest(enum option_spelling spelling, struct slice unknown, char *out, size_t size);
/* Whether an unknown name is a slip or two from a known one, so that it was hardly meant as anything else. */
bool option_near(enum option_spelling spelling, struct slice unknown);

/* The part before the '.', {"", 0} when there is none; and the part behind it. */
struct slice option_section(const struct option *option);
const char *option_key(const struct option *option);

/* A value of any type but TEXT and LIST. */
struct option_value {
	int64_t whole; /* NUMBER, MILLISECONDS, BYTES; CHOICE: the place of the word; SWITCH: 1 is yes */
	double real;   /* REAL */
};

/* 0, or -1 and `why`: a static phrase. */
int option_parse(const struct option *option, const char *text, struct option_value *value, const char **why) ATTR_MUST_USE;
/* "30d", "12h": a time with its unit, as options take it. */
int option_parse_ms(const char *text, int64_t *ms, const char **why) ATTR_MUST_USE;
/* What is accepted, for messages and documentation: the range, and the units where there are some. */
void option_accepts(const struct option *option, char *out, size_t size);
/* Whether the row's texts can be understood, so that a unit test finds a bad row. */
bool option_sound(const struct option *option);

#endif
