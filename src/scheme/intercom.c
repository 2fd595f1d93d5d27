/* Intercom: https://developers.intercom.com/docs/webhooks/webhook-notifications . SHA-1 is what it offers. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-hub-signature", .prefix = "sha1=", .hash = HMAC_SHA1};

const struct scheme scheme_intercom = {
    .name = "intercom",
    .title = "Intercom",
    .page = "https://developers.intercom.com/docs/webhooks/webhook-notifications",
    .paste = "In the Developer Hub, the app's Webhooks: {url} as the Endpoint URL; copy the client secret (Basic information) here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "client secret",
    .verified = "X-Hub-Signature: HMAC-SHA1 of the body in hex",
    .type_rule = "intercom. and the member topic: intercom.conversation.user.created",
    .dedupe_rule = "the member id",
    .hmac = &rule,
    .type_from = "json:topic",
    .dedupe_from = "json:id",
    .subject_from = "json:data.item.id",
    .keep = KEEP("intercom-webhook-topic"),
    .samples = SAMPLES({"conversation.user.created", NULL, JSON_TYPE,
                        "{\"type\":\"notification_event\",\"app_id\":\"a86dr8yl\",\"data\":{\"type\":\"notification_event_data\",\"item\":{\"type\":\"conversation\","
                        "\"id\":\"223\",\"state\":\"open\"}},\"links\":{},\"id\":\"notif_{{id}}\",\"topic\":\"conversation.user.created\",\"delivery_status\":\"pending\","
                        "\"delivery_attempts\":1,\"delivered_at\":0,\"first_sent_at\":{{seconds}},\"created_at\":{{seconds}}}"}),
};
