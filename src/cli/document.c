/* Documents that a command sends: from a file, and from options. */
#include "cli/document.h"

#include <string.h>

#include "conf/readfile.h"

enum { DOCUMENT_MAX_BYTES = 1 << 20 };

json_t *document_read(const struct command_run *run, const char *file)
{
	struct strbuf text = STRBUF_INIT(DOCUMENT_MAX_BYTES);
	struct err err = {0};
	json_error_t why;
	json_t *doc = NULL;

	if (readfile(file, true, &text, &err) != 0) {
		command_say("%s", err.detail);
		goto out;
	}
	doc = json_loadb(strbuf_text(&text), text.len, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		command_misused(run, "--document is no JSON: line %d, column %d: %s", why.line, why.column, why.text);
	if (doc && !json_is_object(doc)) {
		command_misused(run, "--document must be a JSON object");
		json_decref(doc);
		doc = NULL;
	}
out:
	strbuf_free(&text);
	return doc;
}

int document_pairs(const struct command_run *run, const char *option, const char *member, json_t *doc)
{
	const char *pair;
	size_t at = 0;
	json_t *object = json_object_get(doc, member);

	while ((pair = args_next(run->args, option, &at))) {
		const char *equals = strchr(pair, '=');
		if (!equals || equals == pair)
			return command_misused(run, "--%s: \"%.60s\" has no name; accepted: NAME=VALUE", option, pair);
		if (!json_is_object(object)) {
			object = json_object();
			json_object_set_new(doc, member, object);
		}
		json_object_setn_new(object, pair, (size_t)(equals - pair), json_string(equals + 1));
	}
	return EXIT_OK;
}
