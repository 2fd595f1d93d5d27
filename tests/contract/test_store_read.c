/* The store contract: what the scheduler and the lists read. */
#include "world.h"

#include <stdio.h>
#include <string.h>

static void lanes_are_found_one_after_the_other(void **state)
{
	struct world *w = *state;
	int64_t ids[3];
	for (int i = 0; i < 3; i++)
		ids[i] = world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created", .only = ids[2], .deliver_at_ms = w->wall_ms + 7});
	world_publish(w, &(struct world_event){.type = "order.created", .only = ids[0], .deliver_at_ms = w->wall_ms + 9});
	world_publish(w, &(struct world_event){.type = "order.created", .only = ids[0], .deliver_at_ms = w->wall_ms + 5});
	struct err err = {0};
	int64_t endpoint = 0, due_ms = 0;
	assert_int_equal(reader_next_lane(w->reader, &endpoint, &due_ms, &err), 1);
	assert_int_equal(endpoint, ids[0]);
	assert_int_equal(due_ms, w->wall_ms + 5);
	assert_int_equal(reader_next_lane(w->reader, &endpoint, &due_ms, &err), 1);
	assert_int_equal(endpoint, ids[2]);
	assert_int_equal(due_ms, w->wall_ms + 7);
	assert_int_equal(reader_next_lane(w->reader, &endpoint, &due_ms, &err), 0);
}

static void a_lane_is_read_earliest_first_and_no_more_than_asked(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL), other = world_endpoint(w, "invoice.*", NULL);
	static const int offsets[] = {9, 3, 6, 3};
	int64_t events[4];
	for (int i = 0; i < 4; i++)
		events[i] = world_publish(w, &(struct world_event){.type = "order.created", .deliver_at_ms = w->wall_ms + offsets[i]});
	world_publish(w, &(struct world_event){.type = "invoice.paid"});
	struct due dues[8];
	struct err err = {0};
	assert_int_equal(reader_lane(w->reader, endpoint, dues, 8, &err), 4);
	static const int order[] = {1, 3, 2, 0};
	for (int i = 0; i < 4; i++)
		assert_int_equal(dues[i].event, events[order[i]]);
	assert_int_equal(reader_lane(w->reader, endpoint, dues, 2, &err), 2);
	assert_int_equal(dues[1].event, events[3]);
	assert_int_equal(reader_lane(w->reader, other, dues, 8, &err), 1);
	assert_int_equal(reader_lane(w->reader, 99, dues, 8, &err), 0);
}

static void expired_ones_come_earliest_first_with_the_next_time(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "order.*", NULL);
	struct due dues[8];
	struct err err = {0};
	int64_t next_ms = -1;
	assert_int_equal(reader_expired(w->reader, w->wall_ms, dues, 8, &next_ms, &err), 0);
	assert_int_equal(next_ms, 0);
	static const int offsets[] = {30, 10, 20};
	for (int i = 0; i < 3; i++)
		world_publish(w, &(struct world_event){.type = "order.created", .expires_at_ms = w->wall_ms + offsets[i]});
	world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(reader_expired(w->reader, w->wall_ms + 9, dues, 8, &next_ms, &err), 0);
	assert_int_equal(next_ms, w->wall_ms + 10);
	assert_int_equal(reader_expired(w->reader, w->wall_ms + 20, dues, 8, &next_ms, &err), 2);
	assert_int_equal(dues[0].expires_ms, w->wall_ms + 10);
	assert_int_equal(dues[1].expires_ms, w->wall_ms + 20);
	assert_int_equal(dues[0].endpoint, endpoint);
	/* What has ended does not expire. */
	assert_true(world_settle(w, &dues[0], 200, REASON_NONE));
	assert_int_equal(reader_expired(w->reader, w->wall_ms + 20, dues, 8, &next_ms, &err), 1);
	assert_int_equal(next_ms, w->wall_ms + 20);
}

struct listed {
	int len;
	int64_t ids[32], deliveries;
	size_t data_bytes;
};

static int list_event(void *context, const struct event_row *row)
{
	struct listed *listed = context;
	listed->ids[listed->len++] = row->id;
	listed->deliveries = row->deliveries;
	listed->data_bytes = row->data_bytes;
	return 0;
}

static void events_are_listed_by_time_type_and_subscriber(void **state)
{
	struct world *w = *state;
	int64_t subscriber = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t start_ms = w->wall_ms;
	int64_t a = world_publish(w, &(struct world_event){.type = "order.created"});
	w->wall_ms += 1000;
	int64_t b = world_publish(w, &(struct world_event){.type = "order.paid", .subscriber = subscriber});
	w->wall_ms += 1000;
	int64_t c = world_publish(w, &(struct world_event){.type = "invoice.paid", .subscriber = subscriber, .data = "[1,2]"});
	struct {
		struct event_filter filter;
		int len;
		int64_t first;
	} cases[] = {
	    {{0}, 3, c},
	    {{.subscriber = subscriber}, 2, c},
	    {{.type = slice_of("order.*")}, 2, b},
	    {{.type = slice_of("order.*"), .subscriber = subscriber}, 1, b},
	    {{.since_ms = start_ms + 1000}, 2, c},
	    {{.until_ms = start_ms + 1000}, 1, a},
	    {{.since_ms = start_ms + 1, .until_ms = start_ms + 2000}, 1, b},
	    {{.since_ms = start_ms + 2001}, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int ascending = 0; ascending < 2; ascending++) {
			struct page page = {.limit = 10, .ascending = ascending};
			struct listed listed = {0};
			struct err err = {0};
			assert_int_equal(reader_events(w->reader, &cases[i].filter, &page, list_event, &listed, &err), 0);
			assert_false(page.more);
			int first = ascending ? listed.len - 1 : 0;
			if (listed.len != cases[i].len || (listed.len > 0 && listed.ids[first] != cases[i].first))
				fail_msg("case %zu: %d rows", i, listed.len);
		}
	}
	struct listed one = {0};
	struct err err = {0};
	assert_int_equal(reader_event_row(w->reader, c, subscriber, list_event, &one, &err), 0);
	assert_int_equal(one.data_bytes, 5);
	assert_int_equal(reader_event_row(w->reader, a, subscriber, list_event, &one, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void pages_of_events_miss_and_repeat_nothing(void **state)
{
	struct world *w = *state;
	int64_t ids[7];
	for (int i = 0; i < 7; i++)
		ids[i] = world_publish(w, &(struct world_event){.type = "order.created"});
	for (int ascending = 0; ascending < 2; ascending++) {
		struct page page = {.limit = 3, .ascending = ascending};
		struct event_filter filter = {0};
		struct listed listed = {0};
		struct err err = {0};
		int pages = 0;
		do {
			assert_int_equal(reader_events(w->reader, &filter, &page, list_event, &listed, &err), 0);
			page.after_key = page.last_key;
			page.after_id = page.last_id;
			pages++;
		} while (page.more);
		assert_int_equal(pages, 3);
		assert_int_equal(listed.len, 7);
		for (int i = 0; i < 7; i++)
			assert_int_equal(listed.ids[i], ids[ascending ? i : 6 - i]);
	}
}

static void a_uid_finds_its_newest_event_and_says_when_it_is_ambiguous(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t unowned = world_publish(w, &(struct world_event){.type = "order.created", .uid = "x"});
	struct err err = {0};
	int64_t id = 0;
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("x"), 0, true, &id, &err), 0);
	assert_int_equal(id, unowned);
	w->wall_ms += w->window_ms;
	int64_t newer = world_publish(w, &(struct world_event){.type = "order.created", .uid = "x"});
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("x"), 0, true, &id, &err), 0);
	assert_int_equal(id, newer);
	int64_t owned = world_publish(w, &(struct world_event){.type = "order.created", .uid = "x", .subscriber = a});
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("x"), a, false, &id, &err), 0);
	assert_int_equal(id, owned);
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("x"), 0, false, &id, &err), 0);
	assert_int_equal(id, newer);
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("x"), 0, true, &id, &err), 0);
	assert_int_equal(id, newer);
	int64_t b = world_subscriber(w, "{\"name\": \"B\"}");
	owned = world_publish(w, &(struct world_event){.type = "order.created", .uid = "z", .subscriber = a});
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("z"), 0, true, &id, &err), 0);
	assert_int_equal(id, owned);
	world_publish(w, &(struct world_event){.type = "order.created", .uid = "z", .subscriber = b});
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("z"), 0, true, &id, &err), -1);
	assert_int_equal(err.code, ERR_AMBIGUOUS);
	assert_int_equal(reader_event_by_uid(w->reader, slice_of("y"), 0, true, &id, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static int list_delivery(void *context, const struct delivery_row *row)
{
	struct listed *listed = context;
	assert_true(slice_is(row->type, "order.created"));
	assert_true(slice_is(row->subject, "s-1"));
	assert_true(slice_is(row->event_uid, "u-1"));
	listed->ids[listed->len++] = row->id;
	return 0;
}

static void an_events_deliveries_are_listed(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 5; i++)
		world_endpoint(w, "order.*", NULL);
	int64_t event = world_publish(w, &(struct world_event){.type = "order.created", .subject = "s-1", .uid = "u-1"});
	for (int ascending = 0; ascending < 2; ascending++) {
		struct page page = {.limit = 2, .ascending = ascending};
		struct listed listed = {0};
		struct err err = {0};
		do {
			assert_int_equal(reader_event_deliveries(w->reader, event, &page, list_delivery, &listed, &err), 0);
			page.after_id = page.last_id;
		} while (page.more);
		assert_int_equal(listed.len, 5);
		for (int i = 1; i < 5; i++)
			assert_true(ascending ? listed.ids[i] > listed.ids[i - 1] : listed.ids[i] < listed.ids[i - 1]);
	}
}

static void a_delivery_belongs_to_its_endpoints_subscriber(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}");
	world_endpoint_of(w, a, "order.*", NULL);
	int64_t delivery = world_delivery_of(
	    w, world_publish(w, &(struct world_event){.type = "order.created", .everyone = true, .subject = "s-1", .uid = "u-1"}));
	struct listed listed = {0};
	struct err err = {0};
	assert_int_equal(reader_delivery(w->reader, delivery, a, list_delivery, &listed, &err), 0);
	assert_int_equal(reader_delivery(w->reader, delivery, b, list_delivery, &listed, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(lanes_are_found_one_after_the_other),
	    WORLD_TEST(a_lane_is_read_earliest_first_and_no_more_than_asked),
	    WORLD_TEST(expired_ones_come_earliest_first_with_the_next_time),
	    WORLD_TEST(events_are_listed_by_time_type_and_subscriber),
	    WORLD_TEST(pages_of_events_miss_and_repeat_nothing),
	    WORLD_TEST(a_uid_finds_its_newest_event_and_says_when_it_is_ambiguous),
	    WORLD_TEST(an_events_deliveries_are_listed),
	    WORLD_TEST(a_delivery_belongs_to_its_endpoints_subscriber),
	};
	return world_main("store: reading", tests, sizeof tests / sizeof tests[0]);
}
