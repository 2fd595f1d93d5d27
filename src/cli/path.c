/* Paths of requests. */
#include "cli/path.h"

#include <string.h>

static void put_encoded(struct strbuf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			strbuf_putc(out, *text);
		else
			strbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

void path_make(struct strbuf *out, const char *what, const char *id, const char *more)
{
	strbuf_clear(out);
	strbuf_printf(out, "/v1/%s", what);
	if (id) {
		strbuf_putc(out, '/');
		put_encoded(out, id);
	}
	if (more)
		strbuf_printf(out, "/%s", more);
}

void path_param(struct strbuf *out, const char *name, const char *value)
{
	strbuf_printf(out, "%c%s=", strchr(strbuf_text(out), '?') ? '&' : '?', name);
	put_encoded(out, value);
}

void path_filters(struct strbuf *out, const struct command_run *run, const struct path_filter *filters)
{
	for (; filters->option; filters++) {
		const char *value = args_value(run->args, filters->option);
		if (value)
			path_param(out, filters->name, value);
	}
}
