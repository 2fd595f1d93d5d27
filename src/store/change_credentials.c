/* Credentials of endpoints whose documents are written anew: what was there before is unsealed, what is new is checked and sealed. */
#include <stdlib.h>

#include "model/credentials.h"
#include "sign/credentials.h"
#include "sign/identity.h"
#include "store/private.h"

void credentials_before_clear(struct credentials_before *before)
{
	json_decref(before->doc);
	json_decref(before->open);
	*before = (struct credentials_before){.doc = NULL};
}

/* Puts what the other has and it has not into an object of credentials. */
static int add(json_t *to, const json_t *from)
{
	const char *section;
	json_t *members;
	json_object_foreach((json_t *)from, section, members)
	{
		json_t *at = json_object_get(to, section);
		if (at ? json_object_update_missing(at, members) : json_object_set(to, section, members))
			return -1;
	}
	return 0;
}

int credentials_before(struct tx *tx, struct store_change *change, struct endpoint_record *record, struct credentials_before *before)
{
	json_t *plain = NULL;
	int result = -1;
	*before = (struct credentials_before){.doc = NULL};
	/* Documents from before credentials were sealed have some in the clear. */
	if (credentials_split(record->doc, &plain, &change->err))
		goto out;
	/* What another master key has sealed is lost: it can only be given again. */
	before->open = credentials_open(record->meta.id, tx->store->config.master, &record->credentials, NULL);
	if (!before->open)
		before->open = json_object();
	before->doc = json_deep_copy(record->doc);
	result = before->doc && before->open && add(before->open, plain) == 0 ? 0 : change_memory_out(change);
out:
	json_decref(plain);
	if (result)
		credentials_before_clear(before);
	return result;
}

static bool verifies(const json_t *doc)
{
	return !json_is_false(json_object_get(json_object_get(doc, "tls"), "verify"));
}

/* Only an administrator may let an endpoint be sent to without knowing who it is. Others leave it as it is, where it is. */
static int check_verify(struct store_change *change, const json_t *doc, const json_t *before)
{
	if (change->may_trust || verifies(doc))
		return 0;
	bool was = before && !verifies(before);
	if (was && credentials_same_place(json_string_value(json_object_get(doc, "url")), json_string_value(json_object_get(before, "url"))))
		return 0;
	return err_field(&change->err, ERR_FORBIDDEN, "/tls/verify",
	                 was ? "is off, and only a key with the scope admin may lead an endpoint elsewhere so"
	                     : "may be turned off only with a key that has the scope admin and is not bound to a subscriber");
}

/* Certificates are looked at when they come: one that has expired since does not stand in the way of other changes. */
static int check_identity(struct tx *tx, struct store_change *change, const struct endpoint_record *record, const json_t *before,
                          const json_t *now)
{
	struct endpoint_tls *tls = NULL;
	const json_t *value = json_object_get(record->doc, "tls");
	if (!value || (before && json_equal(value, json_object_get(before, "tls")) &&
	               !credential_get(change->replaced, "tls", "client_key")))
		return 0;
	int result = auth_tls_read(value, "/tls", &tls, &change->err);
	if (result == 0 && tls)
		result = identity_check(tls, credential_get(now, "tls", "client_key"), tx->now_ms, &change->err);
	auth_tls_free(tls);
	return result;
}

int credentials_renew(struct tx *tx, struct store_change *change, struct endpoint_record *record, const struct credentials_before *before)
{
	const json_t *doc = before ? before->doc : NULL;
	json_t *now = NULL;
	struct endpoint_secret sealed;
	json_decref(change->replaced);
	change->replaced = NULL;
	if (credentials_complete(record->doc, doc, before ? before->open : NULL, change->credentials, &now, &change->replaced, &change->err))
		return -1;
	if (json_object_size(change->replaced) == 0) {
		json_decref(change->replaced);
		change->replaced = NULL;
	}
	int result = check_verify(change, record->doc, doc);
	if (result == 0)
		result = check_identity(tx, change, record, doc, now);
	if (result == 0)
		result = credentials_seal(record->meta.id, tx->store->config.master, now, &sealed) ? change_memory_out(change) : 0;
	json_decref(now);
	if (result)
		return -1;
	free(record->credentials.sealed);
	record->credentials = sealed;
	return 0;
}
