/* Shopify: https://shopify.dev/docs/apps/build/webhooks/subscribe/https */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-shopify-hmac-sha256", .encoding = HMAC_BASE64, .no_empty_body = true};

#define HEADERS(topic)                                                                                                                     \
	"X-Shopify-Topic: " topic "\nX-Shopify-Webhook-Id: {{id}}\nX-Shopify-Shop-Domain: example.myshopify.com\nX-Shopify-API-Version: 2024-07\n"

const struct scheme scheme_shopify = {
    .name = "shopify",
    .title = "Shopify",
    .page = "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
    .paste = "In the app's configuration (or Settings, Notifications, Webhooks): {url} as the URL, JSON as the format; copy the app's client secret (or the "
             "key that the page signs with) here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "client secret",
    .verified = "X-Shopify-Hmac-Sha256: HMAC-SHA256 of the body in base64; an empty body is refused",
    .type_rule = "shopify. and X-Shopify-Topic with '.' for '/': shopify.orders.create",
    .dedupe_rule = "X-Shopify-Webhook-Id",
    .hmac = &rule,
    .type_from = "header:x-shopify-topic",
    .dedupe_from = "header:x-shopify-webhook-id",
    .subject_from = "header:x-shopify-shop-domain",
    .keep = KEEP("x-shopify-topic", "x-shopify-webhook-id", "x-shopify-event-id", "x-shopify-shop-domain", "x-shopify-api-version",
                 "x-shopify-triggered-at", "x-shopify-sub-topic"),
    .samples = SAMPLES({"orders/create", HEADERS("orders/create"), JSON_TYPE,
                        "{\"id\":820982911946154508,\"email\":\"jon@example.com\",\"created_at\":\"{{time}}\",\"currency\":\"USD\",\"total_price\":\"398.00\","
                        "\"financial_status\":\"voided\",\"line_items\":[{\"id\":866550311766439020,\"title\":\"IPod Nano\",\"quantity\":1,\"price\":\"199.00\"}]}"},
                       {"products/update", HEADERS("products/update"), JSON_TYPE,
                        "{\"id\":788032119674292922,\"title\":\"Example T-Shirt\",\"vendor\":\"Acme\",\"status\":\"active\",\"updated_at\":\"{{time}}\"}"},
                       {"app/uninstalled", HEADERS("app/uninstalled"), JSON_TYPE,
                        "{\"id\":548380009,\"name\":\"Super Toys\",\"domain\":null,\"plan_name\":\"enterprise\"}"}),
};
