/* Operational events: the table, and who may hear of them. */
#include "model/operational.h"

#include <string.h>

#include "model/event.h"

static const struct {
	const char *type, *description, *example;
} rows[OPERATIONALS] = {
#define OPERATIONAL(name, type, description, example) {type, description, example},
#include "model/operational.def"
#undef OPERATIONAL
};

const char *operational_type(enum operational what)
{
	return rows[what].type;
}

json_t *operational_doc(enum operational what)
{
	return json_pack("{s:s, s:s, s:o}", "description", rows[what].description, "owner", "grapnel", "example",
	                 json_loads(rows[what].example, 0, NULL));
}

bool endpoint_listens(const struct endpoint *endpoint)
{
	for (unsigned i = 0; i < endpoint->patterns_len; i++)
		if (event_type_reserved(slice_of(endpoint->patterns[i])))
			return true;
	return false;
}
