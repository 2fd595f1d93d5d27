/* Azure Event Grid: https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema . Nothing is signed: the URL that is given to
 * Azure has the secret in its query. */
#include "json/scan.h"
#include "scheme/cloudevents.h"

#define PARAMETER "code"

static int check_secret(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	const char *name = setting_text(source, "query", PARAMETER).at;
	struct strbuf given = STRBUF_INIT(SCHEME_SECRET_BYTES_MAX);
	int fate;

	if (!form_value(request->query, name, &given) || given.len == 0)
		fate = refuse(result, REJECTION_MISSING_HEADER, "the query has no parameter %.100s", name);
	else
		fate = secret_equal(source, (struct slice){given.data, given.len}, "the secret in the query", result);
	strbuf_free(&given);
	return fate;
}

static void validate(const struct scheme_request *request, struct scheme_result *result)
{
	struct strbuf code = STRBUF_INIT(1024), body = STRBUF_INIT(4096);

	if (body_text(request->body, "0.data.validationCode", &code) && echo_good((struct slice){code.data, code.len})) {
		strbuf_puts(&body, "{\"validationResponse\":");
		json_put_string(&body, (struct slice){code.data, code.len});
		strbuf_putc(&body, '}');
		answer_with(result, JSON_TYPE, (struct slice){strbuf_text(&body), body.len});
	} else {
		refuse(result, REJECTION_MALFORMED, "the validation event has no validationCode");
	}
	strbuf_free(&code);
	strbuf_free(&body);
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	struct slice type;

	if (check_secret(source, request, result))
		return;
	if (method_is(request, "OPTIONS")) {
		consent(request, SLICE_LITERAL("*"), 0, result);
		return;
	}
	/* Those in the CloudEvents schema are validated by OPTIONS: their header is not asked for. */
	if (header_value(request, "ce-specversion").at || body_begins(request->body, '{'))
		return;
	if (header_one(request, "aeg-event-type", &type, result) == 0 && slice_is(type, "SubscriptionValidation"))
		validate(request, result);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const struct batch_rule own = {.scheme = "azure-event-grid", .array = "", .type = "eventType", .mixed = "events", .key = "id"};
	static const struct batch_rule cloud = {.scheme = "azure-event-grid", .array = "", .type = "type", .mixed = "events", .key = "id+source"};
	struct slice value;

	(void)source;
	if (body_at(request->body, "0.eventType", &value) == 1)
		put_batch(result, request->body, &own);
	else if (body_at(request->body, "0.type", &value) == 1)
		put_batch(result, request->body, &cloud);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	(void)moment;
	(void)err;
	form_encode(setting_text(source, "query", PARAMETER), &made->query);
	strbuf_putc(&made->query, '=');
	form_encode(source->secrets[0], &made->query);
	return 0;
}

const struct scheme scheme_azure_event_grid = {
    .name = "azure-event-grid",
    .title = "Azure Event Grid",
    .page = "https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema",
    .paste = "Create the event subscription with endpoint type Web Hook and {url}?code=<the secret> as the endpoint.",
    .secret = SCHEME_SECRET_CHOSEN,
    .secret_name = "secret in the URL",
    .methods = SCHEME_OPTIONS,
    .verified = "a parameter of the URL's query equals the secret; the body is not signed",
    .handshake = "SubscriptionValidation is answered with its code, validationResponse; OPTIONS (CloudEvents schema) with WebHook-Allowed-Origin",
    .type_rule = "azure-event-grid. and the eventType (or type) of all events of the request: azure-event-grid.Microsoft.Storage.BlobCreated; else azure-event-grid.events",
    .dedupe_rule = "the event's id; of several events the digest of theirs",
    .type_from = "json:type|header:ce-type",
    .dedupe_from = "json:id|header:ce-id",
    .subject_from = "json:0.subject|json:subject|header:ce-subject",
    .settings = SETTINGS({"query", "string", false, PARAMETER, "The parameter of the query that the secret is in."}),
    .keep = KEEP("aeg-event-type", "aeg-subscription-name", "aeg-delivery-count", "aeg-data-version", "aeg-metadata-version"),
    .samples = SAMPLES({"Microsoft.Storage.BlobCreated", "aeg-event-type: Notification\naeg-subscription-name: EXAMPLE\naeg-delivery-count: 0\n", JSON_TYPE,
                        "[{\"topic\":\"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a\",\"subject\":\"/blobServices/default/containers/c/blobs/b\","
                        "\"eventType\":\"Microsoft.Storage.BlobCreated\",\"id\":\"{{id}}\",\"data\":{\"api\":\"PutBlob\",\"contentLength\":524288},\"dataVersion\":\"\","
                        "\"metadataVersion\":\"1\",\"eventTime\":\"{{time}}\"}]"},
                       {"SubscriptionValidation", "aeg-event-type: SubscriptionValidation\n", JSON_TYPE,
                        "[{\"id\":\"{{id}}\",\"topic\":\"/subscriptions/s\",\"subject\":\"\",\"data\":{\"validationCode\":\"512d38b6-c7b8-40c8-89fe-f46f9e9622b6\"},"
                        "\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\",\"eventTime\":\"{{time}}\",\"metadataVersion\":\"1\",\"dataVersion\":\"2\"}]"}),
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
