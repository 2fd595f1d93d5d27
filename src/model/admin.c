/* Administrators: what their names and passwords must be, and their JSON form. */
#include "model/admin.h"

#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "model/check.h"

bool admin_name_valid(struct slice name)
{
	static const char taken[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-";
	for (size_t i = 0; i < name.len; i++)
		if (!memchr(taken, name.at[i], sizeof taken - 1))
			return false;
	return name.len >= 1 && name.len <= ADMIN_NAME_MAX;
}

int admin_parse(const json_t *doc, struct admin *admin, struct slice *password, struct err *err)
{
	struct slice name = check_slice(json_object_get(doc, "name"));
	struct slice given = check_slice(json_object_get(doc, "password"));
	int result = 0;
	if (!admin_name_valid(name))
		result = err_field(err, ERR_INVALID, "/name", "must be 1 to %d letters, digits and . _ @ + -", ADMIN_NAME_MAX);
	if (given.len < ADMIN_PASSWORD_MIN || given.len > ADMIN_PASSWORD_MAX)
		result = err_field(err, ERR_INVALID, "/password", "must have %d to %d bytes", ADMIN_PASSWORD_MIN, ADMIN_PASSWORD_MAX);
	if (result)
		return -1;
	*admin = (struct admin){.id = 0};
	memcpy(admin->name, name.at, name.len);
	*password = given;
	return 0;
}

json_t *admin_json(const struct admin *admin)
{
	char id[ID_TEXT_SIZE], created[CLOCK_RFC3339_SIZE];
	id_format(ID_ADMIN, admin->id, id);
	clock_format_rfc3339(admin->created_ms, created);
	return json_pack("{s:s, s:s, s:b, s:s}", "id", id, "name", admin->name, "disabled", (int)admin->disabled, "created_at", created);
}
