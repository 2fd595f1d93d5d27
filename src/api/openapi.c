/* /openapi.json: the description of the API, embedded in the program. */
#include "api/call.h"

static const char document[] =
#include "api/openapi.inc"
    ;

int openapi_get(struct call *call)
{
	strbuf_append(call_out(call, 200), document, sizeof document - 1);
	return 0;
}
