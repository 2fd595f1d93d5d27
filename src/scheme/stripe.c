/* Stripe: https://docs.stripe.com/webhooks#verify-manually . The key is the text of the secret, "whsec_" included: it is not decoded. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {
    .header = "stripe-signature", .prefix = "v1=", .separator = ',', .time_key = "t=", .past_only = true, .content = "{timestamp}.{body}"};

const struct scheme scheme_stripe = {
    .name = "stripe",
    .title = "Stripe",
    .page = "https://docs.stripe.com/webhooks#verify-manually",
    .paste = "In the Dashboard, Developers, Webhooks, Add destination: {url} as the endpoint URL; then reveal its signing secret (whsec_…) and copy it here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signing secret",
    .tolerance_s = 300,
    .verified = "Stripe-Signature: HMAC-SHA256 of timestamp.body in hex, any v1 of several; a timestamp that is too old is refused",
    .type_rule = "stripe. and the member type of the body: stripe.invoice.paid",
    .dedupe_rule = "the member id of the body",
    .hmac = &rule,
    .type_from = "json:type",
    .dedupe_from = "json:id",
    .samples = SAMPLES(
        {"invoice.paid", NULL, JSON_TYPE,
         "{\"id\":\"evt_{{id}}\",\"object\":\"event\",\"api_version\":\"2024-06-20\",\"created\":{{seconds}},\"type\":\"invoice.paid\",\"livemode\":false,"
         "\"pending_webhooks\":1,\"data\":{\"object\":{\"id\":\"in_1MtHbELkdIwHu7ixl4OzzPMv\",\"object\":\"invoice\",\"amount_paid\":1099,"
         "\"currency\":\"eur\",\"customer\":\"cus_NeZwdNtLEOXuvB\",\"paid\":true,\"status\":\"paid\"}}}"},
        {"checkout.session.completed", NULL, JSON_TYPE,
         "{\"id\":\"evt_{{id}}\",\"object\":\"event\",\"created\":{{seconds}},\"type\":\"checkout.session.completed\",\"livemode\":false,"
         "\"data\":{\"object\":{\"id\":\"cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u\",\"object\":\"checkout.session\","
         "\"amount_total\":2198,\"currency\":\"usd\",\"mode\":\"payment\",\"payment_status\":\"paid\"}}}"},
        {"customer.subscription.deleted", NULL, JSON_TYPE,
         "{\"id\":\"evt_{{id}}\",\"object\":\"event\",\"created\":{{seconds}},\"type\":\"customer.subscription.deleted\",\"livemode\":false,"
         "\"data\":{\"object\":{\"id\":\"sub_1MowQVLkdIwHu7ixeRlqHVzs\",\"object\":\"subscription\",\"status\":\"canceled\"}}}"}),
};
