/* Loads the options: arguments, environment, file, defaults, in this order; who comes first wins, but every value is checked. */
#include "conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "conf/loader.h"
#include "conf/place.h"
#include "conf/readfile.h"

enum { VALUE_MAX_BYTES = 64 << 10, ORIGIN_SIZE = 120 };

/* ---- One value --------------------------------------------------------------------------------------------------------- */

static void *member_of(struct conf *conf, const struct option *option)
{
	return (char *)conf + option->offset;
}

static bool is_text(const struct option *option)
{
	return option->type == OPTION_TEXT || option->type == OPTION_LIST;
}

/* Where unset is the default, an empty text unsets; but an empty name of the file is a variable of a script that was not set. */
static const char *text_fault(const struct option *option, const char *text, enum loader_rank rank)
{
	bool file = option == &option_table[OPTION_PLACE_config] && rank == LOADER_ARGUMENT;

	if (text[0] == '\0' && (file || option->standard[0] != '\0'))
		return "it is empty";
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return "it holds a control character";
	}
	return NULL;
}

/* `text` behind what `head` holds (NULL: nothing), without blanks. NULL: nothing at all. */
static char *list_join(const char *head, const char *text)
{
	size_t len = head ? strlen(head) : 0;
	char *joined = mem_alloc(len + strlen(text) + 2);

	if (len > 0) {
		memcpy(joined, head, len);
		joined[len++] = ',';
	}
	for (; *text; text++) {
		if (*text != ' ')
			joined[len++] = *text;
	}
	if (len > 0)
		return joined;
	free(joined);
	return NULL;
}

static void store_text(struct conf *conf, const struct option *option, const char *text, bool append)
{
	char **member = member_of(conf, option);
	char *value;

	if (option->type == OPTION_LIST)
		value = list_join(append ? *member : NULL, text);
	else
		value = text[0] ? mem_text(text) : NULL;
	free(*member);
	*member = value;
}

static void store_value(struct conf *conf, const struct option *option, const struct option_value *value)
{
	void *member = member_of(conf, option);

	if (option->type == OPTION_SWITCH)
		*(bool *)member = value->whole != 0;
	else if (option->type == OPTION_REAL)
		*(double *)member = value->real;
	else
		*(int64_t *)member = value->whole;
}

int loader_take(struct loader *loader, const struct option *option, enum loader_rank rank, const char *origin, const char *text)
{
	enum loader_rank *present = &loader->ranks[option - option_table];
	struct option_value value = {0};
	const char *why = NULL;

	if (is_text(option))
		why = text_fault(option, text, rank);
	else if (option_parse(option, text, &value, &why) == 0)
		why = NULL;
	if (why) {
		char accepts[160];
		option_accepts(option, accepts, sizeof accepts);
		return err_set(loader->err, ERR_INVALID, "%s: %s cannot be \"%.*s\": %s; accepted: %s", origin, option->name,
			       (int)utf8_trim(text, strnlen(text, 40)), text, why, accepts);
	}
	if (*present != LOADER_UNSET && *present < rank)
		return 0;
	if (is_text(option))
		store_text(loader->conf, option, text, *present == rank);
	else
		store_value(loader->conf, option, &value);
	*present = rank;
	return 0;
}

/* ---- Arguments --------------------------------------------------------------------------------------------------------- */

/* An argument that names an option: "--name", "--name=value", "--no-name". */
struct argument {
	const struct option *option; /* NULL: unknown */
	struct slice name;	     /* as given, with the dashes */
	const char *value;	     /* behind '=', or what a lone switch means; NULL: the next word */
};

static struct argument argument_of(const char *word)
{
	struct argument argument = {.name = {word, strcspn(word, "=")}};
	char positive[OPTION_NAME_SIZE];

	argument.option = option_find(OPTION_AS_ARGUMENT, argument.name);
	if (word[argument.name.len] == '=')
		argument.value = word + argument.name.len + 1;
	else if (argument.option && argument.option->type == OPTION_SWITCH)
		argument.value = "yes";
	if (argument.option || argument.value || strncmp(word, "--no-", 5) != 0)
		return argument;
	snprintf(positive, sizeof positive, "--%s", word + 5);
	const struct option *option = option_find(OPTION_AS_ARGUMENT, slice_of(positive));
	if (option && option->type == OPTION_SWITCH) {
		argument.option = option;
		argument.value = "no";
	}
	return argument;
}

int conf_argument_words(const char *word)
{
	struct argument argument = argument_of(word);
	return !argument.option ? 0 : argument.value ? 1 : 2;
}

static int take_argument(struct loader *loader, int argc, char **argv, int *at)
{
	struct argument argument = argument_of(argv[*at]);
	char origin[ORIGIN_SIZE], hint[OPTION_NAME_SIZE * 2];

	if (!argument.option) {
		option_suggest(OPTION_AS_ARGUMENT, argument.name, hint, sizeof hint);
		return err_set(loader->err, ERR_INVALID, "unknown option %.*s%s", (int)argument.name.len, argument.name.at, hint);
	}
	++*at;
	/* A forgotten value must not swallow the next option: a value that begins with "--" needs the form with '='. */
	if (!argument.value && (*at == argc || strncmp(argv[*at], "--", 2) == 0)) {
		char accepts[160];
		option_accepts(argument.option, accepts, sizeof accepts);
		return err_set(loader->err, ERR_INVALID, "argument %.*s: its value is missing; accepted: %s", (int)argument.name.len,
			       argument.name.at, accepts);
	}
	if (!argument.value)
		argument.value = argv[(*at)++];
	snprintf(origin, sizeof origin, "argument %.*s", (int)argument.name.len, argument.name.at);
	return loader_take(loader, argument.option, LOADER_ARGUMENT, origin, argument.value);
}

static int take_arguments(struct loader *loader, int argc, char **argv, int *rest)
{
	int at = 0;

	while (at < argc && strncmp(argv[at], "--", 2) == 0 && argv[at][2] != '\0') {
		int before = at;
		if (take_argument(loader, argc, argv, &at) == 0)
			continue;
		if (!loader_goes_on(loader))
			return -1;
		/* One that is not known may have a value behind it. */
		at += at == before;
		at += at == before + 1 && at < argc && !strchr(argv[before], '=') && strncmp(argv[at], "--", 2) != 0;
	}
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	if (rest)
		*rest = at;
	else if (at < argc)
		return err_set(loader->err, ERR_INVALID, "unexpected argument %.80s: options begin with --", argv[at]);
	return 0;
}

/* ---- Environment ------------------------------------------------------------------------------------------------------- */

/* The value is the content of a file, without the newline at its end: so that secrets need not stand in the environment. */
static int take_variable_file(struct loader *loader, const struct option *option, const char *origin, const char *path)
{
	struct strbuf text = STRBUF_INIT(VALUE_MAX_BYTES);
	struct err why = {0};
	int result = -1;

	if (readfile_regular(path, &text, &why) != 0) {
		err_set(loader->err, ERR_INVALID, "%s: %s", origin, why.detail);
		goto out;
	}
	if (memchr(strbuf_text(&text), '\0', text.len)) {
		err_set(loader->err, ERR_INVALID, "%s: %s holds a NUL byte", origin, path);
		goto out;
	}
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.data[--text.len] = '\0';
	result = loader_take(loader, option, LOADER_ENVIRONMENT, origin, strbuf_text(&text));
out:
	strbuf_free(&text);
	return result;
}

/* The option of a variable. GRAPNEL_X_FILE is X from a file, unless an option is called so itself. */
static const struct option *option_of_variable(struct slice name, bool *in_file)
{
	static const char suffix[] = "_FILE";
	size_t suffix_len = sizeof suffix - 1;
	const struct option *option = option_find(OPTION_IN_ENVIRONMENT, name);

	*in_file = false;
	if (option || name.len < suffix_len || memcmp(name.at + name.len - suffix_len, suffix, suffix_len) != 0)
		return option;
	option = option_find(OPTION_IN_ENVIRONMENT, (struct slice){name.at, name.len - suffix_len});
	*in_file = true;
	return option && is_text(option) ? option : NULL;
}

static bool has_part(struct slice name, const char *part)
{
	size_t len = strlen(part);

	for (size_t i = 0; i + len <= name.len; i++) {
		if (memcmp(name.at + i, part, len) == 0 && (i + len == name.len || name.at[i + len] == '_'))
			return true;
	}
	return false;
}

/* What Kubernetes sets in every container for a Service that is called grapnel or grapnel-…: GRAPNEL_SERVICE_HOST,
 * GRAPNEL_SERVICE_PORT_HTTP, GRAPNEL_PORT, GRAPNEL_PORT_8080_TCP_ADDR. */
static bool is_service_link(struct slice name)
{
	return has_part(name, "_SERVICE_HOST") || has_part(name, "_PORT");
}

/* A mistyped option must not be without effect; other names are somebody else's. */
static bool probably_meant(struct slice name, bool in_file)
{
	size_t suffix_len = sizeof "_FILE" - 1;

	if (is_service_link(name))
		return false;
	return option_near(OPTION_IN_ENVIRONMENT, name) ||
	       (in_file && option_near(OPTION_IN_ENVIRONMENT, (struct slice){name.at, name.len - suffix_len}));
}

static int take_variable(struct loader *loader, struct slice name, const char *value)
{
	char origin[ORIGIN_SIZE], hint[OPTION_NAME_SIZE * 2];
	bool in_file;

	/* Compose files and unit files export variables that nobody has given a value. */
	if (value[0] == '\0')
		return 0;
	const struct option *option = option_of_variable(name, &in_file);
	if (!option && !probably_meant(name, in_file))
		return 0;
	if (!option) {
		option_suggest(OPTION_IN_ENVIRONMENT, name, hint, sizeof hint);
		return err_set(loader->err, ERR_INVALID, "unknown environment variable %.*s%s", (int)name.len, name.at, hint);
	}
	snprintf(origin, sizeof origin, "environment variable %.*s", (int)name.len, name.at);
	if (loader->ranks[option - option_table] == LOADER_ENVIRONMENT)
		return err_set(loader->err, ERR_INVALID, "%s: %s stands in the environment twice, with and without _FILE", origin,
			       option->name);
	if (in_file)
		return take_variable_file(loader, option, origin, value);
	return loader_take(loader, option, LOADER_ENVIRONMENT, origin, value);
}

/* False: it is none of GRAPNEL_…=. */
static bool variable_name(const char *text, struct slice *name)
{
	static const char prefix[] = "GRAPNEL_";

	*name = (struct slice){text, strcspn(text, "=")};
	return strncmp(text, prefix, sizeof prefix - 1) == 0 && text[name->len] != '\0';
}

void conf_warn(void)
{
	struct slice name;
	bool in_file;

	for (char **at = environ; at && *at; at++) {
		if (variable_name(*at, &name) && !option_of_variable(name, &in_file) && !is_service_link(name))
			log_warn("conf", "the environment variable %.*s is no option and has no effect", (int)name.len, name.at);
	}
}

static int take_environment(struct loader *loader)
{
	for (char **at = environ; at && *at; at++) {
		struct slice name;
		if (!variable_name(*at, &name))
			continue;
		if (take_variable(loader, name, *at + name.len + 1) != 0 && !loader_goes_on(loader))
			return -1;
	}
	return 0;
}

/* ---- All --------------------------------------------------------------------------------------------------------------- */

/* The system's file, which says where a packaged hub is. Who reaches a hub over the network needs none, and may not be allowed to read it. */
static int take_system_file(struct loader *loader)
{
	if (loader->conf->url && access(conf_place.file, R_OK) != 0)
		return 0;
	if (access(conf_place.file, R_OK) != 0)
		return err_set(loader->err, ERR_INVALID, "%s cannot be read: %s; be root or a member of its group, or say with --data or --url where the hub is",
			       conf_place.file, strerror(errno));
	return loader_file(loader, conf_place.file, false);
}

static int take_file(struct loader *loader)
{
	const struct option *data = &option_table[OPTION_PLACE_data];
	struct conf *conf = loader->conf;
	struct strbuf path = STRBUF_INIT(VALUE_MAX_BYTES);
	int result;

	if (conf->config) {
		loader->system = conf_place_is(conf->config);
		return loader_file(loader, conf->config, false);
	}
	if (!conf->data && !conf_place_has_hub(data->standard) && conf_place_exists()) {
		loader->system = true;
		return take_system_file(loader);
	}
	strbuf_printf(&path, "%s/grapnel.conf", conf->data ? conf->data : data->standard);
	result = loader_file(loader, strbuf_text(&path), true);
	strbuf_free(&path);
	return result;
}

static int take_defaults(struct loader *loader)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &option_table[i];
		const char *standard = i == OPTION_PLACE_data && loader->system ? conf_place.data : option->standard;
		if (loader->ranks[i] == LOADER_UNSET && loader_take(loader, option, LOADER_DEFAULT, "default", standard) != 0)
			return -1;
	}
	return 0;
}

int conf_load(struct conf *conf, int argc, char **argv, int *rest, struct err *err)
{
	struct loader loader = {.conf = conf, .err = err};

	memset(conf, 0, sizeof *conf);
	if (take_arguments(&loader, argc, argv, rest) == 0 && take_environment(&loader) == 0 && take_file(&loader) == 0 &&
	    take_defaults(&loader) == 0)
		return 0;
	conf_free(conf);
	return -1;
}

struct finding {
	void (*found)(void *context, const char *text);
	void *context;
	unsigned len;
};

static void count_finding(void *context, const char *text)
{
	struct finding *finding = context;
	finding->len++;
	finding->found(finding->context, text);
}

bool loader_goes_on(struct loader *loader)
{
	if (!loader->found)
		return false;
	loader->found(loader->context, loader->err->detail);
	*loader->err = (struct err){.code = ERR_NONE};
	return true;
}

unsigned conf_find(struct conf *conf, int argc, char **argv, void (*found)(void *context, const char *text), void *context)
{
	struct err err = {0};
	struct finding finding = {found, context, 0};
	struct loader loader = {.conf = conf, .err = &err, .found = count_finding, .context = &finding};

	memset(conf, 0, sizeof *conf);
	if (take_arguments(&loader, argc, argv, NULL) != 0)
		loader_goes_on(&loader);
	if (take_environment(&loader) != 0)
		loader_goes_on(&loader);
	if (take_file(&loader) != 0)
		loader_goes_on(&loader);
	if (take_defaults(&loader) != 0)
		loader_goes_on(&loader);
	return finding.len;
}

int conf_check_file(const struct conf *conf, const struct conf *before, struct err *err)
{
	if (!before->file || (conf->file && strcmp(conf->file, before->file) == 0))
		return 0;
	return err_set(err, ERR_INVALID,
		       "%s is gone, which the options came from: put it back (an empty one stands for the defaults), or restart the hub without it",
		       before->file);
}

void conf_copy(struct conf *to, const struct conf *from)
{
	*to = *from;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char **text = is_text(&option_table[i]) ? member_of(to, &option_table[i]) : NULL;
		if (text && *text)
			*text = mem_text(*text);
	}
	to->file = from->file ? mem_text(from->file) : NULL;
}

static size_t size_of(const struct option *option)
{
	return option->type == OPTION_SWITCH ? sizeof(bool) : option->type == OPTION_REAL ? sizeof(double) : sizeof(int64_t);
}

static bool same_value(const struct conf *a, const struct conf *b, const struct option *option)
{
	const void *of_a = (const char *)a + option->offset, *of_b = (const char *)b + option->offset;

	if (!is_text(option))
		return memcmp(of_a, of_b, size_of(option)) == 0;
	const char *text_a = *(char *const *)of_a, *text_b = *(char *const *)of_b;
	return text_a && text_b ? strcmp(text_a, text_b) == 0 : text_a == text_b;
}

void conf_differences(const struct conf *a, const struct conf *b, void (*each)(void *context, const char *name, bool live), void *context)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!same_value(a, b, &option_table[i]))
			each(context, option_table[i].name, option_table[i].live);
	}
}

void conf_take_live(struct conf *conf, struct conf *from)
{
	free(conf->file);
	conf->file = from->file;
	from->file = NULL;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &option_table[i];
		void *to = member_of(conf, option), *source = member_of(from, option);
		if (option->live && is_text(option)) {
			free(*(char **)to);
			*(char **)to = *(char **)source;
			*(char **)source = NULL;
		} else if (option->live) {
			memcpy(to, source, size_of(option));
		}
	}
}

void conf_free(struct conf *conf)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (is_text(&option_table[i]))
			free(*(char **)member_of(conf, &option_table[i]));
	}
	free(conf->file);
	memset(conf, 0, sizeof *conf);
}
