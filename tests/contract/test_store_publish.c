/* The store contract: publishing, fates per item, dedupe. */
#include "world.h"

#include <string.h>

static enum err_code run_one(struct world *w, struct publish_item *item)
{
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = item};
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_NONE);
	return item->fate;
}

static void an_event_comes_back_byte_for_byte(void **state)
{
	struct world *w = *state;
	const char *data = "{\"n\": 1.10, \"n\": 12345678901234567890123, \"s\": \"\\u0000\"}";
	int64_t id = world_publish(w, &(struct world_event){.type = "order.created", .data = data, .subject = "o-1", .uid = "u-1"});
	struct err err = {0};
	struct event *event = reader_event(w->reader, id, NULL, &err);
	assert_non_null(event);
	assert_true(slice_is(event->f.data, data));
	assert_true(slice_is(event->f.type, "order.created"));
	assert_true(slice_is(event->f.subject, "o-1"));
	assert_true(slice_is(event->f.uid, "u-1"));
	assert_null(event->f.traceparent.at);
	assert_int_equal(event->id, id);
	event_unref(event);
	assert_null(reader_event(w->reader, id + 1, NULL, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static bool fits_bytes(void *context, size_t bytes)
{
	return bytes <= *(size_t *)context;
}

static void an_event_is_read_only_where_there_is_room(void **state)
{
	struct world *w = *state;
	struct err err = {0};
	struct budget budget;
	size_t room = 1000;
	int64_t id = world_publish(w, &(struct world_event){.type = "order.created", .data = "\"some ten bytes\""});
	budget_init(&budget, 10000);
	struct event *event = reader_event_if(w->reader, id, &budget, fits_bytes, &room, &err);
	assert_non_null(event);
	assert_int_equal(budget_used(&budget), event->charged_bytes);
	room = event->charged_bytes - 1;
	event_unref(event);
	assert_null(reader_event_if(w->reader, id, &budget, fits_bytes, &room, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_int_equal(budget_used(&budget), 0);
}

static int check_context(void *context, const struct event_row *row)
{
	assert_true(slice_equal(row->f->context, *(struct slice *)context));
	return 0;
}

static void a_cloudevents_context_is_kept_beside_the_payload(void **state)
{
	struct world *w = *state;
	static const char *const contexts[] = {"{\"specversion\":\"1.0\",\"id\":\"\xe2\x82\xac\",\"a\":-5}", NULL};
	for (size_t i = 0; i < 2; i++) {
		struct slice want = slice_of(contexts[i]);
		struct err err = {0};
		int64_t id = world_publish(w, &(struct world_event){.type = "order.created", .context = contexts[i], .data = "1"});
		struct event *event = reader_event(w->reader, id, NULL, &err);
		assert_non_null(event);
		assert_true(slice_equal(event->f.context, want) && !event->f.context.at == !want.at);
		assert_true(slice_is(event->f.data, "1"));
		event_unref(event);
		assert_int_equal(reader_event_row(w->reader, id, 0, check_context, &want, &err), 0);
	}
}

static void deliveries_are_made_for_each_matching_endpoint_and_told_after_the_commit(void **state)
{
	struct world *w = *state;
	int64_t a = world_endpoint(w, "order.*", NULL);
	int64_t b = world_endpoint(w, "**", NULL);
	world_endpoint(w, "invoice.*", NULL);
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(run_one(w, &item), ERR_NONE);
	assert_int_equal(item.deliveries, 2);
	assert_int_equal(w->made_len, 2);
	struct due due = world_first_due(w, a);
	assert_int_equal(due.event, item.event_id);
	assert_int_equal(due.due_ms, w->wall_ms);
	assert_int_equal(due.round, 1);
	const struct due *made = &w->made[w->made[0].endpoint == a ? 0 : 1];
	assert_int_equal(made->delivery, due.delivery);
	assert_int_equal(made->event, due.event);
	assert_int_equal(made->due_ms, due.due_ms);
	assert_int_equal(made->round, due.round);
	assert_int_equal(made->attempts, 0);
	assert_int_equal(world_pending(w, b), 1);
	world_item_clear(&item);
}

/* The engine may insert several at a time: none is left out, made twice, or taken for another, wherever one in order stands between. */
static void deliveries_are_made_for_each_of_many_endpoints(void **state)
{
	struct world *w = *state;
	enum { MOST = 45 };
	int64_t endpoints[MOST];
	for (int i = 0; i < MOST; i++)
		endpoints[i] = world_endpoint(w, "order.*", i % 23 == 21 ? "\"ordered\": true" : NULL);
	for (int i = 0; i < 2; i++) {
		struct publish_item item = world_item(w, &(struct world_event){.type = "order.created", .deliver_at_ms = w->wall_ms + 5000, .expires_at_ms = w->wall_ms + 9000});
		assert_int_equal(run_one(w, &item), ERR_NONE);
		assert_int_equal(item.deliveries, MOST);
		world_item_clear(&item);
	}
	for (int i = 0; i < MOST; i++) {
		bool ordered = i % 23 == 21;
		assert_int_equal(world_pending(w, endpoints[i]), ordered ? 1 : 2);
		struct due due = world_first_due(w, endpoints[i]);
		struct world_delivery made = world_delivery(w, due.delivery);
		assert_int_equal(made.row.endpoint, endpoints[i]);
		assert_int_equal(made.row.event, due.event);
		assert_int_equal(made.row.due_ms, w->wall_ms + 5000);
		assert_int_equal(made.row.expires_ms, w->wall_ms + 9000);
		assert_int_equal(made.row.attempts, 0);
		assert_int_equal(due.round, DELIVERY_ROUND_FIRST);
	}
	assert_int_equal(w->made_len, 2 * MOST - 2);
}

static void an_event_that_reaches_nobody_is_stored_and_says_whom_everyone_would_be(void **state)
{
	struct world *w = *state;
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	world_endpoint_of(w, subscriber, "order.*", NULL);
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(run_one(w, &item), ERR_NONE);
	assert_int_equal(item.deliveries, 0);
	assert_int_equal(item.everyone, 1);
	struct err err = {0};
	struct event *event = reader_event(w->reader, item.event_id, NULL, &err);
	assert_non_null(event);
	event_unref(event);
	world_item_clear(&item);
}

static void a_stale_match_is_made_again(void **state)
{
	struct world *w = *state;
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(item.targets.len, 0);
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	assert_int_equal(run_one(w, &item), ERR_NONE);
	assert_int_equal(item.deliveries, 1);
	assert_int_equal(world_pending(w, endpoint), 1);
	world_item_clear(&item);
}

static void a_change_acts_on_a_publish_behind_it_in_the_same_batch(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct publish_item before = world_item(w, &(struct world_event){.type = "order.created"});
	struct publish_item after = world_item(w, &(struct world_event){.type = "order.created"});
	struct store_publish first = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &before};
	struct store_change disable = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_DELETE, .id = endpoint};
	struct store_publish second = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &after};
	world_run_together(w, (struct store_cmd *[]){&first.cmd, &disable.cmd, &second.cmd}, 3);
	assert_int_equal(before.deliveries, 1);
	assert_int_equal(disable.cmd.fate, ERR_NONE);
	assert_int_equal(after.deliveries, 0);
	world_item_clear(&before);
	world_item_clear(&after);
}

static void paused_endpoints_get_deliveries_and_disabled_ones_none(void **state)
{
	struct world *w = *state;
	int64_t paused = world_endpoint(w, "order.*", NULL);
	int64_t disabled = world_endpoint(w, "order.*", NULL);
	world_change(w, CHANGE_ENDPOINT_PAUSE, paused);
	world_change(w, CHANGE_ENDPOINT_DISABLE, disabled);
	world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(world_pending(w, paused), 1);
	assert_int_equal(world_pending(w, disabled), 0);
}

static void an_addressed_endpoint_must_still_be_there(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct publish_item good = world_item(w, &(struct world_event){.type = "other.type", .only = endpoint});
	struct publish_item disabled = world_item(w, &(struct world_event){.type = "other.type", .only = endpoint});
	struct publish_item deleted = world_item(w, &(struct world_event){.type = "other.type", .only = endpoint});
	assert_int_equal(run_one(w, &good), ERR_NONE);
	assert_int_equal(good.deliveries, 1);
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	assert_int_equal(run_one(w, &disabled), ERR_ENDPOINT_DISABLED);
	world_change(w, CHANGE_ENDPOINT_DELETE, endpoint);
	assert_int_equal(run_one(w, &deleted), ERR_NOT_FOUND);
	world_item_clear(&good);
	world_item_clear(&disabled);
	world_item_clear(&deleted);
}

static void one_bad_item_leaves_its_neighbours(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct publish_item gone = world_item(w, &(struct world_event){.type = "order.created", .only = endpoint});
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	int64_t other = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created", .uid = "u", .data = "1"});
	struct publish_item items[4] = {
	    world_item(w, &(struct world_event){.type = "order.created"}),
	    world_item(w, &(struct world_event){.type = "order.created", .uid = "u", .data = "2"}),
	    gone,
	    world_item(w, &(struct world_event){.type = "order.created"}),
	};
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 4, .items = items};
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_NONE);
	assert_int_equal(items[0].fate, ERR_NONE);
	assert_int_equal(items[1].fate, ERR_KEY_REUSED);
	assert_int_equal(items[2].fate, ERR_ENDPOINT_DISABLED);
	assert_int_equal(items[3].fate, ERR_NONE);
	assert_true(items[3].event_id > items[0].event_id);
	assert_int_equal(world_pending(w, other), 3);
	for (int i = 0; i < 4; i++)
		world_item_clear(&items[i]);
}

static void a_row_that_the_engine_refuses_leaves_its_batch(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	char text[KEY_TEXT_SIZE];
	struct key key = {.scopes = SCOPE_READ, .name = "one"};
	key_make(text, key.hash, key.hint);
	struct key same = key;
	struct store_change first = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_KEY_CREATE, .key = &key};
	assert_int_equal(store_change(w->store, &first), 0);
	struct publish_item items[2] = {world_item(w, &(struct world_event){.type = "order.created"}),
	                                world_item(w, &(struct world_event){.type = "order.created"})};
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 2, .items = items};
	struct store_change second = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_KEY_CREATE, .key = &same};
	struct store_change pause = {.cmd = {.kind = STORE_CHANGE}, .what = CHANGE_ENDPOINT_PAUSE, .id = endpoint};
	world_run_together(w, (struct store_cmd *[]){&publish.cmd, &second.cmd, &pause.cmd}, 3);
	assert_int_equal(publish.cmd.fate, ERR_NONE);
	assert_int_equal(items[0].fate, ERR_NONE);
	assert_int_equal(items[1].fate, ERR_NONE);
	assert_int_equal(second.cmd.fate, ERR_INTERNAL);
	assert_int_equal(pause.cmd.fate, ERR_NONE);
	assert_int_equal(world_pending(w, endpoint), 2);
	assert_int_equal(world_made(w), 2);
	assert_true(store_healthy(w->store, NULL, 0));
	world_item_clear(&items[0]);
	world_item_clear(&items[1]);
}

static void a_repeated_key_gives_the_first_answer(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t first = world_publish(w, &(struct world_event){.type = "order.created", .idempotency_key = "k", .data = "[1]"});
	w->wall_ms += w->window_ms - 1;
	struct publish_item again = world_item(w, &(struct world_event){.type = "order.created", .idempotency_key = "k", .data = "[1]"});
	assert_int_equal(run_one(w, &again), ERR_NONE);
	assert_true(again.duplicate);
	assert_int_equal(again.event_id, first);
	assert_int_equal(again.deliveries, 1);
	assert_int_equal(world_pending(w, endpoint), 1);
	world_item_clear(&again);
}

static void a_key_with_other_content_is_refused(void **state)
{
	struct world *w = *state;
	world_publish(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[1]"});
	struct publish_item other = world_item(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[2]"});
	assert_int_equal(run_one(w, &other), ERR_KEY_REUSED);
	world_item_clear(&other);
}

static void equal_keys_in_one_batch_see_each_other(void **state)
{
	struct world *w = *state;
	struct publish_item items[3] = {
	    world_item(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[1]"}),
	    world_item(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[1]"}),
	    world_item(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[3]"}),
	};
	struct store_publish first = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &items[0]};
	struct store_publish rest = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 2, .items = &items[1]};
	world_run_together(w, (struct store_cmd *[]){&first.cmd, &rest.cmd}, 2);
	assert_false(items[0].duplicate);
	assert_true(items[1].duplicate);
	assert_int_equal(items[1].event_id, items[0].event_id);
	assert_int_equal(items[2].fate, ERR_KEY_REUSED);
	for (int i = 0; i < 3; i++)
		world_item_clear(&items[i]);
}

static void a_key_is_free_again_after_the_window(void **state)
{
	struct world *w = *state;
	int64_t first = world_publish(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[1]"});
	w->wall_ms += w->window_ms;
	int64_t second = world_publish(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[2]"});
	assert_int_not_equal(first, second);
	/* And is remembered anew, over the change of tables. */
	w->wall_ms += w->window_ms / 2;
	for (int i = 0; i < 3; i++) {
		struct publish_item again = world_item(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[2]"});
		assert_int_equal(run_one(w, &again), ERR_NONE);
		assert_true(again.duplicate);
		assert_int_equal(again.event_id, second);
		world_item_clear(&again);
		world_publish(w, &(struct world_event){.type = "order.created", .uid = i == 0 ? "x" : i == 1 ? "y" : "z"});
		w->wall_ms += w->window_ms / 7;
	}
}

static void a_key_is_remembered_for_its_whole_window_over_the_change_of_tables(void **state)
{
	struct world *w = *state;
	world_publish(w, &(struct world_event){.type = "order.created", .uid = "early"});
	w->wall_ms += w->window_ms - 1;
	int64_t late = world_publish(w, &(struct world_event){.type = "order.created", .uid = "late"});
	w->wall_ms += 1;
	world_publish(w, &(struct world_event){.type = "order.created", .uid = "turns the tables"});
	w->wall_ms += w->window_ms - 2;
	struct publish_item again = world_item(w, &(struct world_event){.type = "order.created", .uid = "late"});
	assert_int_equal(run_one(w, &again), ERR_NONE);
	assert_true(again.duplicate);
	assert_int_equal(again.event_id, late);
	world_item_clear(&again);
}

static void keys_outlive_a_restart(void **state)
{
	struct world *w = *state;
	int64_t first = world_publish(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[1]"});
	world_close(w);
	world_open(w);
	struct publish_item again = world_item(w, &(struct world_event){.type = "order.created", .uid = "k", .data = "[1]"});
	assert_int_equal(run_one(w, &again), ERR_NONE);
	assert_true(again.duplicate);
	assert_int_equal(again.event_id, first);
	world_item_clear(&again);
}

static void a_repetition_by_one_key_binds_the_other(void **state)
{
	struct world *w = *state;
	int64_t first = world_publish(w, &(struct world_event){.type = "order.created", .uid = "u", .data = "[1]"});
	struct publish_item both =
	    world_item(w, &(struct world_event){.type = "order.created", .uid = "u", .idempotency_key = "k", .data = "[1]"});
	assert_int_equal(run_one(w, &both), ERR_NONE);
	assert_true(both.duplicate);
	struct publish_item other = world_item(w, &(struct world_event){.type = "order.created", .idempotency_key = "k", .data = "[2]"});
	assert_int_equal(run_one(w, &other), ERR_KEY_REUSED);
	struct publish_item same = world_item(w, &(struct world_event){.type = "order.created", .idempotency_key = "k", .data = "[1]"});
	assert_int_equal(run_one(w, &same), ERR_NONE);
	assert_int_equal(same.event_id, first);
	world_item_clear(&both);
	world_item_clear(&other);
	world_item_clear(&same);
}

static void keys_of_other_name_spaces_do_not_meet(void **state)
{
	(void)state;
	struct slice text = slice_of("k");
	struct dedupe_key plain = dedupe_key_of(0, 0, DEDUPE_UID, text, 0);
	struct dedupe_key others[] = {
	    dedupe_key_of(1, 0, DEDUPE_UID, text, 0),
	    dedupe_key_of(0, 1, DEDUPE_UID, text, 0),
	    dedupe_key_of(0, 0, DEDUPE_IDEMPOTENCY_KEY, text, 0),
	    dedupe_key_of(0, 0, DEDUPE_UID, slice_of("K"), 0),
	    dedupe_key_of(0, 0, DEDUPE_UID, text, 1),
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_memory_not_equal(plain.hash, others[i].hash, sizeof plain.hash);
	struct dedupe_key same = dedupe_key_of(0, 0, DEDUPE_UID, text, 0);
	assert_memory_equal(plain.hash, same.hash, sizeof plain.hash);
}

static void deliver_at_puts_the_due_time_off_and_expires_at_is_kept(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t later = w->wall_ms + 60000;
	world_publish(w, &(struct world_event){.type = "order.created", .deliver_at_ms = later, .expires_at_ms = later + 5});
	struct due due = world_first_due(w, endpoint);
	assert_int_equal(due.due_ms, later);
	assert_int_equal(due.expires_ms, later + 5);
}

static void ids_grow_over_restarts_and_clocks_that_go_back(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	int64_t first = world_publish(w, &(struct world_event){.type = "order.created"});
	int64_t delivery = world_first_due(w, endpoint).delivery;
	world_close(w);
	w->wall_ms -= 3600000;
	world_open(w);
	int64_t second = world_publish(w, &(struct world_event){.type = "order.created"});
	assert_true(second > first);
	assert_true(second > delivery);
}

static void commands_after_the_stop_fail_as_unavailable(void **state)
{
	struct world *w = *state;
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	store_stop(w->store);
	world_run(w, &publish.cmd);
	assert_int_equal(publish.cmd.fate, ERR_UNAVAILABLE);
	struct store_change change = {.what = CHANGE_ENDPOINT_PAUSE, .id = 1};
	assert_int_equal(store_change(w->store, &change), -1);
	assert_int_equal(change.err.code, ERR_UNAVAILABLE);
	world_item_clear(&item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(an_event_comes_back_byte_for_byte),
	    WORLD_TEST(an_event_is_read_only_where_there_is_room),
	    WORLD_TEST(a_cloudevents_context_is_kept_beside_the_payload),
	    WORLD_TEST(deliveries_are_made_for_each_matching_endpoint_and_told_after_the_commit),
	    WORLD_TEST(deliveries_are_made_for_each_of_many_endpoints),
	    WORLD_TEST(an_event_that_reaches_nobody_is_stored_and_says_whom_everyone_would_be),
	    WORLD_TEST(a_stale_match_is_made_again),
	    WORLD_TEST(a_change_acts_on_a_publish_behind_it_in_the_same_batch),
	    WORLD_TEST(paused_endpoints_get_deliveries_and_disabled_ones_none),
	    WORLD_TEST(an_addressed_endpoint_must_still_be_there),
	    WORLD_TEST(one_bad_item_leaves_its_neighbours),
	    WORLD_TEST(a_row_that_the_engine_refuses_leaves_its_batch),
	    WORLD_TEST(a_repeated_key_gives_the_first_answer),
	    WORLD_TEST(a_key_with_other_content_is_refused),
	    WORLD_TEST(equal_keys_in_one_batch_see_each_other),
	    WORLD_TEST(a_key_is_free_again_after_the_window),
	    WORLD_TEST(a_key_is_remembered_for_its_whole_window_over_the_change_of_tables),
	    WORLD_TEST(keys_outlive_a_restart),
	    WORLD_TEST(a_repetition_by_one_key_binds_the_other),
	    WORLD_TEST(keys_of_other_name_spaces_do_not_meet),
	    WORLD_TEST(deliver_at_puts_the_due_time_off_and_expires_at_is_kept),
	    WORLD_TEST(ids_grow_over_restarts_and_clocks_that_go_back),
	    WORLD_TEST(commands_after_the_stop_fail_as_unavailable),
	};
	return world_main("store: publish", tests, sizeof tests / sizeof tests[0]);
}
