/* Entity tags and conditions. */
#include "store/caller.h"

#include <stdio.h>

void tag_of(int64_t id, int64_t version, char out[TAG_SIZE])
{
	snprintf(out, TAG_SIZE, "%llx-%lld", (unsigned long long)id, (long long)version);
}

bool tag_list_has(const struct tag_list *list, const char *tag)
{
	for (unsigned i = 0; i < list->len; i++)
		if (slice_is(list->tags[i], tag))
			return true;
	return false;
}

static bool covers(const struct tag_list *list, int64_t id, const char *tag)
{
	return id != 0 && (list->any || tag_list_has(list, tag));
}

int caller_allows(const struct caller *caller, int64_t id, int64_t version, struct err *err)
{
	char tag[TAG_SIZE];
	if (!caller)
		return 0;
	tag_of(id, version, tag);
	if (caller->if_match.given && !covers(&caller->if_match, id, tag))
		return id ? err_set(err, ERR_PRECONDITION, "If-Match does not name the present version, \"%s\": somebody changed it; read it again", tag)
		          : err_set(err, ERR_PRECONDITION, "If-Match asks for something that is there, and there is nothing yet");
	if (caller->if_none_match.given && covers(&caller->if_none_match, id, tag))
		return err_set(err, ERR_PRECONDITION, "If-None-Match asks for something else than what is there: version \"%s\"", tag);
	return 0;
}
