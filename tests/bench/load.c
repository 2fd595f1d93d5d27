/* What is published, and how it is recognized when it arrives. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ZEROS[] = "00000000000000000000";

/* Appends text, and digits behind it; the place of the digits. */
static size_t append(char *event, size_t *len, const char *text, size_t digits)
{
	size_t text_len = strlen(text);
	memcpy(event + *len, text, text_len);
	memcpy(event + *len + text_len, ZEROS, digits);
	*len += text_len + digits;
	return *len - digits;
}

static void append_envelope(struct load *load, char *event, size_t *len)
{
	load->type_at = append(event, len, "{\"type\":\"bench.t", 4);
	if (load->shape.subscribers)
		load->subscriber_at = append(event, len, "\",\"subscriber\":\"s", 6);
	if (load->shape.uids)
		load->uid_at = append(event, len, "\",\"uid\":\"xxxxxxxx-", LOAD_DIGITS);
	append(event, len, "\",\"data\":", 0);
}

static char *make_event(struct load *load)
{
	static const char data_end[] = "\"}";
	size_t len = 0;
	char *event = malloc(load->shape.data_bytes + 512);
	if (!event)
		abort();
	if (!load->shape.bare)
		append_envelope(load, event, &len);
	size_t data_at = len;
	load->n_at = append(event, &len, "{\"n\":\"", LOAD_DIGITS);
	load->t_at = append(event, &len, "\",\"t\":\"", LOAD_DIGITS);
	append(event, &len, "\",\"pad\":\"", 0);
	for (unsigned i = 0; len - data_at + sizeof data_end - 1 < load->shape.data_bytes; i++)
		event[len++] = "abcdefghijklmnopqrstuvwxyz0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ.,"[i % 65];
	append(event, &len, data_end, 0);
	append(event, &len, load->shape.bare ? "," : "},", 0);
	load->event_bytes = len;
	return event;
}

void load_init(struct load *load, const struct load_shape *shape)
{
	*load = (struct load){.shape = *shape};
	char *event = make_event(load);
	bool array = shape->batch > 1;
	load->body_bytes = load->event_bytes * shape->batch + (array ? 1 : 0) - (array ? 0 : 1);
	load->body = malloc(load->body_bytes + 1);
	if (!load->body)
		abort();
	load->body[0] = '[';
	for (unsigned i = 0; i < shape->batch; i++)
		memcpy(load->body + array + i * load->event_bytes, event, load->event_bytes - (array ? 0 : 1));
	if (array)
		load->body[load->body_bytes - 1] = ']'; /* over the last comma */
	free(event);
}

void load_free(struct load *load)
{
	free(load->body);
}

void load_digits(char *to, size_t digits, uint64_t value)
{
	while (digits-- > 0) {
		to[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void load_fill(const struct load *load, char *body, uint64_t n, int64_t at_ns, const char *prefix)
{
	const struct load_shape *shape = &load->shape;
	char *event = body + (shape->batch > 1);
	for (unsigned i = 0; i < shape->batch; i++, n++, event += load->event_bytes) {
		/* Neighbours in time are strangers in the store: subscribers take turns in a scattered order. */
		uint64_t who = shape->subscribers ? n * 7919 % shape->subscribers : n;
		if (load->type_at)
			load_digits(event + load->type_at, 4, shape->first_type + who % shape->types);
		if (load->subscriber_at)
			load_digits(event + load->subscriber_at, 6, who);
		if (load->uid_at) {
			memcpy(event + load->uid_at - 9, prefix, 8);
			load_digits(event + load->uid_at, LOAD_DIGITS, n);
		}
		load_digits(event + load->n_at, LOAD_DIGITS, n);
		load_digits(event + load->t_at, LOAD_DIGITS, (uint64_t)at_ns);
	}
}

static bool read_digits(const char *from, uint64_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < LOAD_DIGITS; i++) {
		if (from[i] < '0' || from[i] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(from[i] - '0');
	}
	return true;
}

bool load_read(const char *payload, size_t len, uint64_t *n, int64_t *at_ns)
{
	uint64_t at = 0;
	if (len < LOAD_MARK_BYTES || memcmp(payload, "{\"n\":\"", 6) != 0 || !read_digits(payload + 6, n) ||
	    memcmp(payload + 6 + LOAD_DIGITS, "\",\"t\":\"", 7) != 0 || !read_digits(payload + 13 + LOAD_DIGITS, &at))
		return false;
	*at_ns = (int64_t)at;
	return true;
}
