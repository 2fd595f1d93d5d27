/* Media types. */
#include "model/media.h"

#include <strings.h>

static bool token_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* How many bytes of a token there are from `at` on. */
static size_t token_len(struct slice text, size_t at)
{
	size_t end = at;
	while (end < text.len && token_byte(text.at[end]))
		end++;
	return end - at;
}

/* The length of type/subtype; 0: it does not begin with one. */
static size_t essence_len(struct slice text)
{
	size_t type = token_len(text, 0);
	if (type == 0 || type == text.len || text.at[type] != '/')
		return 0;
	size_t subtype = token_len(text, type + 1);
	return subtype ? type + 1 + subtype : 0;
}

bool media_type_good(struct slice text)
{
	size_t at = essence_len(text);
	if (at == 0 || text.len > MEDIA_TYPE_MAX)
		return false;
	while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t'))
		at++;
	if (at < text.len && text.at[at] != ';')
		return false;
	for (; at < text.len; at++)
		if ((text.at[at] < ' ' && text.at[at] != '\t') || text.at[at] > '~')
			return false;
	return true;
}

bool media_type_is_json(struct slice text)
{
	struct slice essence = {text.at, essence_len(text)};
	static const char *const endings[] = {"/json", "+json"};
	for (size_t i = 0; essence.len > 5 && i < 2; i++)
		if (strncasecmp(essence.at + essence.len - 5, endings[i], 5) == 0)
			return true;
	return false;
}
