/* Administrators: people who log in on the page with a name and a password. They may do whatever a key with the scope admin may. */
#ifndef GRAPNEL_MODEL_ADMIN_H
#define GRAPNEL_MODEL_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/slice.h"

enum { ADMIN_NAME_MAX = 64, ADMIN_HASH_SIZE = 128, ADMIN_PASSWORD_MIN = 12, ADMIN_PASSWORD_MAX = 1024 };

struct admin {
	int64_t id;
	int64_t created_ms;
	bool disabled;
	char name[ADMIN_NAME_MAX + 1]; /* letters, digits and . _ @ + - */
	char hash[ADMIN_HASH_SIZE];    /* of the password: an argon2id PHC string (sign/password.h) */
};

bool admin_name_valid(struct slice name);
/* {name, password} of a new one: the name is copied, the password (bytes) is borrowed from doc. Other members are the caller's. */
int admin_parse(const json_t *doc, struct admin *admin, struct slice *password, struct err *err) ATTR_MUST_USE;
/* Without the hash. */
json_t *admin_json(const struct admin *admin);

#endif
