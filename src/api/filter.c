/* Filters of lists: parameters that narrow what a list gives. */
#include <stdio.h>
#include <string.h>

#include "api/call.h"
#include "base/utf8.h"
#include "model/pattern.h"

int filter_by_pattern(struct call *call, const char *name, struct slice *pattern)
{
	char pointer[ERR_POINTER_MAX];
	int given = call_param(call, name, pattern);
	snprintf(pointer, sizeof pointer, "?%s", name);
	return given <= 0 ? given : pattern_check(*pattern, pointer, &call->err);
}

bool filter_is_utf8(struct slice text)
{
	size_t at = 0, len = 1;
	while (at < text.len && len > 0) {
		len = utf8_sequence(text.at + at, text.at + text.len);
		at += len;
	}
	return at == text.len;
}

int filter_by_text(struct call *call, const char *name, size_t max_bytes, struct slice *text)
{
	char pointer[ERR_POINTER_MAX];
	int given = call_param(call, name, text);
	if (given <= 0 || (text->len > 0 && text->len <= max_bytes && filter_is_utf8(*text)))
		return given < 0 ? -1 : 0;
	snprintf(pointer, sizeof pointer, "?%s", name);
	return err_field(&call->err, ERR_INVALID, pointer, "must have 1 to %zu bytes of UTF-8 text", max_bytes);
}

int filter_by_trace(struct call *call, struct slice *trace_id)
{
	static const char zeros[] = "00000000000000000000000000000000";
	int given = call_param(call, "trace_id", trace_id);
	if (given <= 0)
		return given;
	bool good = trace_id->len == sizeof zeros - 1 && strspn(trace_id->at, "0123456789abcdef") == trace_id->len;
	if (good && !slice_is(*trace_id, zeros))
		return 0;
	return err_field(&call->err, ERR_INVALID, "?trace_id",
	                 "must be the trace-id of a traceparent: 32 hex digits in lower case, not all of them 0");
}

int filter_by_time(struct call *call, int64_t *since_ms, int64_t *until_ms)
{
	return call_param_time(call, "since", since_ms) < 0 ? -1 : call_param_time(call, "until", until_ms);
}

int filter_by_word(struct call *call, const char *name, const char *words, struct slice *word)
{
	char pointer[ERR_POINTER_MAX];
	int given = call_param(call, name, word);
	if (given <= 0)
		return given;
	words += strspn(words, " ");
	size_t words_len = strlen(words);
	for (const char *at = words; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		if (slice_equal(*word, (struct slice){at, len}))
			return 1;
		at += len;
	}
	while (words_len > 0 && words[words_len - 1] == ' ')
		words_len--;
	snprintf(pointer, sizeof pointer, "?%s", name);
	return err_field(&call->err, ERR_INVALID, pointer, "must be one of: %.*s", (int)words_len, words);
}
