/* GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-hub-signature-256", .prefix = "sha256="};

/* The body is JSON, or a form with it in `payload`. */
static bool action_of(const struct scheme_request *request, struct strbuf *out)
{
	struct strbuf payload = STRBUF_INIT(SIZE_MAX / 2);
	struct slice document = request->body;

	if (body_is_form(request) && form_value(request->body, "payload", &payload))
		document = (struct slice){strbuf_text(&payload), payload.len};
	bool found = body_text(document, "action", out);
	strbuf_free(&payload);
	return found;
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf type = STRBUF_INIT(512);

	(void)source;
	strbuf_slice(&type, header_value(request, "x-github-event"));
	if (type.len > 0) {
		strbuf_putc(&type, '.');
		if (!action_of(request, &type))
			type.data[--type.len] = '\0';
	}
	put_type(result, "github", (struct slice){strbuf_text(&type), type.len});
	strbuf_free(&type);
}

const struct scheme scheme_github = {
    .name = "github",
    .title = "GitHub",
    .page = "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
    .paste = "In the repository's (or organization's) Settings, Webhooks, Add webhook: {url} as the Payload URL, application/json as the Content "
             "type, the secret as the Secret.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "webhook secret",
    .verified = "X-Hub-Signature-256: HMAC-SHA256 of the body in hex",
    .type_rule = "github., X-GitHub-Event, and where the body has one, '.' and its action: github.push, github.pull_request.opened",
    .dedupe_rule = "X-GitHub-Delivery",
    .vector = "GitHub's documentation",
    .hmac = &rule,
    .dedupe_from = "header:x-github-delivery",
    .describe = describe,
    .keep = KEEP("x-github-event", "x-github-delivery", "x-github-hook-id", "x-github-hook-installation-target-id",
                 "x-github-hook-installation-target-type"),
    .samples = SAMPLES(
        {"push", "X-GitHub-Event: push\nX-GitHub-Delivery: {{id}}\nUser-Agent: GitHub-Hookshot/abc1234\n", JSON_TYPE,
         "{\"ref\":\"refs/heads/main\",\"before\":\"6113728f27ae82c7b1a177c8d03f9e96e0adf246\",\"after\":\"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5\","
         "\"repository\":{\"id\":186853002,\"name\":\"hello-world\",\"full_name\":\"octo/hello-world\",\"private\":false},\"pusher\":{\"name\":\"octo\"},"
         "\"commits\":[{\"id\":\"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5\",\"message\":\"Say hello\",\"timestamp\":\"{{time}}\",\"added\":[\"hello.txt\"],"
         "\"removed\":[],\"modified\":[]}]}"},
        {"pull_request", "X-GitHub-Event: pull_request\nX-GitHub-Delivery: {{id}}\nUser-Agent: GitHub-Hookshot/abc1234\n", JSON_TYPE,
         "{\"action\":\"opened\",\"number\":2,\"pull_request\":{\"id\":279147437,\"number\":2,\"state\":\"open\",\"title\":\"Update the README\","
         "\"user\":{\"login\":\"octo\"}},\"repository\":{\"id\":186853002,\"name\":\"hello-world\",\"full_name\":\"octo/hello-world\"},"
         "\"sender\":{\"login\":\"octo\"}}"},
        {"issues", "X-GitHub-Event: issues\nX-GitHub-Delivery: {{id}}\nUser-Agent: GitHub-Hookshot/abc1234\n", JSON_TYPE,
         "{\"action\":\"opened\",\"issue\":{\"id\":444500041,\"number\":1,\"title\":\"Spelling error in the README\",\"state\":\"open\"},"
         "\"repository\":{\"id\":186853002,\"full_name\":\"octo/hello-world\"},\"sender\":{\"login\":\"octo\"}}"},
        {"ping", "X-GitHub-Event: ping\nX-GitHub-Delivery: {{id}}\nUser-Agent: GitHub-Hookshot/abc1234\n", JSON_TYPE,
         "{\"zen\":\"Keep it logically awesome.\",\"hook_id\":109948940,\"hook\":{\"type\":\"Repository\",\"id\":109948940,\"name\":\"web\","
         "\"active\":true,\"events\":[\"push\"]}}"}),
};
