/* Nothing is verified: whoever knows the URL can send. */
#include "scheme/provider.h"

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)request;
	put_type(result, "none", source->uid);
}

const struct scheme scheme_none = {
    .name = "none",
    .title = "Nothing (insecure)",
    .page = "https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/",
    .paste = "Give the sender {url} as the URL. Nothing is verified: whoever learns the URL can send events.",
    .secret = SCHEME_SECRET_NONE,
    .verified = "nothing",
    .type_rule = "none. and the source's uid, unless the source says otherwise",
    .insecure = true,
    .samples = SAMPLES({"event", NULL, JSON_TYPE, "{\"type\":\"order.created\",\"id\":\"{{id}}\",\"data\":{\"order\":1001}}"}),
    .describe = describe,
};
