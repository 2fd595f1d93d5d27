/* PagerDuty: https://developer.pagerduty.com/docs/verifying-webhook-signatures */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-pagerduty-signature", .prefix = "v1=", .separator = ','};

const struct scheme scheme_pagerduty = {
    .name = "pagerduty",
    .title = "PagerDuty",
    .page = "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
    .paste = "In Integrations, Generic Webhooks (v3), New Webhook: {url} as the Webhook URL; copy the secret that is shown once here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signing secret",
    .verified = "X-PagerDuty-Signature: HMAC-SHA256 of the body in hex, any v1 of several",
    .type_rule = "pagerduty. and the member event.event_type: pagerduty.incident.triggered",
    .dedupe_rule = "the member event.id",
    .hmac = &rule,
    .type_from = "json:event.event_type",
    .dedupe_from = "json:event.id",
    .subject_from = "json:event.data.id",
    .keep = KEEP("x-webhook-id", "x-webhook-subscription"),
    .samples = SAMPLES({"incident.triggered", "X-Webhook-Id: {{id}}\n", JSON_TYPE,
                        "{\"event\":{\"id\":\"{{id}}\",\"event_type\":\"incident.triggered\",\"resource_type\":\"incident\",\"occurred_at\":\"{{time}}\",\"agent\":null,"
                        "\"data\":{\"id\":\"PGR0VU2\",\"type\":\"incident\",\"number\":2,\"status\":\"triggered\",\"title\":\"A little bump in the road\",\"urgency\":\"high\"}}}"}),
};
