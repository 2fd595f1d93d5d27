/* Option files: INI, parsed by inih. Lines are handed to it one by one so that an error can name its line, a line that is too
 * long is seen (inih would cut it), and leading blanks never make a continuation line, however inih was built. */
#include "conf/loader.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "conf/readfile.h"

_Static_assert(sizeof(struct conf_lines) == OPTION_COUNT * sizeof(int), "one line for each row");

enum { FILE_MAX_BYTES = 1 << 20, ORIGIN_SIZE = 200 };

struct reading {
	struct loader *loader;
	const char *path;
	bool found_in_data;
	const char *at;		/* the next line */
	int line;		/* the number of the one that was read last */
	int seen[OPTION_COUNT]; /* line where an option stands; 0: not seen */
	bool stopped;		/* loader->err is set */
};

/* Paths are cut at the front: their end tells more. */
static void origin_of(const struct reading *reading, char out[ORIGIN_SIZE])
{
	size_t len = strlen(reading->path), max = ORIGIN_SIZE - 20;
	bool cut = len > max;
	snprintf(out, ORIGIN_SIZE, "%s%s:%d", cut ? "…" : "", reading->path + (cut ? len - max : 0), reading->line);
}

/* What is wrong with a line is told; false: the reading goes on, as if the line were empty or held what is left of it. */
static bool refuse(struct reading *reading, const char *format, ...) ATTR_PRINTF(2, 3);
static bool refuse(struct reading *reading, const char *format, ...)
{
	char origin[ORIGIN_SIZE], what[ORIGIN_SIZE];
	va_list arguments;

	origin_of(reading, origin);
	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	err_set(reading->loader->err, ERR_INVALID, "%s: %s", origin, what);
	reading->stopped = !loader_goes_on(reading->loader);
	return reading->stopped;
}

static size_t without_blanks(const char *line, size_t len)
{
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	return len;
}

/* inih looks at nothing behind the ']'. Without one, the lines that follow belong to the section all the same. */
static size_t check_section(struct reading *reading, const char *line, size_t len)
{
	const char *end = memchr(line, ']', len);

	if (!end) {
		refuse(reading, "the ] is missing: write [section]");
		size_t word = strcspn(line, " \t\n;#=");
		return word < OPTION_NAME_SIZE ? word : 0;
	}
	size_t name = (size_t)(end - line) + 1, at = name;
	while (at < len && isspace((unsigned char)line[at]))
		at++;
	if (at < len && line[at] != ';' && line[at] != '#')
		refuse(reading, "\"%.*s\" stands behind %.*s: name = value has a line of its own",
		       (int)utf8_trim(line + at, len - at < 40 ? len - at : 40), line + at, (int)(name < 60 ? name : 60), line);
	return name;
}

/* The length of what can be taken of the line; 0: nothing. */
static size_t check_line(struct reading *reading, const char *line, size_t len)
{
	if (memchr(line, '\r', len)) {
		refuse(reading, "a carriage return stands amid the line: lines end with a line feed, or with both");
		return 0;
	}
	if (len == 0 || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return check_section(reading, line, len);
	size_t name = 0;
	while (name < len && line[name] != '=' && line[name] != ':' && line[name] != ';')
		name++;
	if (name == len || line[name] == ';') {
		refuse(reading, "this is no option: write [section], name = value, or # for a comment");
		return 0;
	}
	if (name == 0) {
		refuse(reading, "the name before the %c is missing", line[name]);
		return 0;
	}
	return len;
}

/* The fgets() of inih. */
static char *next_line(char *out, int size, void *stream)
{
	struct reading *reading = stream;

	if (reading->stopped || *reading->at == '\0')
		return NULL;
	reading->line++;
	const char *line = reading->at + strspn(reading->at, " \t");
	size_t len = strcspn(line, "\n");
	reading->at = line + len + (line[len] == '\n');
	len = check_line(reading, line, without_blanks(line, len));
	if (len + 1 >= (size_t)size) {
		refuse(reading, "the line is too long: at most %d bytes are read; an option that takes a list may stand on several lines", size - 2);
		len = 0;
	}
	if (reading->stopped)
		return NULL;
	memcpy(out, line, len);
	if (len > 0 && *line == '[' && line[len - 1] != ']')
		out[len++] = ']';
	out[len] = '\n';
	out[len + 1] = '\0';
	return out;
}

static int take(struct reading *reading, const char *section, const char *key, const char *value)
{
	struct err *err = reading->loader->err;
	char origin[ORIGIN_SIZE], name[OPTION_NAME_SIZE * 2], hint[OPTION_NAME_SIZE * 2];

	origin_of(reading, origin);
	snprintf(name, sizeof name, "%s%s%s", section, section[0] ? "." : "", key);
	const struct option *option = option_find(OPTION_IN_FILE, slice_of(name));
	if (!option) {
		option_suggest(OPTION_IN_FILE, slice_of(name), hint, sizeof hint);
		return err_set(err, ERR_INVALID, "%s: unknown option %s%s", origin, name, hint);
	}
	if (strcmp(option->name, "config") == 0)
		return err_set(err, ERR_INVALID, "%s: config cannot stand in a file: give it as --config or GRAPNEL_CONFIG", origin);
	if (reading->found_in_data && strcmp(option->name, "data") == 0)
		return err_set(err, ERR_INVALID,
			       "%s: data cannot stand in a file that was found in the data folder: name the file with --config", origin);
	int *seen = &reading->seen[option - option_table];
	if (*seen && option->type != OPTION_LIST)
		return err_set(err, ERR_INVALID, "%s: %s stands in line %d already", origin, name, *seen);
	*seen = reading->line;
	if (loader_take(reading->loader, option, LOADER_FILE, origin, value) != 0)
		return -1;
	if (reading->loader->ranks[option - option_table] == LOADER_FILE)
		((int *)&reading->loader->conf->lines)[option - option_table] = reading->line;
	return 0;
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;

	if (!reading->stopped)
		reading->stopped = take(reading, section, key, value) != 0 && !loader_goes_on(reading->loader);
	return 1;
}

static int parse(struct loader *loader, const char *path, bool found_in_data, const char *text)
{
	static const char mark[] = "\xef\xbb\xbf"; /* that some editors put before UTF-8 */
	struct reading reading = {.loader = loader, .path = path, .found_in_data = found_in_data, .at = text};

	if (strncmp(text, mark, strlen(mark)) == 0)
		reading.at += strlen(mark);
	int bad_line = ini_parse_stream(next_line, &reading, handle, &reading);
	if (reading.stopped)
		return -1;
	if (bad_line < 0)
		return err_set(loader->err, ERR_INVALID, "%s cannot be parsed: memory is out", path);
	if (bad_line > 0)
		return err_set(loader->err, ERR_INVALID, "%s:%d: this is no option", path, bad_line);
	return 0;
}

int loader_file(struct loader *loader, const char *path, bool found_in_data)
{
	struct strbuf text = STRBUF_INIT(FILE_MAX_BYTES);
	int result = -1;

	if (readfile_regular(path, &text, loader->err) != 0) {
		if (found_in_data && errno == ENOENT)
			result = 0;
		goto out;
	}
	free(loader->conf->file);
	loader->conf->file = mem_text(path);
	if (memchr(strbuf_text(&text), '\0', text.len)) {
		err_set(loader->err, ERR_INVALID, "%s is no option file: it holds a NUL byte", path);
		goto out;
	}
	result = parse(loader, path, found_in_data, strbuf_text(&text));
out:
	strbuf_free(&text);
	return result;
}
