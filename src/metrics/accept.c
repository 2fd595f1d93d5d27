/* Which format a client would rather have. */
#include "metrics/format.h"

#include <strings.h>

/* Cuts the next part off a list. */
static struct slice part_cut(struct slice *rest, char separator)
{
	const char *end = memchr(rest->at, separator, rest->len);
	struct slice part = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
	size_t gone = part.len + (end ? 1 : 0);
	*rest = (struct slice){rest->at + gone, rest->len - gone};
	while (part.len > 0 && (*part.at == ' ' || *part.at == '\t'))
		part = (struct slice){part.at + 1, part.len - 1};
	while (part.len > 0 && (part.at[part.len - 1] == ' ' || part.at[part.len - 1] == '\t'))
		part.len--;
	return part;
}

static bool is(struct slice text, const char *wanted)
{
	return text.len == strlen(wanted) && strncasecmp(text.at, wanted, text.len) == 0;
}

static bool begins(struct slice text, const char *beginning)
{
	return text.len >= strlen(beginning) && strncasecmp(text.at, beginning, strlen(beginning)) == 0;
}

/* In thousandths; what is no number is nothing. */
static int quality(struct slice text)
{
	int value = 0, worth = 100;
	if (text.len == 0 || (text.at[0] != '0' && text.at[0] != '1') || (text.len > 1 && text.at[1] != '.'))
		return 0;
	value = text.at[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < text.len && worth > 0; i++, worth /= 10) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return 0;
		value += (text.at[i] - '0') * worth;
	}
	return value > 1000 ? 1000 : value;
}

enum metrics_format metrics_negotiate(struct slice accept)
{
	int open = 0, plain = 0;
	while (accept.len > 0) {
		struct slice entry = part_cut(&accept, ',');
		struct slice type = part_cut(&entry, ';'), version = {NULL, 0};
		int q = 1000;
		while (entry.len > 0) {
			struct slice parameter = part_cut(&entry, ';');
			if (begins(parameter, "q="))
				q = quality((struct slice){parameter.at + 2, parameter.len - 2});
			else if (begins(parameter, "version="))
				version = (struct slice){parameter.at + 8, parameter.len - 8};
		}
		bool ours = !version.at || is(version, "1.0.0") || is(version, "\"1.0.0\"");
		if (is(type, "application/openmetrics-text") && ours && q > open)
			open = q;
		else if ((is(type, "text/plain") || is(type, "text/*") || is(type, "*/*")) && q > plain)
			plain = q;
	}
	return open > 0 && open >= plain ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}
