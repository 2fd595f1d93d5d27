/* Typeform: https://www.typeform.com/developers/webhooks/secure-your-webhooks/ */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "typeform-signature", .prefix = "sha256=", .encoding = HMAC_BASE64};

const struct scheme scheme_typeform = {
    .name = "typeform",
    .title = "Typeform",
    .page = "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
    .paste = "In the form's Connect panel, Webhooks: {url} as the URL, the secret as the Secret.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "webhook secret",
    .verified = "Typeform-Signature: HMAC-SHA256 of the body in base64",
    .type_rule = "typeform. and the member event_type: typeform.form_response",
    .dedupe_rule = "the member event_id",
    .hmac = &rule,
    .type_from = "json:event_type",
    .dedupe_from = "json:event_id",
    .subject_from = "json:form_response.form_id",
    .samples = SAMPLES({"form_response", NULL, JSON_TYPE,
                        "{\"event_id\":\"{{id}}\",\"event_type\":\"form_response\",\"form_response\":{\"form_id\":\"lT4Z3j\",\"token\":\"a3a12ec67a1365927098a606107fac15\","
                        "\"submitted_at\":\"{{time}}\",\"answers\":[{\"type\":\"text\",\"text\":\"It is cold here\",\"field\":{\"id\":\"JwWggjAKtOkA\",\"type\":\"short_text\"}}]}}"}),
};
