/* Edit distance between names: insert, delete, replace, or swap two neighbours, each for 1. */
#include "conf/nearest.h"

#include <string.h>

enum { NAME_MAX_BYTES = 63 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance_of(struct slice a, struct slice b)
{
	size_t rows[3][NAME_MAX_BYTES + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = a.at[i - 1] == b.at[j - 1];
			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		size_t *oldest = before;
		before = last;
		last = now;
		now = oldest;
	}
	return last[b.len];
}

struct nearest nearest_to(struct slice unknown)
{
	/* More than half of a name wrong is another name. */
	return (struct nearest){unknown, unknown.len / 2 + 1};
}

bool nearest_offer(struct nearest *nearest, const char *known)
{
	struct slice name = slice_of(known);

	if (nearest->unknown.len > NAME_MAX_BYTES || name.len > NAME_MAX_BYTES)
		return false;
	size_t distance = distance_of(nearest->unknown, name);
	if (distance >= nearest->distance)
		return false;
	nearest->distance = distance;
	return true;
}
