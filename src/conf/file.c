/* Option files: INI, parsed by inih. Lines are handed to it one by one so that an error can name its line, a line that is too
 * long is seen (inih would cut it), and leading blanks never make a continuation line, however inih was built. */
#include "conf/loader.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "conf/readfile.h"

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

/* The fgets() of inih. */
static char *next_line(char *out, int size, void *stream)
{
	struct reading *reading = stream;
	char origin[ORIGIN_SIZE];

	if (reading->stopped || *reading->at == '\0')
		return NULL;
	reading->line++;
	const char *line = reading->at + strspn(reading->at, " \t");
	size_t len = strcspn(line, "\n");
	reading->at = line + len + (line[len] == '\n');
	if (*line == '#' || *line == ';')
		len = 0;
	if (len + 1 >= (size_t)size) {
		origin_of(reading, origin);
		reading->stopped = true;
		err_set(reading->loader->err, ERR_INVALID,
			"%s: the line is too long: at most %d bytes are read; an option that takes a list may stand on several lines",
			origin, size - 2);
		return NULL;
	}
	memcpy(out, line, len);
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
	return loader_take(reading->loader, option, LOADER_FILE, origin, value);
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
	struct reading reading = {.loader = loader, .path = path, .found_in_data = found_in_data, .at = text};
	char origin[ORIGIN_SIZE];

	/* inih goes on behind a line that it cannot parse, and gives the number of the first one at the end: it stands before whatever
	 * stopped the reading, and is told first. */
	int bad_line = ini_parse_stream(next_line, &reading, handle, &reading);
	if (reading.stopped && bad_line <= 0)
		return -1;
	if (bad_line < 0)
		return err_set(loader->err, ERR_INVALID, "%s cannot be parsed: memory is out", path);
	if (bad_line > 0) {
		reading.line = bad_line;
		origin_of(&reading, origin);
		return err_set(loader->err, ERR_INVALID, "%s: this is no option: write [section], name = value, or # for a comment",
			       origin);
	}
	return 0;
}

int loader_file(struct loader *loader, const char *path, bool found_in_data)
{
	struct strbuf text = STRBUF_INIT(FILE_MAX_BYTES);
	int result = -1;

	if (readfile(path, false, &text, loader->err) != 0) {
		if (found_in_data && errno == ENOENT)
			result = 0;
		goto out;
	}
	if (memchr(strbuf_text(&text), '\0', text.len)) {
		err_set(loader->err, ERR_INVALID, "%s is no option file: it holds a NUL byte", path);
		goto out;
	}
	result = parse(loader, path, found_in_data, strbuf_text(&text));
out:
	strbuf_free(&text);
	return result;
}
