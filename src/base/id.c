/* Ids: allotting, and their public form. */
#include "base/id.h"

#include <string.h>

enum { ID_SEQUENCE_BITS = 14, ID_NODE_BITS = 8, ID_LOW_BITS = ID_SEQUENCE_BITS + ID_NODE_BITS, ID_DIGITS = 13 };

#define ID_MS_MAX ((INT64_C(1) << 41) - 1)

static const char id_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static const char *const id_prefixes[ID_KINDS] = {
    [ID_EVENT] = "evt",    [ID_SUBSCRIBER] = "sub", [ID_ENDPOINT] = "ep",  [ID_SOURCE] = "src",
    [ID_DELIVERY] = "dlv", [ID_KEY] = "key",        [ID_OPERATION] = "op", [ID_REJECTION] = "rej",
    [ID_AUDIT] = "aud",
    [ID_ADMIN] = "adm",
};

static int64_t id_ms_of(int64_t wall_ms)
{
	if (wall_ms <= ID_EPOCH_MS)
		return 0;
	return wall_ms - ID_EPOCH_MS > ID_MS_MAX ? ID_MS_MAX : wall_ms - ID_EPOCH_MS;
}

int64_t id_next(struct id_source *source, int64_t wall_ms)
{
	int64_t ms = id_ms_of(wall_ms);
	int64_t last_ms = source->last >> ID_LOW_BITS;
	int64_t sequence = 0;
	if (ms <= last_ms) {
		/* The clock stands or went back: go on behind the last id. An id stored by another node may be the last one;
		 * then only its millisecond counts. */
		bool own = (source->last >> ID_SEQUENCE_BITS & ((1 << ID_NODE_BITS) - 1)) == (int64_t)source->node;
		sequence = (source->last & ((1 << ID_SEQUENCE_BITS) - 1)) + 1;
		ms = last_ms;
		if (!own || sequence == 1 << ID_SEQUENCE_BITS) {
			sequence = 0;
			ms++;
		}
	}
	source->last = ms << ID_LOW_BITS | (int64_t)source->node << ID_SEQUENCE_BITS | sequence;
	return source->last;
}

int64_t id_time_ms(int64_t id)
{
	return (id >> ID_LOW_BITS) + ID_EPOCH_MS;
}

int64_t id_floor_of_time(int64_t wall_ms)
{
	return id_ms_of(wall_ms) << ID_LOW_BITS;
}

void id_format(enum id_kind kind, int64_t id, char out[ID_TEXT_SIZE])
{
	size_t prefix_len = strlen(id_prefixes[kind]);
	memcpy(out, id_prefixes[kind], prefix_len);
	out += prefix_len;
	*out++ = '_';
	for (unsigned i = 0; i < ID_DIGITS; i++)
		*out++ = id_digits[(uint64_t)id >> (5 * (ID_DIGITS - 1 - i)) & 31];
	*out = '\0';
}

/* The digits' value; -1 when they are none, or more than 63 bits. */
static int64_t id_value(struct slice digits)
{
	if (digits.len != ID_DIGITS)
		return -1;
	uint64_t value = 0;
	for (size_t i = 0; i < digits.len; i++) {
		const char *digit = digits.at[i] ? strchr(id_digits, digits.at[i]) : NULL;
		if (!digit || value >> 58)
			return -1;
		value = value << 5 | (uint64_t)(digit - id_digits);
	}
	return (int64_t)value;
}

/* Takes "prefix_" off; false when it is not there. */
static bool id_skip_prefix(struct slice *text, enum id_kind kind)
{
	size_t len = strlen(id_prefixes[kind]);
	if (text->len <= len || memcmp(text->at, id_prefixes[kind], len) != 0 || text->at[len] != '_')
		return false;
	text->at += len + 1;
	text->len -= len + 1;
	return true;
}

int id_parse(enum id_kind kind, struct slice text, int64_t *id)
{
	if (!id_skip_prefix(&text, kind))
		return -1;
	int64_t value = id_value(text);
	if (value <= 0)
		return -1;
	*id = value;
	return 0;
}

bool id_shaped(struct slice text)
{
	for (enum id_kind kind = 0; kind < ID_KINDS; kind++) {
		struct slice rest = text;
		if (id_skip_prefix(&rest, kind) && id_value(rest) >= 0)
			return true;
	}
	return false;
}

const char *id_prefix(enum id_kind kind)
{
	return id_prefixes[kind];
}

void id_request_format(int64_t request, char out[ID_TEXT_SIZE])
{
	uint64_t bits = (uint64_t)request;
	memcpy(out, "req_", 4);
	for (unsigned i = 0; i < ID_DIGITS - 1; i++)
		out[4 + i] = id_digits[bits >> (59 - 5 * i) & 31];
	out[4 + ID_DIGITS - 1] = id_digits[bits << 1 & 31];
	out[4 + ID_DIGITS] = '\0';
}

int64_t id_request_parse(const char *text)
{
	uint64_t bits = 0;
	if (!text || strlen(text) != 4 + ID_DIGITS || memcmp(text, "req_", 4) != 0)
		return 0;
	for (unsigned i = 0; i < ID_DIGITS; i++) {
		const char *digit = strchr(id_digits, text[4 + i]);
		if (!digit || (i == ID_DIGITS - 1 && (digit - id_digits) % 2))
			return 0;
		bits = i < ID_DIGITS - 1 ? bits << 5 | (uint64_t)(digit - id_digits) : bits << 4 | (uint64_t)(digit - id_digits) >> 1;
	}
	return (int64_t)bits;
}
