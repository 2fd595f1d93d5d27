/* Checks that every resource's document needs. */
#include "model/check.h"

#include <inttypes.h>
#include <stdio.h>

static size_t put(char out[ERR_POINTER_MAX], size_t at, const char *text, size_t len)
{
	if (at + len >= ERR_POINTER_MAX)
		return ERR_POINTER_MAX; /* full: nothing more fits behind it either */
	memcpy(out + at, text, len);
	out[at + len] = '\0';
	return at + len;
}

/* Bytes of the UTF-8 character that begins here; jansson's texts are valid. */
static size_t character_len(const char *at)
{
	size_t len = 1;
	while (((unsigned char)at[len] & 0xc0) == 0x80)
		len++;
	return len;
}

void check_member(char out[ERR_POINTER_MAX], const char *base, const char *key)
{
	out[0] = '\0';
	size_t at = put(out, 0, base, strlen(base));
	at = put(out, at, "/", 1);
	while (*key) {
		size_t len = character_len(key);
		if (*key == '~')
			at = put(out, at, "~0", 2);
		else if (*key == '/')
			at = put(out, at, "~1", 2);
		else
			at = put(out, at, key, len);
		key += len;
	}
}

void check_element(char out[ERR_POINTER_MAX], const char *base, size_t index)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%zu", index);
	check_member(out, base, digits);
}

struct slice check_slice(const json_t *value)
{
	if (!json_is_string(value))
		return (struct slice){NULL, 0};
	return (struct slice){json_string_value(value), json_string_length(value)};
}

int check_text(const json_t *value, const char *pointer, size_t min, size_t max, struct err *err)
{
	struct slice text = check_slice(value);
	if (!text.at)
		return err_field(err, ERR_INVALID, pointer, "must be a string");
	if (memchr(text.at, '\0', text.len))
		return err_field(err, ERR_INVALID, pointer, "must not contain the character U+0000");
	size_t characters = 0;
	for (size_t i = 0; i < text.len; i++)
		characters += ((unsigned char)text.at[i] & 0xc0) != 0x80;
	if (characters < min || characters > max)
		return err_field(err, ERR_INVALID, pointer, "has %zu characters; %zu to %zu are accepted", characters, min, max);
	return 0;
}

int check_integer(const json_t *value, const char *pointer, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
		return err_field(err, ERR_INVALID, pointer, "must be an integer from %" PRId64 " to %" PRId64, min, max);
	*out = json_integer_value(value);
	return 0;
}

int check_real(const json_t *value, const char *pointer, double min, double max, double *out, struct err *err)
{
	if (!json_is_number(value) || !(json_number_value(value) >= min && json_number_value(value) <= max))
		return err_field(err, ERR_INVALID, pointer, "must be a number from %g to %g", min, max);
	*out = json_number_value(value);
	return 0;
}
