/* Changes of administrators. A name is never free again: it stands in the audit of what was done under it. */
#include "store/private.h"

int admin_put(struct tx *tx, struct store_change *change)
{
	struct admin *admin = change->admin;
	struct admin present;
	int found = tx->engine->ops->admin_of_name(tx->engine, admin->name, &present);
	if (found < 0)
		return -1;
	if (found && !change->replace)
		return err_field(&change->err, ERR_UID_TAKEN, "/name", "there is an administrator %s already%s", admin->name,
		                 present.disabled ? ", who is disabled" : "");
	admin->id = found ? present.id : id_next(&tx->store->ids, tx->now_ms);
	admin->created_ms = found ? present.created_ms : tx->now_ms;
	if (tx->engine->ops->admin_put(tx->engine, admin))
		return -1;
	change->result_id = admin->id;
	change->created = !found;
	return 0;
}

int admin_disable(struct tx *tx, struct store_change *change)
{
	int found = tx->engine->ops->admin_of_name(tx->engine, change->admin->name, change->admin);
	if (found == 0)
		return change_not_found(change, "administrator");
	change->admin->disabled = true;
	if (found < 0 || tx->engine->ops->admin_put(tx->engine, change->admin))
		return -1;
	change->result_id = change->admin->id;
	return 0;
}
