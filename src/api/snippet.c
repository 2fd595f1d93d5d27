/* Snippets: the text of each language in three pieces, around what differs: the names of the headers, and the version that is verified. */
#include "api/snippet.h"

#include "base/strbuf.h"

enum { SNIPPET_MAX = 8192 };

enum { NAME_MAX_BYTES = 256 };

struct names {
	char id[NAME_MAX_BYTES], timestamp[NAME_MAX_BYTES], signature[NAME_MAX_BYTES];
};

/* In lower case, as most programs are given them. */
static void take_name(char out[NAME_MAX_BYTES], const char *name)
{
	size_t len = 0;
	for (; name[len] && len < NAME_MAX_BYTES - 1; len++)
		out[len] = name[len] >= 'A' && name[len] <= 'Z' ? (char)(name[len] - 'A' + 'a') : name[len];
	out[len] = '\0';
}

/* ---- v1: HMAC-SHA256 with the endpoint's secret ---- */

static void put_python(struct strbuf *out, const struct names *n)
{
	strbuf_printf(out,
	              "import base64, hashlib, hmac, os, time\n"
	              "\n"
	              "def verify(headers, body):  # body: the exact bytes that came, before they are parsed\n"
	              "    key = base64.b64decode(os.environ['WEBHOOK_SECRET'].removeprefix('whsec_'))\n"
	              "    id, timestamp = headers.get('%s', ''), headers.get('%s', '')\n"
	              "    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 300:\n"
	              "        return False\n"
	              "    digest = hmac.new(key, f'{id}.{timestamp}.'.encode() + body, hashlib.sha256).digest()\n"
	              "    right = 'v1,' + base64.b64encode(digest).decode()\n"
	              "    return any(hmac.compare_digest(right.encode(), one.encode()) for one in headers.get('%s', '').split(' '))\n"
	              "\n"
	              "# if not verify(request.headers, request.body): answer 401, and do nothing else\n",
	              n->id, n->timestamp, n->signature);
}

static void put_node(struct strbuf *out, const struct names *n)
{
	strbuf_printf(out,
	              "const crypto = require('node:crypto')\n"
	              "\n"
	              "function verify(headers, body) { // body: a Buffer of the exact bytes that came, before they are parsed\n"
	              "  const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64')\n"
	              "  const id = headers['%s'] ?? '', timestamp = headers['%s'] ?? ''\n"
	              "  if (!/^\\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)\n"
	              "    return false\n"
	              "  const right = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()\n"
	              "  return (headers['%s'] ?? '').split(' ').some(one => {\n"
	              "    const given = Buffer.from(one.replace(/^v1,/, ''), 'base64')\n"
	              "    return one.startsWith('v1,') && given.length === right.length && crypto.timingSafeEqual(given, right)\n"
	              "  })\n"
	              "}\n"
	              "\n"
	              "// if (!verify(request.headers, body)) answer 401, and do nothing else\n",
	              n->id, n->timestamp, n->signature);
}

static void put_go(struct strbuf *out, const struct names *n)
{
	strbuf_printf(out,
	              "import (\n\t\"crypto/hmac\"\n\t\"crypto/sha256\"\n\t\"encoding/base64\"\n\t\"net/http\"\n\t\"os\"\n\t\"strconv\"\n\t\"strings\"\n\t\"time\"\n)\n"
	              "\n"
	              "func verify(headers http.Header, body []byte) bool { // body: the exact bytes that came, before they are parsed\n"
	              "\tkey, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv(\"WEBHOOK_SECRET\"), \"whsec_\"))\n"
	              "\tid, timestamp := headers.Get(\"%s\"), headers.Get(\"%s\")\n"
	              "\tseconds, bad := strconv.ParseInt(timestamp, 10, 64)\n"
	              "\tage := time.Now().Unix() - seconds\n"
	              "\tif err != nil || bad != nil || age > 300 || age < -300 {\n"
	              "\t\treturn false\n"
	              "\t}\n"
	              "\tmac := hmac.New(sha256.New, key)\n"
	              "\tmac.Write([]byte(id + \".\" + timestamp + \".\"))\n"
	              "\tmac.Write(body)\n"
	              "\tright := \"v1,\" + base64.StdEncoding.EncodeToString(mac.Sum(nil))\n"
	              "\tfor _, one := range strings.Split(headers.Get(\"%s\"), \" \") {\n"
	              "\t\tif hmac.Equal([]byte(one), []byte(right)) {\n"
	              "\t\t\treturn true\n"
	              "\t\t}\n"
	              "\t}\n"
	              "\treturn false\n"
	              "}\n"
	              "\n"
	              "// if !verify(request.Header, body) { http.Error(w, \"\", 401); return }\n",
	              n->id, n->timestamp, n->signature);
}

/* ---- v1a: ed25519, where the endpoint signs with that alone ---- */

static void put_python_v1a(struct strbuf *out, const struct names *n, const char *key)
{
	strbuf_printf(out,
	              "import base64, time\n"
	              "from cryptography.exceptions import InvalidSignature\n"
	              "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey\n"
	              "\n"
	              "KEY = Ed25519PublicKey.from_public_bytes(base64.b64decode('%s'.removeprefix('whpk_')))\n"
	              "\n"
	              "def verify(headers, body):  # body: the exact bytes that came, before they are parsed\n"
	              "    id, timestamp = headers.get('%s', ''), headers.get('%s', '')\n"
	              "    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 300:\n"
	              "        return False\n"
	              "    for one in headers.get('%s', '').split(' '):\n"
	              "        try:\n"
	              "            if one.startswith('v1a,'):\n"
	              "                KEY.verify(base64.b64decode(one[4:]), f'{id}.{timestamp}.'.encode() + body)\n"
	              "                return True\n"
	              "        except (InvalidSignature, ValueError):\n"
	              "            pass\n"
	              "    return False\n"
	              "\n"
	              "# if not verify(request.headers, request.body): answer 401, and do nothing else\n",
	              key, n->id, n->timestamp, n->signature);
}

static void put_node_v1a(struct strbuf *out, const struct names *n, const char *key)
{
	strbuf_printf(out,
	              "const crypto = require('node:crypto')\n"
	              "\n"
	              "const raw = Buffer.from('%s'.replace(/^whpk_/, ''), 'base64')\n"
	              "const key = crypto.createPublicKey({key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', "
	              "type: 'spki'})\n"
	              "\n"
	              "function verify(headers, body) { // body: a Buffer of the exact bytes that came, before they are parsed\n"
	              "  const id = headers['%s'] ?? '', timestamp = headers['%s'] ?? ''\n"
	              "  if (!/^\\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300)\n"
	              "    return false\n"
	              "  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])\n"
	              "  return (headers['%s'] ?? '').split(' ').some(one =>\n"
	              "    one.startsWith('v1a,') && crypto.verify(null, signed, key, Buffer.from(one.slice(4), 'base64')))\n"
	              "}\n"
	              "\n"
	              "// if (!verify(request.headers, body)) answer 401, and do nothing else\n",
	              key, n->id, n->timestamp, n->signature);
}

static void put_go_v1a(struct strbuf *out, const struct names *n, const char *key)
{
	strbuf_printf(out,
	              "import (\n\t\"crypto/ed25519\"\n\t\"encoding/base64\"\n\t\"net/http\"\n\t\"strconv\"\n\t\"strings\"\n\t\"time\"\n)\n"
	              "\n"
	              "var key, _ = base64.StdEncoding.DecodeString(strings.TrimPrefix(\"%s\", \"whpk_\"))\n"
	              "\n"
	              "func verify(headers http.Header, body []byte) bool { // body: the exact bytes that came, before they are parsed\n"
	              "\tid, timestamp := headers.Get(\"%s\"), headers.Get(\"%s\")\n"
	              "\tseconds, bad := strconv.ParseInt(timestamp, 10, 64)\n"
	              "\tage := time.Now().Unix() - seconds\n"
	              "\tif bad != nil || age > 300 || age < -300 {\n"
	              "\t\treturn false\n"
	              "\t}\n"
	              "\tsigned := append([]byte(id+\".\"+timestamp+\".\"), body...)\n"
	              "\tfor _, one := range strings.Split(headers.Get(\"%s\"), \" \") {\n"
	              "\t\tgiven, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, \"v1a,\"))\n"
	              "\t\tif err == nil && strings.HasPrefix(one, \"v1a,\") && ed25519.Verify(key, signed, given) {\n"
	              "\t\t\treturn true\n"
	              "\t\t}\n"
	              "\t}\n"
	              "\treturn false\n"
	              "}\n"
	              "\n"
	              "// if !verify(request.Header, body) { http.Error(w, \"\", 401); return }\n",
	              key, n->id, n->timestamp, n->signature);
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
	struct names all, *names = &all;
	take_name(all.id, given[SIGNED_ID]);
	take_name(all.timestamp, given[SIGNED_TIMESTAMP]);
	take_name(all.signature, given[SIGNED_SIGNATURE]);
	char key[ENDPOINT_PUBLIC_KEY_TEXT_SIZE];
	bool asymmetric = !endpoint->sign_v1 && endpoint->pairs_len > 0;
	struct strbuf text = STRBUF_INIT(SNIPPET_MAX);
	if (asymmetric)
		endpoint_public_key_text(&endpoint->pairs[0], key);
	asymmetric ? put_python_v1a(&text, names, key) : put_python(&text, names);
	json_t *python = taken(&text);
	asymmetric ? put_node_v1a(&text, names, key) : put_node(&text, names);
	json_t *node = taken(&text);
	asymmetric ? put_go_v1a(&text, names, key) : put_go(&text, names);
	json_t *go = taken(&text);
	put_curl(&text, names, endpoint, asymmetric);
	json_t *curl = taken(&text);
	strbuf_free(&text);
	return json_pack("{s:o, s:o, s:o, s:o}", "python", python, "node", node, "go", go, "curl", curl);
}
