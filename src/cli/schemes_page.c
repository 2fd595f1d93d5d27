/* The catalogue of incoming schemes as a page. */
#include "cli/schemes_page.h"

#include <inttypes.h>

#include "scheme/scheme.h"

static const char introduction[] =
    "# Sources: webhooks that come in\n"
    "\n"
    "<!-- Made of the catalogue by `make docs`: change src/scheme/, not this page. -->\n"
    "\n"
    "A source is a door, `POST /in/{source}`, through which one provider sends. Its *scheme* says how a request proves from whom it comes, what its event is called and\n"
    "by which key a repetition is told. [API.md](API.md) tells how a source is made; this page has the schemes.\n"
    "\n"
    "- The signature is computed over the raw bytes of the body, before anything is parsed, and compared in constant time. Signatures are read strictly: lower-case\n"
    "  hexadecimal, base64 with its padding, nothing else; a header with more than 16 of them is refused, and so is one that is there twice.\n"
    "- During a rotation all secrets of the source that are still valid are tried.\n"
    "- A timestamp is judged after the signature, in whole seconds, and accepted up to the tolerance, inclusive. Where a provider states none it is 300 s, both ways; each\n"
    "  source can set its own.\n"
    "- **Type**: the scheme's name, `.`, and what the provider calls the event. `/` and `:` become `.`, so that `shopify.orders.*` and `bitbucket.repo.*` work; every other\n"
    "  character that has no place in a type becomes `_`, as does a `.` that would leave a segment empty. Upper and lower case stay. What has no name is `<scheme>.event`. (Types of\n"
    "  CloudEvents are the events' own: there `/` and `:` stay, and no scheme's name stands before them.)\n"
    "- **Dedupe key**: the provider's own id of the event or delivery. One that is longer than 255 bytes or not printable ASCII is replaced by `sha256:` and its digest.\n"
    "- A request that bears several events becomes one event: its body is kept byte for byte.\n"
    "- `HEAD` is answered with 200 by every scheme.\n"
    "\n"
    "Try a captured request with `grapnel verify SCHEME`, a source with `grapnel trigger SCHEME` (grapnel(1)). What a provider refuses to say is in the source's rejections, with the\n"
    "reason.\n"
    "\n"
    "## How they were tested\n"
    "\n"
    "Every scheme: requests signed by another implementation (Python's hmac and hashlib, the package cryptography, the openssl command line), and of each such request the negative cases:\n"
    "signature missing, empty, truncated, there twice, under the wrong version, in the wrong encoding, in upper case; one bit flipped in body, signature and secret; timestamps at the tolerance − 1, 0\n"
    "and + 1 s; timestamps that are fractions, negative or no numbers; fifty signatures in one header; an empty secret; the same id again. Each handshake, well and badly made. Every sample that `grapnel trigger`\n"
    "sends, signed here and verified. A fuzzer over all of them. The column *vector* names a published example that verifies, too.\n"
    "Rows marked **(unverified)** were made after memory of the provider's documentation: try them before you rely on them, and tell us.\n"
    "\n";

static const char closing[] =
    "\n"
    "## What to know\n"
    "\n"
    "- **No signature over the body**: `gitlab` with a secret token, `mailgun`, `okta`, `microsoft-graph`, `azure-event-grid`, `cloudevents`, `basic`, `bearer` and `api-key` prove who sends, not that the body is unchanged.\n"
    "  Use https all the way. `none` proves nothing.\n"
    "- **Signed URLs**: `twilio`, `square` and `hubspot` sign what they call. Set the source's `public_url` to exactly that; behind a proxy the hub cannot know it.\n"
    "- **Certificates** of `paypal` and `aws-sns` are fetched from the providers' own hosts alone and kept; the setting `certificate` pins one, and then none is fetched.\n"
    "- **Private keys**: `discord`, `sendgrid`, `paypal`, `aws-sns` and `standard` with `whpk_…` sign with a key that only the provider has. To trigger a sample of these, make a pair of your own,\n"
    "  give the source its public half (or a certificate of it), and `grapnel trigger` the private one (`--private-key`):\n"
    "\n"
    "  ```sh\n"
    "  openssl genpkey -algorithm ed25519 -out key.pem          # discord, standard; for sendgrid: -algorithm EC -pkeyopt ec_paramgen_curve:P-256\n"
    "  openssl pkey -in key.pem -pubout -outform DER | tail -c 32 | xxd -p -c 32          # discord's public key\n"
    "  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=test -days 30          # paypal, aws-sns\n"
    "  ```\n"
    "- **Challenges by the signing key**: X lets anybody ask for a MAC of a text of his choice. Tokens that could be a body are refused, and bodies that are no JSON objects.\n"
    "- **Several schemes for one provider**: `gitlab` is verified as the source's secret says, `hubspot` as its setting `signature_version` says: never as the request wants.\n";

/* Text in a cell of a table. */
static void put_cell(struct strbuf *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '<')
			strbuf_puts(out, "&lt;");
		else if (*text == '|')
			strbuf_puts(out, "\\|");
		else
			strbuf_putc(out, *text);
	}
	strbuf_puts(out, " | ");
}

static void put_row(const struct scheme *scheme, struct strbuf *out)
{
	strbuf_printf(out, "| `%s` | [%s](%s)%s%s | ", scheme->name, scheme->title, scheme->page, scheme->unverified ? " **(unverified)**" : "", scheme->insecure ? " **insecure**" : "");
	put_cell(out, scheme->verified);
	if (scheme->tolerance_s > 0)
		strbuf_printf(out, "%" PRId64 " s | ", scheme->tolerance_s);
	else
		strbuf_puts(out, "– | ");
	put_cell(out, scheme->handshake ? scheme->handshake : "–");
	put_cell(out, scheme->type_rule);
	put_cell(out, scheme->dedupe_rule ? scheme->dedupe_rule : "–");
	put_cell(out, scheme->vector ? scheme->vector : "–");
	out->data[--out->len] = '\0';
	strbuf_putc(out, '\n');
}

static const char *secret_kind(enum scheme_secret_kind kind)
{
	switch (kind) {
	case SCHEME_SECRET_GIVEN:
		return "given by the provider";
	case SCHEME_SECRET_CHOSEN:
		return "chosen by you, 16 bytes or more; the hub makes one";
	case SCHEME_SECRET_SENT:
		return "sent by the provider in its first request";
	case SCHEME_SECRET_NONE:
		break;
	}
	return "none";
}

static void put_settings(const struct scheme *scheme, struct strbuf *out)
{
	for (const struct scheme_setting *setting = scheme->settings; setting && setting->name; setting++) {
		strbuf_printf(out, "  - setting `%s` (%s%s", setting->name, setting->type, setting->required ? ", required" : "");
		if (setting->preset)
			strbuf_printf(out, ", `%s` when absent", setting->preset);
		strbuf_printf(out, "): %s\n", setting->summary);
	}
}

static void put_setup(const struct scheme *scheme, struct strbuf *out)
{
	strbuf_printf(out, "- **`%s`**: %s\n", scheme->name, scheme->paste);
	if (scheme->secret_name)
		strbuf_printf(out, "  - secret: %s, %s\n", scheme->secret_name, secret_kind(scheme->secret));
	put_settings(scheme, out);
	if (scheme->keep) {
		strbuf_puts(out, "  - kept as attributes:");
		for (const char *const *name = scheme->keep; *name; name++)
			strbuf_printf(out, "%s `%s`", name == scheme->keep ? "" : ",", *name);
		strbuf_putc(out, '\n');
	}
	strbuf_puts(out, "  - samples:");
	for (const struct scheme_sample *sample = scheme->samples; sample->event; sample++)
		strbuf_printf(out, "%s `%s`", sample == scheme->samples ? "" : ",", sample->event);
	strbuf_putc(out, '\n');
}

void schemes_page(struct strbuf *out)
{
	size_t len;
	const struct scheme *const *schemes = scheme_all(&len);

	strbuf_puts(out, introduction);
	strbuf_puts(out, "## The table\n\n| scheme | provider | what is verified | tolerance | handshake | type | dedupe key | vector |\n|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < len; i++)
		put_row(schemes[i], out);
	strbuf_puts(out, "\n## Setting them up\n\n`{url}` is the source's URL.\n\n");
	for (size_t i = 0; i < len; i++)
		put_setup(schemes[i], out);
	strbuf_puts(out, closing);
}
