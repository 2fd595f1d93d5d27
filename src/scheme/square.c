/* Square: https://developer.squareup.com/docs/webhooks/step3validate . The URL that is set there is signed, to the letter. */
#include "scheme/provider.h"

static const struct hmac_rule rule = {.header = "x-square-hmacsha256-signature", .encoding = HMAC_BASE64, .content = "{url}{body}"};

static int check(const struct scheme_source *source, struct err *err)
{
	if (source->public_url.len == 0)
		return err_field(err, ERR_INVALID, "/public_url", "is missing: Square signs the notification URL, and it must match to the letter");
	return 0;
}

const struct scheme scheme_square = {
    .name = "square",
    .title = "Square",
    .page = "https://developer.squareup.com/docs/webhooks/step3validate",
    .paste = "In the Developer Console, the application's Webhooks, Subscriptions, Add subscription: {url} as the Notification URL, the same as public_url here; "
             "then copy its signature key here.",
    .secret = SCHEME_SECRET_GIVEN,
    .secret_name = "signature key",
    .verified = "x-square-hmacsha256-signature: HMAC-SHA256 of public_url and body in base64",
    .type_rule = "square. and the member type: square.payment.updated",
    .dedupe_rule = "the member event_id",
    .signs_url = true,
    .hmac = &rule,
    .type_from = "json:type",
    .dedupe_from = "json:event_id",
    .subject_from = "json:data.id",
    .check = check,
    .keep = KEEP("square-environment", "square-initial-delivery-timestamp", "square-retry-number", "square-retry-reason"),
    .samples = SAMPLES({"payment.updated", "square-environment: Sandbox\n", JSON_TYPE,
                        "{\"merchant_id\":\"6SSW7HV8K2ST5\",\"type\":\"payment.updated\",\"event_id\":\"{{id}}\",\"created_at\":\"{{time}}\",\"data\":{\"type\":\"payment\","
                        "\"id\":\"hYy9pRFVxpDsO1FB05SunFWUe9JZY\",\"object\":{\"payment\":{\"amount_money\":{\"amount\":100,\"currency\":\"USD\"},\"status\":\"COMPLETED\"}}}}"}),
};
