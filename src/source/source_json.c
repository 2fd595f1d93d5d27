/* Sources and schemes as the API shows them, and what a user's document holds beside the document. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/strbuf.h"
#include "model/check.h"
#include "source/source.h"

enum { PASTE_MAX = 8192 };

static json_t *time_json(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

/* A copy of a member of the document; what stands in its place (taken over) when it is not there. */
static json_t *member_or(const json_t *doc, const char *key, json_t *otherwise)
{
	const json_t *value = json_object_get(doc, key);
	if (!value || json_is_null(value))
		return otherwise;
	json_decref(otherwise);
	return json_deep_copy(value);
}

char *source_paste(const struct scheme *scheme, const char *url)
{
	struct strbuf out = STRBUF_INIT(PASTE_MAX);
	size_t len;
	const char *text = scheme->paste ? scheme->paste : "{url}";
	for (const char *at = text, *mark; *at; at = mark ? mark + strlen("{url}") : at + strlen(at)) {
		mark = strstr(at, "{url}");
		strbuf_append(&out, at, mark ? (size_t)(mark - at) : strlen(at));
		if (mark)
			strbuf_puts(&out, url);
	}
	char *paste = strbuf_steal(&out, &len);
	strbuf_free(&out);
	return paste;
}

static json_t *paste_json(const struct scheme *scheme, const char *url)
{
	char *paste = source_paste(scheme, url);
	json_t *json = text_or_null(paste);
	free(paste);
	return json;
}

/* Whether it waits for a secret that the provider shows or sends only when it knows the URL. */
static bool secret_missing(const struct source *source)
{
	return source->secrets_len == 0 && source->scheme->secret != SCHEME_SECRET_NONE;
}

json_t *source_json(const struct source *source, const json_t *doc, const char *subscriber_text, const char *url)
{
	char id[ID_TEXT_SIZE];
	id_format(ID_SOURCE, source->meta.id, id);
	const struct {
		const char *name;
		json_t *value;
	} members[] = {
	    {"id", json_string(id)},
	    {"uid", text_or_null(source->uid)},
	    {"scheme", json_string(source->scheme->name)},
	    {"settings", json_deep_copy(source->settings)},
	    {"event_type", json_string(source->event_type)},
	    {"dedupe", json_string(source->dedupe)},
	    {"subscriber", text_or_null(subscriber_text)},
	    {"enabled", json_boolean(source->enabled)},
	    {"tolerance_s", source->tolerance_s < 0 ? json_null() : json_integer(source->tolerance_s)},
	    {"response", member_or(doc, "response", json_null())},
	    {"public_url", text_or_null(source->public_url)},
	    {"max_body_bytes", json_integer(source->max_body_bytes)},
	    {"rate", member_or(doc, "rate", json_null())},
	    {"description", member_or(doc, "description", json_string(""))},
	    {"metadata", member_or(doc, "metadata", json_object())},
	    {"insecure", json_boolean(source->scheme->insecure)},
	    {"secret_missing", json_boolean(secret_missing(source))},
	    {"url", json_string(url)},
	    {"paste", paste_json(source->scheme, url)},
	    {"created_at", time_json(source->meta.created_ms)},
	    {"updated_at", time_json(source->meta.updated_ms)},
	};
	json_t *answer = json_object();
	int result = 0;
	/* Setting takes each value over even when it fails, so the loop must not stop early. */
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		result |= json_object_set_new(answer, members[i].name, members[i].value);
	if (result == 0)
		return answer;
	json_decref(answer);
	return NULL;
}

/* ---- What stands beside ---------------------------------------------------------------------------------------------------- */

static int take_secret(struct source_given *given, const json_t *value, const char *pointer, struct err *err)
{
	if (source_secret_check(check_slice(value), pointer, err))
		return -1;
	given->secrets[given->secrets_len++] = json_string_value(value);
	return 0;
}

static int take_secrets(struct source_given *given, const json_t *one, const json_t *several, struct err *err)
{
	int result = 0;
	if (one && !json_is_null(one) && several && !json_is_null(several))
		return err_field(err, ERR_INVALID, "/secrets", "cannot be there beside `secret`: give one of them");
	if (one && !json_is_null(one))
		return take_secret(given, one, "/secret", err);
	if (!several || json_is_null(several))
		return 0;
	if (!json_is_array(several) || json_array_size(several) < 1 || json_array_size(several) > SOURCE_SECRETS_MAX)
		return err_field(err, ERR_INVALID, "/secrets", "must be an array of 1 to %d strings, the present one first",
		                 SOURCE_SECRETS_MAX);
	for (size_t i = 0; i < json_array_size(several); i++) {
		char pointer[ERR_POINTER_MAX];
		check_element(pointer, "/secrets", i);
		result |= take_secret(given, json_array_get(several, i), pointer, err);
	}
	return result;
}

static int take_subscriber(struct source_given *given, const json_t *value, struct err *err)
{
	given->subscriber_null = value && json_is_null(value);
	if (!value || given->subscriber_null)
		return 0;
	given->subscriber = json_string_value(value);
	return check_text(value, "/subscriber", 1, 255, err);
}

int source_doc_split(json_t *doc, struct source_given *given, struct err *err)
{
	static const char *const read_only[] = {"id", "insecure", "secret_missing", "url", "paste", "created_at", "updated_at"};
	static const char *const beside[] = {"secret", "secrets", "subscriber"};
	*given = (struct source_given){0};
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "a source must be a JSON object");
	struct source_given split = {.taken = json_object()};
	if (!split.taken)
		return err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
	for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
		json_object_del(doc, read_only[i]); /* -1 only says that it was not there */
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof beside / sizeof *beside; i++) {
		json_t *value = json_object_get(doc, beside[i]);
		if (value && (json_object_set(split.taken, beside[i], value) || json_object_del(doc, beside[i])))
			result = err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
	}
	if (result == 0)
		result = take_secrets(&split, json_object_get(split.taken, "secret"), json_object_get(split.taken, "secrets"), err) |
		         take_subscriber(&split, json_object_get(split.taken, "subscriber"), err);
	if (result == 0)
		*given = split;
	else
		json_decref(split.taken);
	return result;
}

/* ---- The catalogue --------------------------------------------------------------------------------------------------------- */

static json_t *settings_json(const struct scheme_setting *setting)
{
	json_t *list = json_array();
	int result = list ? 0 : -1;
	for (; result == 0 && setting && setting->name; setting++)
		result = json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s?, s:s?}", "name", setting->name, "type", setting->type,
		                                               "required", setting->required, "preset", setting->preset, "summary",
		                                               setting->summary));
	if (result == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *texts_json(const char *const *texts)
{
	json_t *list = json_array();
	for (; texts && *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

static json_t *samples_json(const struct scheme_sample *sample)
{
	json_t *list = json_array();
	for (; sample && sample->event; sample++)
		json_array_append_new(list, json_string(sample->event));
	return list;
}

static json_t *methods_json(unsigned methods)
{
	json_t *list = json_array();
	json_array_append_new(list, json_string("POST"));
	json_array_append_new(list, json_string("HEAD"));
	if (methods & SCHEME_GET)
		json_array_append_new(list, json_string("GET"));
	if (methods & SCHEME_OPTIONS)
		json_array_append_new(list, json_string("OPTIONS"));
	return list;
}

json_t *source_scheme_json(const struct scheme *scheme)
{
	static const char *const kinds[] = {
	    [SCHEME_SECRET_NONE] = "none",
	    [SCHEME_SECRET_GIVEN] = "given",
	    [SCHEME_SECRET_CHOSEN] = "chosen",
	    [SCHEME_SECRET_SENT] = "sent",
	};
	json_t *row =
	    json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s?, s:b, s:I, s:s?, s:s?, s:s?, s:s?}", "name", scheme->name, "title", scheme->title,
	              "page", scheme->page, "paste", scheme->paste, "secret", kinds[scheme->secret], "secret_name", scheme->secret_name,
	              "secret_may_come", scheme->secret_may_come, "tolerance_s", (json_int_t)scheme->tolerance_s, "verified",
	              scheme->verified, "handshake", scheme->handshake, "type_rule", scheme->type_rule, "dedupe_rule", scheme->dedupe_rule);
	json_t *rest =
	    json_pack("{s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "insecure", scheme->insecure, "unverified", scheme->unverified, "signs_url",
	              scheme->signs_url, "methods", methods_json(scheme->methods), "settings", settings_json(scheme->settings), "keep",
	              texts_json(scheme->keep), "samples", samples_json(scheme->samples));
	if (row && rest && json_object_update(row, rest) == 0) {
		json_decref(rest);
		return row;
	}
	json_decref(row);
	json_decref(rest);
	return NULL;
}
