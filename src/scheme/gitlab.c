/* GitLab: https://docs.gitlab.com/user/project/integrations/webhooks/ . The secret token is sent as it is; a signing token ("whsec_…") signs as
 * Standard Webhooks do. Which of both is asked for is decided by the source's secret, never by the request. */
#include <stdio.h>

#include "scheme/standard.h"

static bool signing_token(struct slice secret)
{
	return secret.len > 6 && memcmp(secret.at, "whsec_", 6) == 0;
}

static int check(const struct scheme_source *source, struct err *err)
{
	char pointer[32];
	int result = 0;

	for (size_t i = 0; i < source->secrets_len; i++) {
		snprintf(pointer, sizeof pointer, "/secrets/%zu", i);
		if (signing_token(source->secrets[i]) && standard_check_secret(source->secrets[i], pointer, err))
			result = -1;
	}
	return result;
}

/* Those of the source's secrets that are signing tokens, or those that are not. */
static size_t part_of(const struct scheme_source *source, bool signing, struct scheme_source *part, int index[SCHEME_SECRETS_MAX])
{
	*part = *source;
	part->secrets_len = 0;
	for (size_t i = 0; i < source->secrets_len; i++) {
		if (signing_token(source->secrets[i]) != signing)
			continue;
		index[part->secrets_len] = (int)i;
		part->secrets[part->secrets_len++] = source->secrets[i];
	}
	return part->secrets_len;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	int index[SCHEME_SECRETS_MAX];
	struct scheme_source part;
	struct slice token;
	bool signed_request = header_value(request, "webhook-signature").at != NULL;
	int fate = -1;

	if (part_of(source, true, &part, index) > 0 && (signed_request || part.secrets_len == source->secrets_len))
		fate = standard_verify(&part, request, result);
	else if (part_of(source, false, &part, index) == 0)
		refuse(result, REJECTION_BAD_SIGNATURE, "the source has no secret");
	else if (header_one(request, "x-gitlab-token", &token, result) == 0)
		fate = secret_equal(&part, token, "x-gitlab-token", result);
	if (fate == 0)
		result->secret_index = index[result->secret_index];
}

/* "Merge Request Hook": gitlab.merge_request */
static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const char hook[] = " Hook";
	struct slice event = header_value(request, "x-gitlab-event");
	struct strbuf type = STRBUF_INIT(512);

	(void)source;
	size_t len = sizeof hook - 1;
	if (event.len > len && memcmp(event.at + event.len - len, hook, len) == 0)
		event.len -= len;
	for (size_t i = 0; i < event.len; i++)
		strbuf_putc(&type, event.at[i] >= 'A' && event.at[i] <= 'Z' ? (char)(event.at[i] + 32) : event.at[i]);
	put_type(result, "gitlab", (struct slice){strbuf_text(&type), type.len});
	strbuf_free(&type);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	if (signing_token(source->secrets[0]))
		return standard_sign(source, moment, made, err);
	return made_header(made, "X-Gitlab-Token", source->secrets[0], err);
}

const struct scheme scheme_gitlab = {
    .name = "gitlab",
    .title = "GitLab",
    .page = "https://docs.gitlab.com/user/project/integrations/webhooks/",
    .paste = "In the project's (or group's) Settings, Webhooks, Add new webhook: {url} as the URL, the secret as the Secret token; or copy its signing "
             "token (whsec_…) here.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "secret token or signing token",
    .tolerance_s = TOLERANCE_DEFAULT_S,
    .verified = "X-Gitlab-Token equals the secret; with a signing token (whsec_…) webhook-signature as of Standard Webhooks, and nothing else",
    .type_rule = "gitlab. and X-Gitlab-Event without \" Hook\", in lower case: gitlab.push, gitlab.merge_request",
    .dedupe_rule = "Idempotency-Key, else webhook-id, else X-Gitlab-Event-UUID",
    .dedupe_from = "header:idempotency-key|header:webhook-id|header:x-gitlab-event-uuid",
    .keep = KEEP("x-gitlab-event", "x-gitlab-instance", "x-gitlab-event-uuid", "x-gitlab-webhook-uuid", "idempotency-key"),
    .samples = SAMPLES(
        {"Push Hook", "X-Gitlab-Event: Push Hook\nX-Gitlab-Instance: https://gitlab.example.com\nIdempotency-Key: {{id}}\n", JSON_TYPE,
         "{\"object_kind\":\"push\",\"event_name\":\"push\",\"before\":\"95790bf891e76fee5e1747ab589903a6a1f80f22\","
         "\"after\":\"da1560886d4f094c3e6c9ef40349f7d38b5d27d7\",\"ref\":\"refs/heads/main\",\"user_name\":\"Ada\",\"project_id\":15,"
         "\"project\":{\"id\":15,\"name\":\"Diaspora\",\"path_with_namespace\":\"mike/diaspora\"},\"total_commits_count\":1}"},
        {"Merge Request Hook",
         "X-Gitlab-Event: Merge Request Hook\nX-Gitlab-Instance: https://gitlab.example.com\nIdempotency-Key: {{id}}\n", JSON_TYPE,
         "{\"object_kind\":\"merge_request\",\"event_type\":\"merge_request\",\"user\":{\"username\":\"ada\"},\"project\":{\"id\":15},"
         "\"object_attributes\":{\"id\":99,\"iid\":1,\"action\":\"open\",\"state\":\"opened\",\"title\":\"MS-Viewport\"}}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
