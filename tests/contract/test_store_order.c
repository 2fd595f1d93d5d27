/* The store contract: ordered endpoints. Of each key only the head is pending. */
#include "world.h"

#include <string.h>

#define ORDERED "\"ordered\": true"

static int64_t publish_key(struct world *w, const char *key)
{
	return world_delivery_of(w, world_publish(w, &(struct world_event){.type = "order.created", .ordering_key = key}));
}

static enum delivery_state state_of(struct world *w, int64_t delivery)
{
	return world_delivery(w, delivery).row.state;
}

static struct due due_of(struct world *w, int64_t endpoint, int64_t delivery)
{
	struct due dues[64];
	struct err err = {0};
	int len = reader_lane(w->reader, endpoint, dues, 64, &err);
	for (int i = 0; i < len; i++) {
		if (dues[i].delivery == delivery)
			return dues[i];
	}
	fail_msg("the delivery is not pending");
	return dues[0];
}

static void only_the_head_of_each_key_is_pending(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t a1 = publish_key(w, "a"), a2 = publish_key(w, "a"), b1 = publish_key(w, "b"), none1 = publish_key(w, NULL);
	int64_t none2 = publish_key(w, NULL);
	assert_int_equal(state_of(w, a1), DELIVERY_PENDING);
	assert_int_equal(state_of(w, a2), DELIVERY_HELD);
	assert_int_equal(state_of(w, b1), DELIVERY_PENDING);
	assert_int_equal(state_of(w, none1), DELIVERY_PENDING);
	assert_int_equal(state_of(w, none2), DELIVERY_HELD);
	assert_int_equal(world_pending(w, endpoint), 3);
	assert_int_equal(world_made(w), 3);
	assert_string_equal(world_delivery(w, a2).ordering_key, "a");
}

static void order_holds_within_one_batch(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	struct publish_item items[3];
	for (int i = 0; i < 3; i++)
		items[i] = world_item(w, &(struct world_event){.type = "order.created", .ordering_key = "a"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 3, .items = items};
	world_run(w, &publish.cmd);
	assert_int_equal(world_pending(w, endpoint), 1);
	assert_int_equal(world_first_due(w, endpoint).event, items[0].event_id);
	for (int i = 0; i < 3; i++)
		world_item_clear(&items[i]);
}

static void ending_the_head_promotes_the_next(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a"), second = publish_key(w, "a"), third = publish_key(w, "a");
	struct due due = due_of(w, endpoint, first);
	struct outcome retry = world_outcome(w, &due, 500, REASON_NONE);
	world_run(w, &retry.cmd);
	assert_false(retry.has_promoted);
	assert_int_equal(state_of(w, second), DELIVERY_HELD);
	due = due_of(w, endpoint, first);
	struct outcome success = world_outcome(w, &due, 200, REASON_NONE);
	world_run(w, &success.cmd);
	assert_true(success.has_promoted);
	assert_int_equal(success.promoted.delivery, second);
	assert_int_equal(success.promoted.endpoint, endpoint);
	assert_int_equal(state_of(w, second), DELIVERY_PENDING);
	assert_int_equal(state_of(w, third), DELIVERY_HELD);
	struct outcome death = world_outcome(w, &success.promoted, 500, REASON_EXHAUSTED);
	world_run(w, &death.cmd);
	assert_int_equal(death.promoted.delivery, third);
	struct outcome last = world_outcome(w, &death.promoted, 200, REASON_NONE);
	world_run(w, &last.cmd);
	assert_false(last.has_promoted);
}

static void order_goes_on_after_a_restart(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a"), second = publish_key(w, "a");
	world_close(w);
	world_open(w);
	int64_t third = publish_key(w, "a");
	assert_int_equal(state_of(w, third), DELIVERY_HELD);
	struct due due = due_of(w, endpoint, first);
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_run(w, &outcome.cmd);
	assert_int_equal(outcome.promoted.delivery, second);
}

static void a_future_head_holds_its_successors(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	world_publish(w, &(struct world_event){.type = "order.created", .ordering_key = "a", .deliver_at_ms = w->wall_ms + 60000});
	int64_t second = publish_key(w, "a");
	assert_int_equal(state_of(w, second), DELIVERY_HELD);
	assert_int_equal(world_first_due(w, endpoint).due_ms, w->wall_ms + 60000);
}

static void cancelling_promotes_only_behind_the_head(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a"), second = publish_key(w, "a"), third = publish_key(w, "a");
	world_change(w, CHANGE_DELIVERY_CANCEL, second);
	assert_int_equal(state_of(w, third), DELIVERY_HELD);
	size_t heard = world_dues_heard(w, endpoint);
	world_change(w, CHANGE_DELIVERY_CANCEL, first);
	assert_int_equal(state_of(w, third), DELIVERY_PENDING);
	assert_int_equal(world_dues_heard(w, endpoint), heard + 1);
}

static void a_held_one_expires_where_it_is(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a");
	world_publish(w, &(struct world_event){.type = "order.created", .ordering_key = "a", .expires_at_ms = w->wall_ms + 10});
	int64_t third = publish_key(w, "a");
	struct due expired[4];
	int64_t next_ms;
	struct err err = {0};
	assert_int_equal(reader_expired(w->reader, w->wall_ms + 10, expired, 4, &next_ms, &err), 1);
	struct outcome outcome = world_outcome(w, &expired[0], 0, REASON_EXPIRED);
	outcome.attempted = false;
	world_run(w, &outcome.cmd);
	assert_true(outcome.applied);
	assert_false(outcome.has_promoted);
	assert_int_equal(state_of(w, first), DELIVERY_PENDING);
	assert_int_equal(state_of(w, third), DELIVERY_HELD);
	assert_int_equal(world_pending(w, endpoint), 1);
}

static void a_retry_waits_behind_an_unfinished_one_of_its_key(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a"), second = publish_key(w, "a"), third = publish_key(w, "a");
	struct due due = due_of(w, endpoint, first);
	assert_true(world_settle(w, &due, 500, REASON_EXHAUSTED));
	world_change(w, CHANGE_DELIVERY_RETRY, first);
	assert_int_equal(state_of(w, first), DELIVERY_HELD);
	assert_int_equal(state_of(w, second), DELIVERY_PENDING);
	struct store_change change = {.what = CHANGE_DELIVERY_RETRY, .id = third};
	assert_int_equal(store_change(w->store, &change), -1);
	assert_int_equal(change.err.code, ERR_WRONG_STATE);
	char head[ID_TEXT_SIZE];
	id_format(ID_DELIVERY, second, head);
	assert_non_null(strstr(change.err.detail, head));
	due = due_of(w, endpoint, second);
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_run(w, &outcome.cmd);
	assert_int_equal(outcome.promoted.delivery, first);
	assert_int_equal(state_of(w, third), DELIVERY_HELD);
}

static void a_retry_of_an_old_one_is_promoted_behind_after_a_restart(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a");
	struct due due = due_of(w, endpoint, first);
	assert_true(world_settle(w, &due, 500, REASON_EXHAUSTED));
	world_close(w);
	world_open(w);
	world_change(w, CHANGE_DELIVERY_RETRY, first);
	int64_t second = publish_key(w, "a");
	assert_int_equal(state_of(w, second), DELIVERY_HELD);
	due = due_of(w, endpoint, first);
	struct outcome outcome = world_outcome(w, &due, 200, REASON_NONE);
	world_run(w, &outcome.cmd);
	assert_int_equal(outcome.promoted.delivery, second);
}

static void deleting_the_endpoint_ends_held_ones_too(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", ORDERED);
	int64_t first = publish_key(w, "a"), second = publish_key(w, "a"), third = publish_key(w, "a");
	world_change(w, CHANGE_ENDPOINT_DELETE, endpoint);
	world_operations_end(w);
	const int64_t ids[] = {first, second, third};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(state_of(w, ids[i]), DELIVERY_DEAD);
		assert_int_equal(world_delivery(w, ids[i]).row.reason, REASON_ENDPOINT_DELETED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(only_the_head_of_each_key_is_pending),
	    WORLD_TEST(order_holds_within_one_batch),
	    WORLD_TEST(ending_the_head_promotes_the_next),
	    WORLD_TEST(order_goes_on_after_a_restart),
	    WORLD_TEST(a_future_head_holds_its_successors),
	    WORLD_TEST(cancelling_promotes_only_behind_the_head),
	    WORLD_TEST(a_held_one_expires_where_it_is),
	    WORLD_TEST(a_retry_waits_behind_an_unfinished_one_of_its_key),
	    WORLD_TEST(a_retry_of_an_old_one_is_promoted_behind_after_a_restart),
	    WORLD_TEST(deleting_the_endpoint_ends_held_ones_too),
	};
	return world_main("store: order", tests, sizeof tests / sizeof tests[0]);
}
