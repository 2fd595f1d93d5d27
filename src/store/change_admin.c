/* Changes of administrators. A name is never free again: it stands in the audit of what was done under it. */
#include "store/audit.h"
#include "store/private.h"

int admin_put(struct tx *tx, struct store_change *change)
{
	struct admin *admin = change->admin;
	struct admin present;
	int found = tx->engine->ops->admin_of_name(tx->engine, admin->name, &present);
	if (found < 0)
		return -1;
	if (found && !change->replace)
		return err_set(&change->err, ERR_UID_TAKEN, "there is an administrator %s already%s; --replace gives a new password", admin->name,
		               present.disabled ? ", who is disabled" : "");
	admin->id = found ? present.id : id_next(&tx->store->ids, tx->now_ms);
	admin->created_ms = found ? present.created_ms : tx->now_ms;
	if (audit_admin(tx, change, found ? &present : NULL, admin) || tx->engine->ops->admin_put(tx->engine, admin))
		return -1;
	change->result_id = admin->id;
	change->created = !found;
	return 0;
}

int admin_disable(struct tx *tx, struct store_change *change)
{
	struct admin *admin = change->admin;
	struct admin before;
	int found = tx->engine->ops->admin_of_name(tx->engine, admin->name, &before);
	if (found == 0)
		return change_not_found(change, "administrator");
	if (found < 0)
		return -1;
	*admin = before;
	admin->disabled = true;
	if (!before.disabled && (audit_admin(tx, change, &before, admin) || tx->engine->ops->admin_put(tx->engine, admin)))
		return -1;
	change->result_id = admin->id;
	return 0;
}
