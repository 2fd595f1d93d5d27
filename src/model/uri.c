/* URIs of any scheme. */
#include "model/uri.h"

#include <stddef.h>

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 3986, 2: unreserved and reserved, '%' with two hex digits, '#' once. */
static bool bytes_good(struct slice text)
{
	bool fragment = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '%') {
			if (text.len - i < 3 || !is_hex(text.at[i + 1]) || !is_hex(text.at[i + 2]))
				return false;
		} else if (c == '#') {
			if (fragment)
				return false;
			fragment = true;
		} else if (!is_alpha(c) && !is_digit(c) && (!c || !strchr("-._~:/?[]@!$&'()*+,;=", c))) {
			return false;
		}
	}
	return true;
}

/* Where the colon of the first segment stands; text.len: there is none. */
static size_t first_colon(struct slice text)
{
	for (size_t i = 0; i < text.len && !strchr("/?#", text.at[i]); i++)
		if (text.at[i] == ':')
			return i;
	return text.len;
}

static bool scheme_good(struct slice scheme)
{
	for (size_t i = 0; i < scheme.len; i++)
		if (!is_alpha(scheme.at[i]) && (i == 0 || (!is_digit(scheme.at[i]) && !strchr("+-.", scheme.at[i]))))
			return false;
	return scheme.len > 0;
}

bool uri_is_reference(struct slice text)
{
	if (text.len == 0 || !bytes_good(text))
		return false;
	/* A relative reference has no colon in its first segment: it would be taken for a scheme. */
	size_t colon = first_colon(text);
	return colon == text.len || scheme_good((struct slice){text.at, colon});
}

bool uri_is_absolute(struct slice text)
{
	return uri_is_reference(text) && first_colon(text) < text.len;
}
