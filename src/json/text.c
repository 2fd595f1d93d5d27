/* What checked slices mean: strings decoded and compared, whole numbers; and strings written. The readers are given slices that
 * the scanner checked, yet stay inside of any slice. */
#include "json/scan.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/utf8.h"
#include "json/run.h"

enum { TEXT_REPLACEMENT = 0xfffd };

static uint32_t text_hex4(const char *at)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++) {
		uint32_t low = (unsigned char)at[i] & 15;
		value = value << 4 | (at[i] > '9' ? low + 9 : low);
	}
	return value;
}

static bool text_is_high(uint32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool text_is_low(uint32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The code point of the escape at `at` (a backslash); returns what is behind it: two escapes for a surrogate pair. */
static const char *text_escape(const char *at, const char *end, uint32_t *point)
{
	static const char shorts[] = "b\bf\fn\nr\rt\t";
	*point = TEXT_REPLACEMENT;
	if (end - at < 2)
		return end;
	if (at[1] != 'u') {
		*point = (unsigned char)at[1];
		for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
			if (shorts[i] == at[1])
				*point = (unsigned char)shorts[i + 1];
		return at + 2;
	}
	if (end - at < 6)
		return end;
	uint32_t unit = text_hex4(at + 2);
	at += 6;
	if (text_is_high(unit) && end - at >= 6 && at[0] == '\\' && at[1] == 'u' && text_is_low(text_hex4(at + 2))) {
		*point = 0x10000 + ((unit & 0x3ff) << 10 | (text_hex4(at + 2) & 0x3ff));
		return at + 6;
	}
	if (!text_is_high(unit) && !text_is_low(unit))
		*point = unit;
	return at;
}

static struct slice text_unquoted(struct slice string)
{
	return string.len >= 2 ? (struct slice){string.at + 1, string.len - 2} : (struct slice){"", 0};
}

int json_decode(struct slice string, struct strbuf *out)
{
	struct slice inside = text_unquoted(string);
	const char *at = inside.at, *end = inside.at + inside.len;
	while (at < end) {
		const char *escape = memchr(at, '\\', (size_t)(end - at));
		const char *plain_end = escape ? escape : end;
		strbuf_append(out, at, (size_t)(plain_end - at));
		if (!escape)
			break;
		uint32_t point;
		char bytes[4];
		at = text_escape(escape, end, &point);
		strbuf_append(out, bytes, utf8_encode(point, bytes));
	}
	return out->failed ? -1 : 0;
}

int json_string_is(struct slice string, const char *text)
{
	struct slice inside = text_unquoted(string);
	const char *at = inside.at, *end = inside.at + inside.len;
	for (; at < end; text++) {
		uint32_t point = (unsigned char)*at;
		if (*at == '\\')
			at = text_escape(at, end, &point);
		else
			at++;
		if (*text == '\0' || point != (unsigned char)*text)
			return 0;
	}
	return *text == '\0';
}

/* Accumulates below zero, where int64 reaches one further. */
static bool text_push_digit(int64_t *below, int digit)
{
	return !__builtin_mul_overflow(*below, INT64_C(10), below) && !__builtin_sub_overflow(*below, (int64_t)digit, below);
}

/* Multiplies by ten so many times; nothing changes zero, and everything else overflows soon. */
static bool text_push_zeros(int64_t *below, int64_t zeros)
{
	for (; *below != 0 && zeros > 0; zeros--)
		if (!text_push_digit(below, 0))
			return false;
	return true;
}

/* The exponent's value; one that no mantissa of this length makes up for is cut to a bound. */
static int64_t text_exponent(const char *at, const char *end)
{
	const int64_t bound = INT64_C(1) << 50;
	int64_t value = 0;
	bool negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (; at < end && value < bound; at++)
		value = value * 10 + (*at - '0');
	return negative ? -value : value;
}

int json_int64(struct slice number, int64_t *out)
{
	const char *at = number.at, *end = number.at + number.len;
	bool negative = at < end && *at == '-';
	int64_t below = 0, zeros = 0, fraction_digits = 0, exponent = 0;
	bool fraction = false;
	if (json_kind_of(number) != JSON_KIND_NUMBER)
		return -1;
	if (negative)
		at++;
	/* Zeros are held back until another digit follows: only the last ones can cancel a fraction. */
	for (; at < end; at++) {
		if (*at == 'e' || *at == 'E') {
			exponent = text_exponent(at + 1, end);
			break;
		}
		if (*at == '.') {
			fraction = true;
			continue;
		}
		fraction_digits += fraction;
		if (*at == '0') {
			zeros++;
		} else {
			if (!text_push_zeros(&below, zeros) || !text_push_digit(&below, *at - '0'))
				return -1;
			zeros = 0;
		}
	}
	int64_t shift = exponent - fraction_digits + zeros;
	if (below != 0 && (shift < 0 || !text_push_zeros(&below, shift)))
		return -1;
	if (!negative && below == INT64_MIN)
		return -1;
	*out = negative ? below : -below;
	return 0;
}

static void text_put_escape(struct strbuf *out, unsigned char byte)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
		if ((unsigned char)shorts[i] == byte) {
			strbuf_putc(out, '\\');
			strbuf_putc(out, shorts[i + 1]);
			return;
		}
	strbuf_printf(out, "\\u%04x", byte);
}

void json_put_string(struct strbuf *out, struct slice text)
{
	const char *at = text.at, *end = text.len ? text.at + text.len : text.at;
	strbuf_putc(out, '"');
	while (at < end) {
		const char *run = json_run_end(at, end);
		size_t sequence = utf8_sequence(run, end);
		if (sequence > 1)
			run += sequence;
		strbuf_append(out, at, (size_t)(run - at));
		at = run;
		if (sequence == 1) {
			text_put_escape(out, (unsigned char)*at++);
		} else if (sequence == 0 && at < end) {
			strbuf_puts(out, "\xef\xbf\xbd");
			at++;
		}
	}
	strbuf_putc(out, '"');
}
