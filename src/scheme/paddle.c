/* Paddle: https://developer.paddle.com/webhooks/signature-verification */
#include "scheme/provider.h"

static const struct hmac_rule rule = {
    .header = "paddle-signature", .prefix = "h1=", .separator = ';', .time_key = "ts=", .past_only = true, .content = "{timestamp}:{body}"};

const struct scheme scheme_paddle = {
    .name = "paddle",
    .title = "Paddle",
    .page = "https://developer.paddle.com/webhooks/signature-verification",
    .paste = "In Developer tools, Notifications, New destination: {url} as the URL; then copy its secret key (pdl_ntfset_…) here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "endpoint secret key",
    .tolerance_s = 5,
    .verified = "Paddle-Signature: HMAC-SHA256 of ts:body in hex, any h1 of several; a timestamp that is too old is refused (5 s, as their libraries; set "
                "more where the clock or the way is slow)",
    .type_rule = "paddle. and the member event_type: paddle.transaction.completed",
    .dedupe_rule = "the member event_id",
    .hmac = &rule,
    .type_from = "json:event_type",
    .dedupe_from = "json:event_id",
    .subject_from = "json:data.id",
    .samples = SAMPLES({"transaction.completed", NULL, JSON_TYPE,
                        "{\"event_id\":\"evt_{{id}}\",\"event_type\":\"transaction.completed\",\"occurred_at\":\"{{time}}\",\"notification_id\":\"ntf_{{id}}\","
                        "\"data\":{\"id\":\"txn_01hv8wptq8987qeep44cyrewp9\",\"status\":\"completed\",\"currency_code\":\"USD\"}}"}),
};
