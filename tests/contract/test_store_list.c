/* The store contract: lists with filters, what explains a delivery, and the numbers of the overview. */
#include "world.h"

#include <string.h>

enum { LISTED_MAX = 512 };

struct listed {
	int len;
	int64_t ids[LISTED_MAX];
};

static int list_event(void *context, const struct event_row *row)
{
	struct listed *listed = context;
	assert_true(listed->len < LISTED_MAX);
	listed->ids[listed->len++] = row->id;
	return 0;
}

static int list_delivery(void *context, const struct delivery_row *row)
{
	struct listed *listed = context;
	assert_true(listed->len < LISTED_MAX);
	assert_true(row->type.len > 0);
	listed->ids[listed->len++] = row->id;
	return 0;
}

static int list_document(void *context, const struct document_row *row)
{
	struct listed *listed = context;
	listed->ids[listed->len++] = row->id;
	return 0;
}

static int list_operation(void *context, const struct operation_row *row)
{
	struct listed *listed = context;
	listed->ids[listed->len++] = row->id;
	return 0;
}

static struct page page_after(const struct page *page)
{
	return (struct page){.limit = page->limit, .ascending = page->ascending, .after_key = page->last_key, .after_id = page->last_id};
}

/* All of a list, page by page. */
static struct listed deliveries_of(struct world *w, const struct delivery_filter *filter, int limit, bool ascending)
{
	struct page page = {.limit = limit, .ascending = ascending, .more = true};
	struct listed listed = {0};
	struct err err = {0};
	for (bool more = true; more; more = page.more) {
		page = page_after(&page);
		if (listed.len == 0)
			page = (struct page){.limit = limit, .ascending = ascending};
		assert_int_equal(reader_deliveries(w->reader, filter, &page, list_delivery, &listed, &err), 0);
	}
	return listed;
}

static struct due due_of(struct world *w, int64_t endpoint, int64_t event)
{
	struct due dues[LISTED_MAX];
	struct err err = {0};
	int len = reader_lane(w->reader, endpoint, dues, LISTED_MAX, &err);
	for (int i = 0; i < len; i++) {
		if (dues[i].event == event)
			return dues[i];
	}
	fail_msg("the event has no pending delivery there");
	return dues[0];
}

/* ---- Deliveries ---- */

static void deliveries_are_listed_by_each_filter(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t x = world_endpoint(w, "**", NULL), y = world_endpoint_of(w, a, "**", "\"ordered\": true");
	int64_t start_ms = w->wall_ms;
	int64_t delivered = world_publish(w, &(struct world_event){.type = "order.created"});
	struct due due = due_of(w, x, delivered);
	delivered = due.delivery;
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	w->wall_ms += 1000;
	int64_t dead = world_dead(w, x, "order.paid", REASON_EXHAUSTED), gone = world_dead(w, y, "order.paid", REASON_GONE);
	int64_t cancelled = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "invoice.paid"}));
	world_change(w, CHANGE_DELIVERY_CANCEL, cancelled);
	w->wall_ms += 1000;
	int64_t pending = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "order.created"}));
	int64_t head = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a}));
	int64_t held = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "order.paid", .subscriber = a}));
	const struct {
		struct delivery_filter filter;
		int64_t ids[8]; /* ascending */
	} cases[] = {
	    {{0}, {delivered, dead, gone, cancelled, pending, head, held}},
	    {{.endpoint = x}, {delivered, dead, cancelled, pending}},
	    {{.endpoint = 99}, {0}},
	    {{.subscriber = a}, {gone, head, held}},
	    {{.by_state = true, .state = DELIVERY_PENDING}, {pending, head}},
	    {{.by_state = true, .state = DELIVERY_PENDING, .endpoint = x}, {pending}},
	    {{.by_state = true, .state = DELIVERY_PENDING, .subscriber = a}, {head}},
	    {{.by_state = true, .state = DELIVERY_HELD}, {held}},
	    {{.by_state = true, .state = DELIVERY_HELD, .endpoint = y}, {held}},
	    {{.by_state = true, .state = DELIVERY_HELD, .endpoint = x}, {0}},
	    {{.by_state = true, .state = DELIVERY_DEAD}, {dead, gone}},
	    {{.by_state = true, .state = DELIVERY_DEAD, .endpoint = y}, {gone}},
	    {{.by_state = true, .state = DELIVERY_DELIVERED}, {delivered}},
	    {{.by_state = true, .state = DELIVERY_CANCELLED}, {cancelled}},
	    {{.reason = REASON_GONE}, {gone}},
	    {{.reason = REASON_CANCELLED}, {cancelled}},
	    {{.reason = REASON_GONE, .by_state = true, .state = DELIVERY_PENDING}, {0}},
	    {{.type = slice_of("order.paid")}, {dead, gone, held}},
	    {{.type = slice_of("order.*"), .by_state = true, .state = DELIVERY_PENDING}, {pending, head}},
	    {{.type = slice_of("invoice.*"), .by_state = true, .state = DELIVERY_PENDING}, {0}},
	    {{.since_ms = start_ms + 1000}, {dead, gone, cancelled, pending, head, held}},
	    {{.until_ms = start_ms + 1000}, {delivered}},
	    {{.since_ms = start_ms + 1, .until_ms = start_ms + 2000}, {dead, gone, cancelled}},
	    {{.since_ms = start_ms + 2000, .by_state = true, .state = DELIVERY_DEAD}, {0}},
	    {{.until_ms = start_ms + 2000, .by_state = true, .state = DELIVERY_PENDING}, {0}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int wanted = 0;
		while (cases[i].ids[wanted])
			wanted++;
		for (int way = 0; way < 4; way++) {
			bool ascending = way % 2;
			struct listed listed = deliveries_of(w, &cases[i].filter, way < 2 ? 10 : 1, ascending);
			if (listed.len != wanted)
				fail_msg("case %zu: %d rows, not %d", i, listed.len, wanted);
			for (int at = 0; at < wanted; at++)
				if (listed.ids[at] != cases[i].ids[ascending ? at : wanted - 1 - at])
					fail_msg("case %zu: another row at place %d", i, at);
		}
	}
}

/* Rows arrive and leave the filter between any two pages. */
static void pages_of_deliveries_are_stable_while_rows_arrive(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	const struct delivery_filter filters[] = {
	    {0}, {.endpoint = endpoint}, {.by_state = true, .state = DELIVERY_PENDING, .endpoint = endpoint}};
	for (size_t way = 0; way < 2 * sizeof filters / sizeof filters[0]; way++) {
		struct page page = {.limit = 3, .ascending = way % 2};
		struct listed before = deliveries_of(w, &filters[way / 2], 500, true), listed = {0};
		struct err err = {0};
		int64_t made[4];
		for (int i = 0; i < 4; i++)
			made[i] = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "order.created"}));
		int arrived = 0;
		do {
			assert_int_equal(reader_deliveries(w->reader, &filters[way / 2], &page, list_delivery, &listed, &err), 0);
			page = (struct page){.limit = 3,
			                     .ascending = page.ascending,
			                     .more = page.more,
			                     .after_key = page.last_key,
			                     .after_id = page.last_id};
			if (arrived++ < 3)
				world_publish(w, &(struct world_event){.type = "order.created"});
		} while (page.more);
		/* What was there at the start comes once, in order; upwards what arrived comes, too. */
		int there = before.len + 4;
		assert_int_equal(listed.len, page.ascending ? there + 3 : there);
		for (int i = 0; i < there; i++) {
			int64_t wanted = i < before.len ? before.ids[i] : made[i - before.len];
			assert_int_equal(listed.ids[page.ascending ? i : there - 1 - i], wanted);
		}
	}
}

/* The deliveries of one event have ids one beside the other. */
static void pages_of_neighbouring_ids_miss_and_repeat_nothing(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 5; i++)
		world_endpoint(w, "order.*", NULL);
	world_publish(w, &(struct world_event){.type = "order.created"});
	const struct delivery_filter filters[] = {{0}, {.by_state = true, .state = DELIVERY_PENDING}};
	for (int way = 0; way < 4; way++) {
		struct listed listed = deliveries_of(w, &filters[way / 2], 2, way % 2);
		assert_int_equal(listed.len, 5);
		for (int i = 1; i < 5; i++)
			assert_int_equal(listed.ids[i], listed.ids[i - 1] + (way % 2 ? 1 : -1));
	}
}

static int64_t publish_many(struct world *w, int64_t endpoint, int len, const char *first_type)
{
	struct publish_item items[200];
	for (int i = 0; i < len; i++)
		items[i] =
		    world_item(w, &(struct world_event){.type = i == 0 ? first_type : "order.created", .only = endpoint, .uid = NULL});
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = (size_t)len, .items = items};
	world_run(w, &publish.cmd);
	int64_t first = items[0].event_id;
	for (int i = 0; i < len; i++)
		world_item_clear(&items[i]);
	return first;
}

static void a_search_that_takes_too_long_goes_on_with_its_cursor(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t rare = world_delivery_of(w, publish_many(w, endpoint, 200, "rare.type"));
	/* By id, and among the gathered ids of an index. */
	const struct delivery_filter filters[] = {{.type = slice_of("rare.type")},
	                                          {.type = slice_of("rare.type"), .by_state = true, .state = DELIVERY_PENDING}};
	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
		struct page page = {.limit = 10};
		struct listed listed = {0};
		struct err err = {0};
		int pages = 0;
		w->mono_step_us = 250000; /* every look at the clock */
		do {
			assert_int_equal(reader_deliveries(w->reader, &filters[i], &page, list_delivery, &listed, &err), 0);
			if (pages++ == 0) {
				assert_true(page.more);
				assert_true(page.searched_to_ms >= w->wall_ms - 1000);
			}
			page = (struct page){.limit = 10, .more = page.more, .after_key = page.last_key, .after_id = page.last_id};
		} while (page.more);
		w->mono_step_us = 0;
		assert_true(pages > 2);
		assert_int_equal(listed.len, 1);
		assert_int_equal(listed.ids[0], rare);
	}
}

/* ---- Dead letters ---- */

static int list_dead(void *context, const struct delivery_row *row)
{
	return list_delivery(context, row);
}

/* The order is (time of death, id). Were a later transaction's death dated the same and had the smaller id, a reader that is past
 * that place would miss it. */
static void who_reads_dead_letters_upwards_misses_none_of_the_same_millisecond(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	struct due dues[3];
	struct err err = {0};
	for (int i = 0; i < 3; i++)
		world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(reader_lane(w->reader, endpoint, dues, 3, &err), 3);
	struct page page = {.limit = 10, .ascending = true};
	struct dead_filter filter = {0};
	struct listed listed = {0};
	for (int i = 2; i >= 0; i--) {
		if (i == 0)
			w->wall_ms -= 3600000; /* even when the clock goes back */
		assert_true(world_settle(w, &dues[i], 500, REASON_EXHAUSTED));
		assert_int_equal(reader_dead(w->reader, &filter, &page, list_dead, &listed, &err), 0);
		page = page_after(&page);
	}
	assert_int_equal(listed.len, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(listed.ids[i], dues[2 - i].delivery);
	int64_t last_ms;
	assert_int_equal(reader_dead_last(w->reader, &last_ms, &err), 0);
	assert_int_equal(last_ms, world_delivery(w, dues[0].delivery).row.ended_ms);
	/* An operation that begins now covers them all, and so after a restart. */
	int64_t operation = world_operation(w, OPERATION_DISCARD, &filter);
	world_operations_end(w);
	assert_int_equal(world_operation_row(w, operation).row.done, 3);
}

static void deaths_of_one_transaction_share_a_time_and_are_paged(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	struct outcome outcomes[5];
	struct store_cmd *cmds[5];
	struct due dues[5];
	struct err err = {0};
	for (int i = 0; i < 5; i++)
		world_publish(w, &(struct world_event){.type = "order.created"});
	assert_int_equal(reader_lane(w->reader, endpoint, dues, 5, &err), 5);
	for (int i = 0; i < 5; i++) {
		outcomes[i] = world_outcome(w, &dues[4 - i], 500, REASON_EXHAUSTED);
		cmds[i] = &outcomes[i].cmd;
	}
	world_run_together(w, cmds, 5);
	for (int ascending = 0; ascending < 2; ascending++) {
		struct page page = {.limit = 2, .ascending = ascending, .more = true};
		struct listed listed = {0};
		for (int pages = 0; page.more; pages++) {
			page = pages ? page_after(&page) : (struct page){.limit = 2, .ascending = ascending};
			assert_int_equal(reader_dead(w->reader, &(struct dead_filter){0}, &page, list_dead, &listed, &err), 0);
		}
		assert_int_equal(listed.len, 5);
		for (int i = 0; i < 5; i++)
			assert_int_equal(listed.ids[i], dues[ascending ? i : 4 - i].delivery);
	}
	assert_int_equal(world_delivery(w, dues[0].delivery).row.ended_ms, world_delivery(w, dues[4].delivery).row.ended_ms);
}

static void a_full_page_of_dead_letters_is_not_the_end_when_the_time_is_up(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	int64_t first = world_dead(w, endpoint, "rare.type", REASON_EXHAUSTED);
	publish_many(w, endpoint, 70, "order.created");
	world_change(w, CHANGE_ENDPOINT_DISABLE, endpoint);
	world_operations_end(w);
	world_change(w, CHANGE_ENDPOINT_RESUME, endpoint);
	int64_t last = world_dead(w, endpoint, "rare.type", REASON_EXHAUSTED);
	struct page page = {.limit = 1};
	struct dead_filter filter = {.type = slice_of("rare.type")};
	struct listed listed = {0};
	struct err err = {0};
	w->mono_step_us = 250000;
	do {
		assert_int_equal(reader_dead(w->reader, &filter, &page, list_dead, &listed, &err), 0);
		page = (struct page){.limit = 1, .more = page.more, .after_key = page.last_key, .after_id = page.last_id};
	} while (page.more);
	w->mono_step_us = 0;
	assert_int_equal(listed.len, 2);
	assert_int_equal(listed.ids[0], last);
	assert_int_equal(listed.ids[1], first);
}

/* ---- Events ---- */

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

static int64_t publish_traced(struct world *w, const char *traceparent)
{
	struct publish_item item = world_item(w, &(struct world_event){.type = "order.created"});
	item.event->f.traceparent = slice_of(traceparent);
	struct store_publish publish = {.cmd = {.kind = STORE_PUBLISH}, .items_len = 1, .items = &item};
	world_run(w, &publish.cmd);
	int64_t id = item.event_id;
	world_item_clear(&item);
	return id;
}

static void events_are_listed_by_each_filter(void **state)
{
	struct world *w = *state;
	int64_t nobody = world_publish(w, &(struct world_event){.type = "order.created", .subject = "orders/1", .uid = "Order-1001"});
	world_endpoint(w, "order.*", NULL);
	int64_t reached = world_publish(w, &(struct world_event){.type = "order.paid", .subject = "orders/10"});
	int64_t traced = publish_traced(w, "00-" TRACE "-00f067aa0ba902b7-01");
	int64_t other = publish_traced(w, "00-00f92f3577b34da6a3ce929d0e0e4736-" TRACE);
	const struct {
		struct event_filter filter;
		int64_t ids[5];
	} cases[] = {
	    {{0}, {nobody, reached, traced, other}},
	    {{.matched = MATCHED_NOBODY}, {nobody}},
	    {{.matched = MATCHED_SOMEBODY}, {reached, traced, other}},
	    {{.subject = slice_of("orders/1")}, {nobody}},
	    {{.subject = slice_of("orders")}, {0}},
	    {{.subject = slice_of("")}, {0}},
	    {{.trace_id = slice_of(TRACE)}, {traced}},
	    {{.q = slice_of("ORDERS/1")}, {nobody, reached}},
	    {{.q = slice_of("order-1001")}, {nobody}},
	    {{.q = slice_of("paid")}, {reached}},
	    {{.q = slice_of("no such")}, {0}},
	    {{.by_source = true}, {nobody, reached, traced, other}},
	    {{.by_source = true, .source = 7}, {0}},
	    {{.type = slice_of("order.created"), .matched = MATCHED_SOMEBODY, .q = slice_of("order")}, {traced, other}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct page page = {.limit = 10, .ascending = true};
		struct listed listed = {0};
		struct err err = {0};
		int wanted = 0;
		assert_int_equal(reader_events(w->reader, &cases[i].filter, &page, list_event, &listed, &err), 0);
		for (; cases[i].ids[wanted]; wanted++)
			assert_int_equal(listed.ids[wanted], cases[i].ids[wanted]);
		if (listed.len != wanted)
			fail_msg("case %zu: %d rows, not %d", i, listed.len, wanted);
	}
}

/* ---- Documents, operations ---- */

static void endpoints_and_subscribers_are_listed_by_each_filter(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"Acme Corp\", \"uid\": \"acme\"}"), b = world_subscriber(w, "{\"name\": \"Other\"}");
	int64_t active = world_endpoint(w, "**", "\"description\": \"for the Billing\"");
	int64_t paused = world_endpoint_of(w, a, "**", "\"uid\": \"hook-7\"");
	int64_t disabled = world_endpoint_of(w, a, "**", NULL), deleted = world_endpoint_of(w, a, "**", NULL);
	world_change(w, CHANGE_ENDPOINT_PAUSE, paused);
	world_change(w, CHANGE_ENDPOINT_DISABLE, disabled);
	world_change(w, CHANGE_ENDPOINT_DELETE, deleted);
	const struct {
		struct endpoint_filter filter;
		int64_t ids[4];
	} cases[] = {
	    {{0}, {active, paused, disabled}},
	    {{.by_status = true, .status = ENDPOINT_ACTIVE}, {active}},
	    {{.by_status = true, .status = ENDPOINT_PAUSED}, {paused}},
	    {{.by_status = true, .status = ENDPOINT_DISABLED}, {disabled}},
	    {{.subscriber = a}, {paused, disabled}},
	    {{.subscriber = a, .by_status = true, .status = ENDPOINT_DISABLED}, {disabled}},
	    {{.subscriber = a, .by_status = true, .status = ENDPOINT_ACTIVE}, {0}},
	    {{.q = slice_of("billing")}, {active}},
	    {{.q = slice_of("HOOK-7")}, {paused}},
	    {{.q = slice_of("example.com/hook")}, {active, paused, disabled}},
	    {{.q = slice_of("example.com"), .by_status = true, .status = ENDPOINT_PAUSED}, {paused}},
	};
	for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
		struct page page = {.limit = 1, .ascending = i % 2, .more = true};
		struct listed listed = {0};
		struct err err = {0};
		int wanted = 0;
		for (int pages = 0; page.more; pages++) {
			page = pages ? page_after(&page) : (struct page){.limit = 1, .ascending = i % 2};
			assert_int_equal(reader_endpoints(w->reader, &cases[i / 2].filter, &page, list_document, &listed, &err), 0);
		}
		while (cases[i / 2].ids[wanted])
			wanted++;
		if (listed.len != wanted)
			fail_msg("case %zu: %d rows, not %d", i / 2, listed.len, wanted);
		for (int at = 0; at < wanted; at++)
			assert_int_equal(listed.ids[page.ascending ? at : wanted - 1 - at], cases[i / 2].ids[at]);
	}
	const struct {
		struct subscriber_filter filter;
		int64_t id;
	} found[] = {{{.q = slice_of("corp")}, a},
	             {{.q = slice_of("ACME"), .only = a}, a},
	             {{.q = slice_of("other")}, b},
	             {{.q = slice_of("corp"), .only = b}, 0}};
	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
		struct page page = {.limit = 10};
		struct listed listed = {0};
		struct err err = {0};
		assert_int_equal(reader_subscribers(w->reader, &found[i].filter, &page, list_document, &listed, &err), 0);
		assert_int_equal(listed.len, found[i].id != 0);
		assert_int_equal(listed.ids[0], found[i].id);
	}
}

static void a_deleted_endpoint_is_found_with_its_owner(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), b = world_subscriber(w, "{\"name\": \"B\"}"), owner = -1;
	int64_t endpoint = world_endpoint_of(w, a, "order.*", "\"uid\": \"hook\"");
	world_change(w, CHANGE_ENDPOINT_DELETE, endpoint);
	struct listed listed = {0};
	struct err err = {0};
	assert_int_equal(reader_endpoint(w->reader, endpoint, 0, list_document, &listed, &err), -1);
	assert_int_equal(reader_endpoint_ever(w->reader, endpoint, a, list_document, &listed, &err), 0);
	assert_int_equal(listed.ids[0], endpoint);
	assert_int_equal(reader_endpoint_ever(w->reader, endpoint, b, list_document, &listed, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(reader_endpoint_owner(w->reader, endpoint, &owner, &err), 0);
	assert_int_equal(owner, a);
	assert_int_equal(reader_endpoint_owner(w->reader, 99, &owner, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void operations_are_listed_by_state_and_subscriber(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t done = world_operation(w, OPERATION_DISCARD, &(struct dead_filter){.subscriber = a});
	world_operations_end(w);
	const struct {
		struct operation_filter filter;
		int64_t id;
	} cases[] = {
	    {{0}, done},
	    {{.state = OPERATION_DONE}, done},
	    {{.state = OPERATION_RUNNING}, 0},
	    {{.state = OPERATION_CANCELLED}, 0},
	    {{.subscriber = a}, done},
	    {{.subscriber = 99}, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct page page = {.limit = 10};
		struct listed listed = {0};
		struct err err = {0};
		assert_int_equal(reader_operations(w->reader, &cases[i].filter, &page, list_operation, &listed, &err), 0);
		if (listed.len != (cases[i].id != 0) || listed.ids[0] != cases[i].id)
			fail_msg("case %zu: %d rows", i, listed.len);
	}
}

/* ---- What explains a delivery ---- */

static struct event_at event_at(struct world *w, int64_t event, int64_t endpoint)
{
	struct event_at at;
	struct err err = {0};
	assert_int_equal(reader_event_at(w->reader, event, endpoint, &at, &err), 0);
	return at;
}

static void it_is_told_what_became_of_an_event_at_an_endpoint(void **state)
{
	struct world *w = *state;
	int64_t x = world_endpoint(w, "order.*", NULL), y = world_endpoint(w, "invoice.*", NULL), z = world_endpoint(w, "order.*", NULL);
	int64_t plain = world_publish(w, &(struct world_event){.type = "order.created"});
	int64_t one = world_publish(w, &(struct world_event){.type = "order.created", .only = y});
	int64_t nobody = world_publish(w, &(struct world_event){.type = "other"});
	struct event_at at = event_at(w, plain, z);
	assert_int_equal(world_delivery(w, at.delivery).row.endpoint, z);
	assert_int_equal(world_delivery(w, at.delivery).row.event, plain);
	assert_int_equal(at.first, x);
	assert_int_equal(event_at(w, plain, y).delivery, 0);
	at = event_at(w, one, y);
	assert_int_equal(at.first, y);
	assert_int_equal(at.delivery, world_delivery_of(w, one));
	at = event_at(w, nobody, x);
	assert_int_equal(at.first, 0);
	assert_int_equal(at.delivery, 0);
}

static struct delivery_wait wait_of(struct world *w, int64_t delivery)
{
	struct delivery_wait wait;
	struct err err = {0};
	assert_int_equal(reader_waiting(w->reader, delivery, &wait, &err), 0);
	return wait;
}

static void it_is_told_what_a_delivery_waits_behind(void **state)
{
	struct world *w = *state;
	int64_t plain = world_endpoint(w, "order.*", NULL), ordered = world_endpoint(w, "invoice.*", "\"ordered\": true");
	int64_t ids[4];
	for (int i = 0; i < 4; i++)
		ids[i] = world_delivery_of(
		    w, world_publish(w, &(struct world_event){.type = "order.created", .deliver_at_ms = w->wall_ms + (i == 0 ? 50 : 10)}));
	assert_int_equal(wait_of(w, ids[1]).ahead, 0);
	assert_int_equal(wait_of(w, ids[3]).ahead, 2);
	assert_int_equal(wait_of(w, ids[0]).ahead, 3);
	assert_int_equal(wait_of(w, ids[0]).head, 0);
	struct due due = due_of(w, plain, world_delivery(w, ids[1]).row.event);
	assert_true(world_settle(w, &due, 200, REASON_NONE));
	assert_int_equal(wait_of(w, ids[3]).ahead, 1);
	int64_t keyed[3];
	static const char *const keys[] = {"a", "b", "a"};
	for (int i = 0; i < 3; i++)
		keyed[i] = world_delivery_of(w, world_publish(w, &(struct world_event){.type = "invoice.paid", .ordering_key = keys[i]}));
	struct delivery_wait wait = wait_of(w, keyed[2]);
	assert_int_equal(wait.head, keyed[0]);
	assert_int_equal(wait.head_due_ms, w->wall_ms);
	assert_int_equal(world_delivery(w, keyed[2]).row.endpoint, ordered);
}

struct recent {
	int len;
	struct recent_row rows[8];
};

static int keep_recent(void *context, const struct recent_row *row)
{
	struct recent *recent = context;
	recent->rows[recent->len++] = *row;
	return recent->len == 3;
}

static void the_newest_events_come_with_whom_they_were_for(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}"), y = world_endpoint(w, "invoice.*", NULL);
	struct recent recent = {0};
	struct err err = {0};
	assert_int_equal(reader_recent(w->reader, keep_recent, &recent, &err), 0);
	assert_int_equal(recent.len, 0);
	world_publish(w, &(struct world_event){.type = "order.created"});
	int64_t own = world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a});
	int64_t all = world_publish(w, &(struct world_event){.type = "order.created", .everyone = true});
	int64_t one = world_publish(w, &(struct world_event){.type = "order.created", .only = y});
	assert_int_equal(reader_recent(w->reader, keep_recent, &recent, &err), 0);
	assert_int_equal(recent.len, 3);
	assert_int_equal(recent.rows[0].id, one);
	assert_int_equal(recent.rows[0].reach, EVENT_REACH_ONE);
	assert_int_equal(recent.rows[1].id, all);
	assert_int_equal(recent.rows[1].reach, EVENT_REACH_ALL);
	assert_int_equal(recent.rows[2].id, own);
	assert_int_equal(recent.rows[2].subscriber, a);
	assert_int_equal(recent.rows[2].reach, EVENT_REACH_OWN);
}

/* ---- Numbers ---- */

static struct stats stats_of(struct world *w, int64_t subscriber)
{
	struct stats stats;
	struct err err = {0};
	assert_int_equal(reader_stats(w->reader, w->wall_ms, subscriber, &stats, &err), 0);
	return stats;
}

static void the_numbers_are_those_of_all_or_of_one_subscriber(void **state)
{
	struct world *w = *state;
	int64_t a = world_subscriber(w, "{\"name\": \"A\"}");
	int64_t x = world_endpoint(w, "order.*", NULL), y = world_endpoint_of(w, a, "**", "\"ordered\": true");
	int64_t deleted = world_endpoint_of(w, a, "nothing", NULL), paused = world_endpoint_of(w, a, "nothing", NULL);
	struct stats stats = stats_of(w, 0);
	assert_int_equal(stats.oldest_pending_ms, 0);
	world_change(w, CHANGE_ENDPOINT_PAUSE, paused);
	world_dead(w, x, "order.created", REASON_EXHAUSTED);
	world_dead(w, y, "order.created", REASON_EXHAUSTED);
	world_dead(w, deleted, "order.created", REASON_EXHAUSTED);
	world_change(w, CHANGE_ENDPOINT_DELETE, deleted);
	world_operations_end(w);
	w->wall_ms += 120000;
	int64_t oldest_ms = w->wall_ms;
	world_publish(w, &(struct world_event){.type = "order.created", .deliver_at_ms = w->wall_ms + 999000});
	w->wall_ms += 1000;
	for (int i = 0; i < 3; i++)
		world_publish(w, &(struct world_event){.type = "order.created", .subscriber = a, .ordering_key = i < 2 ? "k" : NULL});
	stats = stats_of(w, 0);
	assert_int_equal(stats.pending.count, 3);
	assert_int_equal(stats.due.count, 2);
	assert_int_equal(stats.oldest_pending_ms, oldest_ms);
	assert_int_equal(stats.held.count, 1);
	assert_int_equal(stats.dead.count, 3);
	assert_int_equal(stats.events_minute.count, 4);
	assert_int_equal(stats.events_hour.count, 7);
	assert_int_equal(stats.endpoints[ENDPOINT_ACTIVE], 2);
	assert_int_equal(stats.endpoints[ENDPOINT_PAUSED], 1);
	assert_int_equal(stats.endpoints[ENDPOINT_DISABLED], 0);
	assert_int_equal(stats.operations, 0);
	assert_false(stats.pending.at_least || stats.due.at_least || stats.held.at_least || stats.dead.at_least ||
	             stats.events_minute.at_least || stats.events_hour.at_least);
	stats = stats_of(w, a);
	assert_int_equal(stats.pending.count, 2);
	assert_int_equal(stats.due.count, 2);
	assert_int_equal(stats.oldest_pending_ms, oldest_ms + 1000);
	assert_int_equal(stats.held.count, 1);
	assert_int_equal(stats.dead.count, 2);
	assert_int_equal(stats.events_minute.count, 3);
	assert_int_equal(stats.events_hour.count, 3);
	assert_int_equal(stats.endpoints[ENDPOINT_ACTIVE], 1);
	assert_int_equal(stats.endpoints[ENDPOINT_PAUSED], 1);
}

static void a_number_that_was_not_counted_to_its_end_says_so(void **state)
{
	struct world *w = *state;
	int64_t endpoint = world_endpoint(w, "**", NULL);
	publish_many(w, endpoint, 200, "order.created");
	w->mono_step_us = 250000;
	struct stats stats = stats_of(w, 0);
	w->mono_step_us = 0;
	assert_true(stats.pending.at_least && stats.due.at_least && stats.events_minute.at_least && stats.events_hour.at_least);
	assert_true(stats.pending.count > 0 && stats.pending.count < 200);
	assert_false(stats.dead.at_least);
	stats = stats_of(w, 0);
	assert_int_equal(stats.pending.count, 200);
	assert_false(stats.pending.at_least);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(deliveries_are_listed_by_each_filter),
	    WORLD_TEST(pages_of_deliveries_are_stable_while_rows_arrive),
	    WORLD_TEST(pages_of_neighbouring_ids_miss_and_repeat_nothing),
	    WORLD_TEST(a_search_that_takes_too_long_goes_on_with_its_cursor),
	    WORLD_TEST(who_reads_dead_letters_upwards_misses_none_of_the_same_millisecond),
	    WORLD_TEST(deaths_of_one_transaction_share_a_time_and_are_paged),
	    WORLD_TEST(a_full_page_of_dead_letters_is_not_the_end_when_the_time_is_up),
	    WORLD_TEST(events_are_listed_by_each_filter),
	    WORLD_TEST(endpoints_and_subscribers_are_listed_by_each_filter),
	    WORLD_TEST(a_deleted_endpoint_is_found_with_its_owner),
	    WORLD_TEST(operations_are_listed_by_state_and_subscriber),
	    WORLD_TEST(it_is_told_what_became_of_an_event_at_an_endpoint),
	    WORLD_TEST(it_is_told_what_a_delivery_waits_behind),
	    WORLD_TEST(the_newest_events_come_with_whom_they_were_for),
	    WORLD_TEST(the_numbers_are_those_of_all_or_of_one_subscriber),
	    WORLD_TEST(a_number_that_was_not_counted_to_its_end_says_so),
	};
	return world_main("store: lists", tests, sizeof tests / sizeof tests[0]);
}
