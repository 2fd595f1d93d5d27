/* Method, content type and version of HTTP of an endpoint's requests. */
#include <stdlib.h>

#include "base/mem.h"
#include "model/check.h"
#include "model/endpoint_fields.h"
#include "model/media.h"

enum { CONTENT_TYPE_MAX = 255 };

int endpoint_read_method(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	bool put = slice_is(check_slice(value), "PUT");
	if (!put && !slice_is(check_slice(value), "POST"))
		return err_field(err, ERR_INVALID, pointer, "must be \"POST\" or \"PUT\"");
	endpoint->method = put ? METHOD_PUT : METHOD_POST;
	return 0;
}

int endpoint_read_content_type(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	struct slice text = check_slice(value);
	if (json_is_null(value))
		return 0;
	if (!text.at || text.len > CONTENT_TYPE_MAX || !media_type_good(text))
		return err_field(err, ERR_INVALID, pointer,
		                 "must be a media type of at most %d characters, as application/x-ndjson or \"text/plain; charset=utf-8\", or null: "
		                 "what the format says",
		                 CONTENT_TYPE_MAX);
	endpoint->content_type = mem_text_of(text);
	return 0;
}

int endpoint_read_http2(const json_t *value, const char *pointer, struct endpoint *endpoint, struct err *err)
{
	if (!json_is_boolean(value))
		return err_field(err, ERR_INVALID, pointer, "must be true or false");
	endpoint->http2 = json_is_true(value) ? HTTP2_YES : HTTP2_NO;
	return 0;
}

int endpoint_check_request(const struct endpoint *endpoint, struct err *err)
{
	if (!endpoint->content_type || endpoint->format != FORMAT_CLOUDEVENTS_STRUCTURED)
		return 0;
	return err_field(err, ERR_INVALID, "/content_type",
	                 "cannot be given with the format cloudevents-structured, which its content type tells from others");
}
