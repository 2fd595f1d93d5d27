/* Snippets are those of docs/snippets/, which docs/guide/verifying.md shows, too: put the endpoint's header names, and its public key, into the
 * places of the usual ones. */
#include "api/snippet.h"

#include <string.h>

#include "base/strbuf.h"

enum { SNIPPET_MAX = 8192 };

enum { NAME_MAX_BYTES = 256 };

#define ASSET(name, type, text) {name, text},

static const struct {
	const char *name, *text;
} files[] = {
#include "api/snippets.inc"
};

#undef ASSET

struct names {
	char id[NAME_MAX_BYTES], timestamp[NAME_MAX_BYTES], signature[NAME_MAX_BYTES];
	char key[ENDPOINT_PUBLIC_KEY_TEXT_SIZE]; /* "" where v1 is verified */
};

/* In lower case, as most programs are given them. */
static void take_name(char out[NAME_MAX_BYTES], const char *name)
{
	size_t len = 0;
	for (; name[len] && len < NAME_MAX_BYTES - 1; len++)
		out[len] = name[len] >= 'A' && name[len] <= 'Z' ? (char)(name[len] - 'A' + 'a') : name[len];
	out[len] = '\0';
}

/* The text of a file up to its end, with what differs in its place. */
static void put_filled(struct strbuf *out, const char *text, const struct names *n)
{
	const struct {
		const char *usual, *own;
	} places[] = {{"webhook-id", n->id}, {"webhook-timestamp", n->timestamp}, {"webhook-signature", n->signature}, {"whpk_…", n->key}};
	while (*text) {
		size_t i = 0, count = sizeof places / sizeof *places;
		while (i < count && strncmp(text, places[i].usual, strlen(places[i].usual)) != 0)
			i++;
		if (i == count) {
			strbuf_putc(out, *text++);
		} else {
			strbuf_puts(out, places[i].own);
			text += strlen(places[i].usual);
		}
	}
}

static void put_file(struct strbuf *out, const char *name, const struct names *n)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (strcmp(files[i].name, name) == 0)
			put_filled(out, files[i].text, n);
	}
}

/* ---- A request that must be refused ---- */

#define A64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* The URL stands in single quotes: one of its own is written as the shell wants it. */
static void put_curl(struct strbuf *out, const struct names *n, const struct endpoint *endpoint, bool asymmetric)
{
	strbuf_puts(out, "# Not signed with the endpoint's secret: the answer must not be 2xx.\ncurl -i '");
	for (const char *at = endpoint->url; *at; at++) {
		if (*at == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *at);
	}
	strbuf_printf(out,
	              "'%s -H 'Content-Type: %s' -H '%s: msg_of_nobody' -H \"%s: $(date +%%s)\" \\\n"
	              "     -H '%s: %s' -d '{}'\n",
	              endpoint->method == METHOD_PUT ? " -X PUT" : "", endpoint->content_type ? endpoint->content_type : "application/json", n->id,
	              n->timestamp, n->signature, asymmetric ? "v1a," A64 "AAAAAAAAAAAAAAAAAAAAAA==" : "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
}

/* Empties the buffer for the next one. */
static json_t *taken(struct strbuf *text)
{
	json_t *json = text->failed ? NULL : json_stringn(strbuf_text(text), text->len);
	strbuf_clear(text);
	return json;
}

json_t *snippets_json(const struct endpoint *endpoint)
{
	const char *const *given = endpoint->signing ? (const char *const *)endpoint->signing->names : signed_header_names;
	struct names names = {0};
	take_name(names.id, given[SIGNED_ID]);
	take_name(names.timestamp, given[SIGNED_TIMESTAMP]);
	take_name(names.signature, given[SIGNED_SIGNATURE]);
	bool asymmetric = !endpoint->sign_v1 && endpoint->pairs_len > 0;
	struct strbuf text = STRBUF_INIT(SNIPPET_MAX);
	if (asymmetric)
		endpoint_public_key_text(&endpoint->pairs[0], names.key);
	put_file(&text, asymmetric ? "verify-v1a.py" : "verify.py", &names);
	json_t *python = taken(&text);
	put_file(&text, asymmetric ? "verify-v1a.js" : "verify.js", &names);
	json_t *node = taken(&text);
	put_file(&text, asymmetric ? "verify-v1a.go" : "verify.go", &names);
	json_t *go = taken(&text);
	put_curl(&text, &names, endpoint, asymmetric);
	json_t *curl = taken(&text);
	strbuf_free(&text);
	return json_pack("{s:o, s:o, s:o, s:o}", "python", python, "node", node, "go", go, "curl", curl);
}
