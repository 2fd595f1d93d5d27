/* Sources: from the document to the form that the door needs. Each field of the document is a row of a table with the function that
 * checks and takes it. */
#include "source/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/id.h"
#include "base/mem.h"
#include "model/check.h"
#include "model/media.h"
#include "model/subscriber.h"
#include "model/url.h"
#include "source/template.h"

enum { DESCRIPTION_MAX = 1024, PUBLIC_URL_MAX = 2048, RESPONSE_BODY_MAX = 16384, TOLERANCE_MAX_S = 7 * 86400 };
enum { BODY_LEAST = 1024, RATE_MAX = 1000000, RATE_SPAN_MAX_MS = 86400000 };

struct source *source_ref(struct source *source)
{
	atomic_fetch_add_explicit(&source->refs, 1, memory_order_relaxed);
	return source;
}

void source_unref(struct source *source)
{
	if (!source || atomic_fetch_sub_explicit(&source->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < source->secrets_len; i++)
		free(source->secrets[i].sealed);
	json_decref(source->settings);
	free(source->response.content_type);
	free(source->response.body);
	free(source->public_url);
	free(source->event_type);
	free(source->dedupe);
	free(source->uid);
	free(source);
}

/* ---- Fields ---------------------------------------------------------------------------------------------------------------- */

static int read_scheme(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	struct slice name = check_slice(value);
	source->scheme = name.at ? scheme_find(name) : NULL;
	if (source->scheme)
		return 0;
	return err_field(err, ERR_INVALID, pointer,
	                 "must be the name of a scheme: github, stripe, standard, hmac and others; GET /v1/schemes lists them");
}

static int read_settings(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object: the settings of the scheme");
	json_decref(source->settings);
	source->settings = json_deep_copy(value);
	return source->settings ? 0 : err_set(err, ERR_UNAVAILABLE, "memory is out; try again");
}

static int read_template(const json_t *value, const char *pointer, char **place, struct err *err)
{
	if (template_check(check_slice(value), pointer, err))
		return -1;
	free(*place);
	*place = mem_text_of(check_slice(value));
	return 0;
}

static int read_event_type(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	if (json_is_string(value) && json_string_length(value) == 0)
		return err_field(err, ERR_INVALID, pointer, "is empty: give a template such as {type}, or leave it out");
	return read_template(value, pointer, &source->event_type, err);
}

static int read_dedupe(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	return read_template(value, pointer, &source->dedupe, err);
}

static int read_enabled(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	if (!json_is_boolean(value))
		return err_field(err, ERR_INVALID, pointer, "must be true or false");
	source->enabled = json_is_true(value);
	return 0;
}

static int read_tolerance(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	return check_integer(value, pointer, 0, TOLERANCE_MAX_S, &source->tolerance_s, err);
}

static int read_public_url(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	struct url url;
	struct slice text = check_slice(value);
	if (!text.at || text.len > PUBLIC_URL_MAX)
		return err_field(err, ERR_INVALID, pointer,
		                 "must be a string of at most %d bytes: the http or https URL that the provider calls", PUBLIC_URL_MAX);
	if (url_parse(text, pointer, &url, err))
		return -1;
	if (memchr(text.at, '?', text.len))
		return err_field(err, ERR_INVALID, pointer, "must have no query: that of each request is put behind it");
	source->public_url = mem_text_of(text);
	return 0;
}

static int read_max_body(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	return check_integer(value, pointer, BODY_LEAST, SOURCE_BODY_MAX, &source->max_body_bytes, err);
}

/* An object of these members alone. */
static int check_members(const json_t *value, const char *pointer, const char *const *names, struct err *err)
{
	const char *key;
	json_t *member;
	int result = 0;
	json_object_foreach((json_t *)value, key, member)
	{
		char place[ERR_POINTER_MAX];
		const char *const *name = names;
		while (*name && strcmp(*name, key) != 0)
			name++;
		check_member(place, pointer, key);
		if (!*name)
			result |= err_field(err, ERR_INVALID, place, "is not known here");
	}
	return result;
}

static int read_rate(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	static const char *const names[] = {"limit", "per_ms", NULL};
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer, "must be an object: {\"limit\": 100, \"per_ms\": 1000}");
	const json_t *limit = json_object_get(value, "limit"), *per = json_object_get(value, "per_ms");
	int result = check_members(value, pointer, names, err);
	result |= check_integer(limit, "/rate/limit", 1, RATE_MAX, &source->rate.limit, err);
	return result | check_integer(per, "/rate/per_ms", 1, RATE_SPAN_MAX_MS, &source->rate.per_ms, err);
}

static int read_response_text(const json_t *value, struct source *source, struct err *err)
{
	const json_t *type = json_object_get(value, "content_type"), *body = json_object_get(value, "body");
	int result = 0;
	if (type && (!media_type_good(check_slice(type)) || json_string_length(type) > 255))
		result |= err_field(err, ERR_INVALID, "/response/content_type", "must be a media type such as text/plain");
	else if (type)
		source->response.content_type = mem_text_of(check_slice(type));
	if (body && (!json_is_string(body) || json_string_length(body) > RESPONSE_BODY_MAX))
		return err_field(err, ERR_INVALID, "/response/body", "must be a string of at most %d bytes", RESPONSE_BODY_MAX);
	if (!body || json_string_length(body) == 0)
		return result;
	source->response.body = mem_text_of(check_slice(body));
	source->response.body_len = json_string_length(body);
	if (!source->response.content_type)
		source->response.content_type = mem_text("text/plain; charset=utf-8");
	return result;
}

static int read_response(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	static const char *const names[] = {"status", "content_type", "body", NULL};
	const json_t *given = json_object_get(value, "status");
	int64_t status = 200;
	if (!json_is_object(value))
		return err_field(err, ERR_INVALID, pointer,
		                 "must be an object: {\"status\": 200, \"content_type\": \"text/plain\", \"body\": \"ok\"}");
	int result = check_members(value, pointer, names, err);
	if (given)
		result |= check_integer(given, "/response/status", 200, 299, &status, err);
	source->response.given = true;
	source->response.status = (int)status;
	result |= read_response_text(value, source, err);
	if (result == 0 && source->response.body && (status == 204 || status == 205))
		return err_field(err, ERR_INVALID, "/response/body", "cannot be there with status %" PRId64 ", which has no body", status);
	return result;
}

static int read_description(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	(void)source;
	return check_text(value, pointer, 0, DESCRIPTION_MAX, err);
}

static int read_metadata(const json_t *value, const char *pointer, struct source *source, struct err *err)
{
	(void)source;
	return metadata_check(value, pointer, err);
}

/* uid is read apart: every resource has one. A null is what the answer shows of a field that is not given. */
static const struct {
	const char *name;
	int (*read)(const json_t *value, const char *pointer, struct source *source, struct err *err);
} fields[] = {
    {"scheme", read_scheme},     {"settings", read_settings},       {"event_type", read_event_type},
    {"dedupe", read_dedupe},     {"enabled", read_enabled},         {"tolerance_s", read_tolerance},
    {"response", read_response}, {"public_url", read_public_url},   {"max_body_bytes", read_max_body},
    {"rate", read_rate},         {"description", read_description}, {"metadata", read_metadata},
};

static int read_member(const char *key, const json_t *value, struct source *source, struct err *err)
{
	char pointer[ERR_POINTER_MAX];
	check_member(pointer, "", key);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (strcmp(fields[i].name, key) == 0)
			return json_is_null(value) ? 0 : fields[i].read(value, pointer, source, err);
	return err_field(
	    err, ERR_INVALID, pointer,
	    "unknown field; a source has uid, scheme, settings, secret, secrets, event_type, dedupe, subscriber, enabled, tolerance_s, "
	    "response, public_url, max_body_bytes, rate, description and metadata");
}

static int read_document(const json_t *doc, struct source *source, struct err *err)
{
	const char *uid = NULL, *key;
	json_t *value;
	if (!json_is_object(doc))
		return err_field(err, ERR_INVALID, "", "a source must be a JSON object");
	int result = uid_of_doc(doc, &uid, err);
	if (result == 0 && uid)
		source->uid = mem_text(uid);
	json_object_foreach((json_t *)doc, key, value)
	{
		if (strcmp(key, "uid") != 0)
			result |= read_member(key, value, source, err);
	}
	if (!source->scheme && result == 0)
		result = err_field(err, ERR_INVALID, "/scheme",
		                   "is required: github, stripe, standard, hmac and others; GET /v1/schemes lists them");
	return result;
}

static void copy_secrets(struct source *source, const struct source_secret *secrets, unsigned secrets_len)
{
	for (unsigned i = 0; i < secrets_len; i++) {
		source->secrets[i] = secrets[i];
		source->secrets[i].sealed = mem_alloc(secrets[i].sealed_len + 1);
		memcpy(source->secrets[i].sealed, secrets[i].sealed, secrets[i].sealed_len);
	}
	source->secrets_len = secrets_len;
}

struct source *source_parse(const json_t *doc, const struct source_meta *meta, const struct source_secret *secrets, unsigned secrets_len,
                            struct err *err)
{
	if (secrets_len > SOURCE_SECRETS_MAX) {
		err_set(err, ERR_INTERNAL, "a source has at most %d secrets", SOURCE_SECRETS_MAX);
		return NULL;
	}
	struct source *source = mem_new(struct source);
	atomic_init(&source->refs, 1);
	source->meta = *meta;
	source->settings = json_object();
	source->event_type = mem_text("{type}");
	source->dedupe = mem_text("{id}");
	source->enabled = true;
	source->tolerance_s = -1;
	source->max_body_bytes = SOURCE_BODY_PRESET;
	copy_secrets(source, secrets, secrets_len);
	if (read_document(doc, source, err)) {
		source_unref(source);
		return NULL;
	}
	return source;
}

/* ---- Secrets --------------------------------------------------------------------------------------------------------------- */

void source_secret_place(int64_t source, char out[SOURCE_PLACE_SIZE])
{
	snprintf(out, SOURCE_PLACE_SIZE, "source_secrets:%" PRId64 ":sealed", source);
}

int source_secret_check(struct slice secret, const char *pointer, struct err *err)
{
	if (!secret.at || secret.len < 1 || secret.len > SCHEME_SECRET_BYTES_MAX || memchr(secret.at, '\0', secret.len))
		return err_field(err, ERR_INVALID, pointer, "must be a string of 1 to %d bytes without NUL", SCHEME_SECRET_BYTES_MAX);
	return 0;
}

static int open_one(const struct source_secret *secret, struct slice place, const struct master_key *master, struct source_opened *opened)
{
	size_t size = secret->sealed_len < SEAL_OVERHEAD ? 0 : secret->sealed_len - SEAL_OVERHEAD;
	size_t at = opened->view.secrets_len;
	opened->plain[at] = malloc(size + 1);
	int len = opened->plain[at] ? unseal(master, place, secret->sealed, secret->sealed_len, opened->plain[at], size) : -1;
	if (len < 0) {
		free(opened->plain[at]);
		opened->plain[at] = NULL;
		return -1;
	}
	opened->plain[at][len] = '\0';
	opened->view.secrets[at] = (struct slice){(const char *)opened->plain[at], (size_t)len};
	opened->view.secrets_len++;
	return 0;
}

int source_open(const struct source *source, const struct master_key *master, int64_t now_ms, struct source_opened *opened, struct err *err)
{
	char place[SOURCE_PLACE_SIZE];
	source_secret_place(source->meta.id, place);
	*opened = (struct source_opened){
	    .view = {.uid = slice_of(source->uid),
	             .settings = source->settings,
	             .tolerance_s = source->tolerance_s,
	             .public_url = slice_of(source->public_url)},
	};
	for (unsigned i = 0; i < source->secrets_len; i++) {
		const struct source_secret *secret = &source->secrets[i];
		if (secret->until_ms && secret->until_ms <= now_ms)
			continue;
		if (open_one(secret, slice_of(place), master, opened) < 0) {
			source_opened_clear(opened);
			return err_set(err, ERR_INTERNAL,
			               "the source's secret cannot be opened: the master key is another one, or the database is damaged");
		}
	}
	return 0;
}

void source_opened_clear(struct source_opened *opened)
{
	for (size_t i = 0; i < opened->view.secrets_len; i++) {
		OPENSSL_cleanse(opened->plain[i], opened->view.secrets[i].len);
		free(opened->plain[i]);
	}
	opened->view.secrets_len = 0;
}

int source_check(const struct source *source, const struct master_key *master, int64_t now_ms, const char *public_url, struct err *err)
{
	struct source_opened opened;
	if (source_open(source, master, now_ms, &opened, err))
		return -1;
	if (!opened.view.public_url.at)
		opened.view.public_url = slice_of(public_url);
	opened.view.waits = source->scheme->secret == SCHEME_SECRET_GIVEN && source->secrets_len == 0;
	int result = scheme_check(source->scheme, &opened.view, err);
	source_opened_clear(&opened);
	return result;
}
