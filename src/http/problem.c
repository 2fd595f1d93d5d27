/* Errors as RFC 9457 problem documents. */
#include "http/problem.h"

#include <stdio.h>

#include "base/id.h"
#include "base/log.h"
#include "json/scan.h"

/* Eight fields, every byte escaped to six, fit. */
enum { PROBLEM_BYTES_MAX = 64 * 1024 };

static void problem_member(struct strbuf *out, const char *name, const char *value)
{
	strbuf_printf(out, ", \"%s\": ", name);
	json_put_string(out, slice_of(value));
}

static void problem_fields(struct strbuf *out, const struct err *err)
{
	strbuf_puts(out, ", \"errors\": [");
	for (unsigned i = 0; i < err->fields_len; i++) {
		strbuf_puts(out, i ? ", {\"pointer\": " : "{\"pointer\": ");
		json_put_string(out, slice_of(err->fields[i].pointer));
		problem_member(out, "detail", err->fields[i].detail);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

void problem_respond(struct http_response *response, const struct err *err, const char *request_id)
{
	enum err_code code = err->code == ERR_NONE ? ERR_INTERNAL : err->code;
	http_response_free(response);
	response->status = err_http_status(code);
	if (response->status >= 500 && !err->told)
		log_told(failed_request, LOG_FIELDS(.request = id_request_parse(request_id), .status = response->status, .error = err_code_text(code)),
		         "a request failed by the hub's fault: %s", err->detail);
	response->content_type = "application/problem+json";
	response->body = STRBUF_INIT(PROBLEM_BYTES_MAX);
	struct strbuf *out = &response->body;
	strbuf_puts(out, "{\"type\": \"about:blank\"");
	problem_member(out, "title", err_title(code));
	strbuf_printf(out, ", \"status\": %d", response->status);
	problem_member(out, "code", err_code_text(code));
	if (err->detail[0])
		problem_member(out, "detail", err->detail);
	if (err->fields_len)
		problem_fields(out, err);
	if (request_id)
		problem_member(out, "request_id", request_id);
	strbuf_puts(out, "}\n");
	if (code == ERR_UNAVAILABLE || code == ERR_STORAGE || code == ERR_IN_PROGRESS || code == ERR_THROTTLED ||
	    code == ERR_RATE_LIMITED) {
		char seconds[16];
		snprintf(seconds, sizeof seconds, "%d", err->retry_after_s > 0 ? err->retry_after_s : 1);
		http_response_header(response, "Retry-After", seconds);
	} else if (code == ERR_UNAUTHENTICATED || code == ERR_LOGIN) {
		http_response_header(response, "WWW-Authenticate", "Bearer");
	}
}

void problem_say(struct http_response *response, enum err_code code, const char *request_id, const char *why)
{
	struct err err = {0};
	err_set(&err, code, "%s", why);
	problem_respond(response, &err, request_id);
}
