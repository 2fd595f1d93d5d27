/* HTTP Basic authentication: https://www.rfc-editor.org/rfc/rfc7617 */
#include <strings.h>

#include <openssl/crypto.h>

#include "base/codec.h"
#include "scheme/provider.h"

enum { CREDENTIALS_MAX = 8192 };

static int check(const struct scheme_source *source, struct err *err)
{
	struct slice username = setting_text(source, "username", "");
	if (memchr(username.at, ':', username.len))
		return err_field(err, ERR_INVALID, "/settings/username", "must not contain ':'");
	return 0;
}

static void verify(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	static const char basic[] = "Basic ";
	uint8_t given[CREDENTIALS_MAX];
	struct slice value;

	if (header_one(request, "authorization", &value, result))
		return;
	size_t len = sizeof basic - 1;
	int got = -1;
	if (value.len > len && strncasecmp(value.at, basic, len) == 0)
		got = codec_base64_decode((struct slice){value.at + len, value.len - len}, given, sizeof given);
	const char *colon = got > 0 ? memchr(given, ':', (size_t)got) : NULL;
	if (!colon) {
		refuse(result, REJECTION_BAD_SIGNATURE, "authorization holds no Basic credentials");
		return;
	}
	struct slice name = {(const char *)given, (size_t)(colon - (const char *)given)};
	struct slice password = {colon + 1, (size_t)got - name.len - 1};
	bool known = same_secret(name, setting_text(source, "username", ""));
	if (secret_equal(source, password, "the password", result) == 0 && !known)
		refuse(result, REJECTION_BAD_SIGNATURE, "the user's name is another one");
	OPENSSL_cleanse(given, sizeof given);
}

static void describe(const struct scheme_source *source, const struct scheme_request *request, struct scheme_result *result)
{
	(void)request;
	put_type(result, "basic", source->uid);
}

static int sign(const struct scheme_source *source, const struct scheme_moment *moment, struct scheme_signed *made, struct err *err)
{
	struct slice name = setting_text(source, "username", "");
	struct strbuf plain = STRBUF_INIT(512), value = STRBUF_INIT(1000);
	char text[CODEC_BASE64_SIZE(512)];

	(void)moment;
	strbuf_slice(&plain, name);
	strbuf_putc(&plain, ':');
	strbuf_slice(&plain, source->secrets[0]);
	codec_base64((const uint8_t *)strbuf_text(&plain), plain.len, text);
	strbuf_puts(&value, "Basic ");
	strbuf_puts(&value, text);
	int result = plain.failed ? err_set(err, ERR_INVALID, "the credentials are too long for a sample")
	                          : made_header(made, "Authorization", (struct slice){strbuf_text(&value), value.len}, err);
	strbuf_free(&plain);
	strbuf_free(&value);
	return result;
}

const struct scheme scheme_basic = {
    .name = "basic",
    .title = "Basic authentication",
    .page = "https://www.rfc-editor.org/rfc/rfc7617",
    .paste = "Give the sender {url} as the URL, with the user's name and the secret as the password.",
    .secret = SCHEME_SECRET_CHOSEN,
    .challenge = "Basic realm=\"webhook\"",
    .secret_name = "password",
    .verified = "Authorization: Basic with this user and one of the secrets; the body is not signed",
    .type_rule = "basic. and the source's uid, unless the source says otherwise",
    .settings = SETTINGS({"username", "string", true, NULL, "The user's name."}),
    .samples = SAMPLES({"event", NULL, JSON_TYPE, "{\"type\":\"order.created\",\"id\":\"{{id}}\",\"data\":{\"order\":1001}}"}),
    .check = check,
    .verify = verify,
    .describe = describe,
    .sign = sign,
};
