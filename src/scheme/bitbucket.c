/* Bitbucket Cloud: https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/ */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-hub-signature", .prefix = "sha256="};

#define HEADERS(key) "X-Event-Key: " key "\nX-Request-UUID: {{id}}\nX-Hook-UUID: 7b280ab8-b4b8-4f6d-9c8e-dd5d2c34f58c\nX-Attempt-Number: 1\n"

const struct scheme scheme_bitbucket = {
    .name = "bitbucket",
    .title = "Bitbucket",
    .page = "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
    .paste = "In the repository's settings, Webhooks, Add webhook: {url} as the URL, the secret as the Secret.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "webhook secret",
    .verified = "X-Hub-Signature: HMAC-SHA256 of the body in hex",
    .type_rule = "bitbucket. and X-Event-Key with '.' for ':': bitbucket.repo.push",
    .dedupe_rule = "X-Request-UUID",
    .hmac = &rule,
    .type_from = "header:x-event-key",
    .dedupe_from = "header:x-request-uuid",
    .keep = KEEP("x-event-key", "x-request-uuid", "x-hook-uuid", "x-attempt-number"),
    .samples = SAMPLES(
        {"repo:push", HEADERS("repo:push"), JSON_TYPE,
         "{\"repository\":{\"full_name\":\"team_name/repo_name\",\"type\":\"repository\"},\"actor\":{\"display_name\":\"Ada\"},\"push\":{\"changes\":[{"
         "\"new\":{\"type\":\"branch\",\"name\":\"main\",\"target\":{\"hash\":\"709d658dc5b6d6afcd46049c2f332ee3f515a67d\"}},\"created\":false,"
         "\"forced\":false,\"closed\":false}]}}"},
        {"pullrequest:created", HEADERS("pullrequest:created"), JSON_TYPE,
         "{\"repository\":{\"full_name\":\"team_name/repo_name\"},\"actor\":{\"display_name\":\"Ada\"},\"pullrequest\":{\"id\":1,\"title\":\"Title of pull "
         "request\",\"state\":\"OPEN\"}}"}),
};
