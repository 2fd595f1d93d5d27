/* The option table, the spellings of its names, and the parsing of values against the ranges that the table gives as text. */
#include "conf/option.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/nearest.h"

const struct option option_table[OPTION_COUNT] = {
#define ROW(member, name, type, standard, range, help, live) {name, OPTION_##type, standard, range, help, offsetof(struct conf, member), live},
#define OPTION(member, name, type, standard, range, help) ROW(member, name, type, standard, range, help, false)
#define OPTION_LIVE(member, name, type, standard, range, help) ROW(member, name, type, standard, range, help, true)
#include "conf/options.def"
#undef OPTION
#undef ROW
};

#define RANGE_MARK " … "
#define WORD_MARK " | "

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit units_of_time[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
					    {NULL, 0}};
static const struct unit units_of_size[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* ---- Names ------------------------------------------------------------------------------------------------------------- */

static const char *const spelling_prefixes[] = {
    [OPTION_IN_FILE] = "",
    [OPTION_AS_ARGUMENT] = "--",
    [OPTION_IN_ENVIRONMENT] = "GRAPNEL_",
};

void option_spell(const struct option *option, enum option_spelling spelling, char out[OPTION_NAME_SIZE])
{
	size_t len = (size_t)snprintf(out, OPTION_NAME_SIZE, "%s", spelling_prefixes[spelling]);

	for (const char *at = option->name; *at && len + 1 < OPTION_NAME_SIZE; at++) {
		char byte = *at;
		if (spelling == OPTION_AS_ARGUMENT && (byte == '.' || byte == '_'))
			byte = '-';
		else if (spelling == OPTION_IN_ENVIRONMENT)
			byte = byte == '.' ? '_' : (char)toupper((unsigned char)byte);
		out[len++] = byte;
	}
	out[len] = '\0';
}

const struct option *option_find(enum option_spelling spelling, struct slice name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char spelled[OPTION_NAME_SIZE];
		option_spell(&option_table[i], spelling, spelled);
		if (slice_is(name, spelled))
			return &option_table[i];
	}
	return NULL;
}

/* Looks for the nearest name; what is `far_off` does not count, nor what nearest_to() leaves out. "": none. */
static void find_nearest(enum option_spelling spelling, struct slice unknown, size_t far_off, char best[OPTION_NAME_SIZE])
{
	/* All names share the prefix: it must not count as likeness. */
	size_t prefix = strlen(spelling_prefixes[spelling]);
	size_t skipped = unknown.len < prefix ? unknown.len : prefix;
	struct nearest nearest = nearest_to((struct slice){unknown.at + skipped, unknown.len - skipped});

	if (nearest.distance > far_off)
		nearest.distance = far_off;
	best[0] = '\0';
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char spelled[OPTION_NAME_SIZE];
		option_spell(&option_table[i], spelling, spelled);
		if (nearest_offer(&nearest, spelled + prefix))
			memcpy(best, spelled, sizeof spelled);
	}
}

bool option_near(enum option_spelling spelling, struct slice unknown)
{
	size_t prefix = strlen(spelling_prefixes[spelling]);
	size_t len = unknown.len > prefix ? unknown.len - prefix : 0;
	char best[OPTION_NAME_SIZE];

	/* In a short name two slips make another word: HOME is not meant as NODE. */
	find_nearest(spelling, unknown, len < 6 ? 2 : 3, best);
	return best[0] != '\0';
}

void option_suggest(enum option_spelling spelling, struct slice unknown, char *out, size_t size)
{
	char best[OPTION_NAME_SIZE];

	find_nearest(spelling, unknown, SIZE_MAX, best);
	out[0] = '\0';
	if (best[0])
		snprintf(out, size, "; did you mean %s?", best);
}

struct slice option_section(const struct option *option)
{
	const char *dot = strchr(option->name, '.');
	return (struct slice){option->name, dot ? (size_t)(dot - option->name) : 0};
}

const char *option_key(const struct option *option)
{
	const char *dot = strchr(option->name, '.');
	return dot ? dot + 1 : option->name;
}

/* ---- Values ------------------------------------------------------------------------------------------------------------ */

static const struct unit *units_of(enum option_type type)
{
	return type == OPTION_MILLISECONDS ? units_of_time : type == OPTION_BYTES ? units_of_size : no_units;
}

/* Digits, blanks, a unit. */
static int parse_whole(struct slice text, const struct unit *units, int64_t *out, const char **why)
{
	int64_t number = 0;
	size_t at = 0;

	for (; at < text.len && isdigit((unsigned char)text.at[at]); at++) {
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, text.at[at] - '0', &number)) {
			*why = "it is too large";
			return -1;
		}
	}
	*why = units[0].name[0] ? "it is no whole number with a unit" : "it is no whole number";
	if (at == 0)
		return -1;
	while (at < text.len && text.at[at] == ' ')
		at++;
	struct slice unit = {text.at + at, text.len - at};
	if (unit.len == 0 && number == 0) {
		*out = 0;
		return 0;
	}
	for (; units->name; units++) {
		if (!slice_is(unit, units->name))
			continue;
		if (__builtin_mul_overflow(number, units->factor, out)) {
			*why = "it is too large";
			return -1;
		}
		return 0;
	}
	if (unit.len == 0)
		*why = "it needs a unit";
	return -1;
}

int option_parse_ms(const char *text, int64_t *ms, const char **why)
{
	return parse_whole(slice_of(text), units_of_time, ms, why);
}

/* Decimal digits with at most one point: no sign, exponent, hexadecimal, infinity. */
static int parse_real(struct slice text, double *out, const char **why)
{
	char copy[32];
	size_t points = 0;

	*why = "it is no decimal number";
	if (text.len == 0 || text.len >= sizeof copy || text.at[0] == '.' || text.at[text.len - 1] == '.')
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		points += text.at[i] == '.';
		if (points > 1 || (text.at[i] != '.' && !isdigit((unsigned char)text.at[i])))
			return -1;
	}
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	*out = strtod(copy, NULL);
	return 0;
}

static int parse_word(struct slice text, const char *words, int64_t *place, const char **why)
{
	*place = 0;
	for (const char *at = words; at; (*place)++) {
		const char *mark = strstr(at, WORD_MARK);
		struct slice word = {at, mark ? (size_t)(mark - at) : strlen(at)};
		if (slice_equal(text, word))
			return 0;
		at = mark ? mark + strlen(WORD_MARK) : NULL;
	}
	*why = "it is none of the accepted words";
	return -1;
}

static int parse_number(enum option_type type, struct slice text, struct option_value *value, const char **why)
{
	if (type == OPTION_REAL)
		return parse_real(text, &value->real, why);
	return parse_whole(text, units_of(type), &value->whole, why);
}

/* The bounds that a numeric row gives as "min … max". */
static int parse_range(const struct option *option, struct option_value *low, struct option_value *high)
{
	const char *mark = strstr(option->range, RANGE_MARK);
	const char *why;

	if (!mark)
		return -1;
	if (parse_number(option->type, (struct slice){option->range, (size_t)(mark - option->range)}, low, &why) != 0)
		return -1;
	return parse_number(option->type, slice_of(mark + strlen(RANGE_MARK)), high, &why);
}

static bool is_numeric(enum option_type type)
{
	return type == OPTION_NUMBER || type == OPTION_MILLISECONDS || type == OPTION_BYTES || type == OPTION_REAL;
}

int option_parse(const struct option *option, const char *text, struct option_value *value, const char **why)
{
	struct option_value low = {0}, high = {0}, got = {0};

	if (option->type == OPTION_CHOICE || option->type == OPTION_SWITCH) {
		if (parse_word(slice_of(text), option->range, &got.whole, why) != 0)
			return -1;
		if (option->type == OPTION_SWITCH)
			got.whole = got.whole == 0;
		*value = got;
		return 0;
	}
	if (parse_range(option, &low, &high) != 0)
		log_fatal("conf", "options.def: the range of %s cannot be understood: %s", option->name, option->range);
	if (parse_number(option->type, slice_of(text), &got, why) != 0)
		return -1;
	*why = got.whole < low.whole || got.real < low.real ? "it is too small" : "it is too large";
	if (got.whole < low.whole || got.real < low.real || got.whole > high.whole || got.real > high.real)
		return -1;
	*value = got;
	return 0;
}

void option_accepts(const struct option *option, char *out, size_t size)
{
	const struct unit *units = units_of(option->type);
	size_t len = (size_t)snprintf(out, size, "%s", option->range);

	if (!units[0].name[0])
		return;
	for (size_t i = 0; units[i].name && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? " (units: " : ", ", units[i].name);
	if (len < size)
		snprintf(out + len, size - len, ")");
}

bool option_sound(const struct option *option)
{
	struct option_value low = {0}, high = {0}, standard;
	const char *why;

	if (!option->range[0] || !option->help[0] || strlen(option->name) + sizeof "GRAPNEL__FILE" > OPTION_NAME_SIZE)
		return false;
	if (option->type == OPTION_TEXT || option->type == OPTION_LIST)
		return true;
	if (option->type == OPTION_SWITCH && strcmp(option->range, "yes" WORD_MARK "no") != 0)
		return false;
	if (is_numeric(option->type)) {
		if (parse_range(option, &low, &high) != 0 || low.whole > high.whole || low.real > high.real)
			return false;
	}
	return option_parse(option, option->standard, &standard, &why) == 0;
}
