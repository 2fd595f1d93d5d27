/* libmicrohttpd's log, by its phrases. */
#include "http/complaint.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { WARN_EVERY_US = 60 * 1000 * 1000 };

static enum complaint complaint_of(const char *text)
{
	static const char *const phrases[] = {"limit", "Error accepting", "epoll", "Failed to start serving"};
	if (strstr(text, "suspending accept"))
		return COMPLAINT_SUSPENDED;
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (strstr(text, phrases[i]))
			return COMPLAINT_OF_US;
	return COMPLAINT_OF_CLIENT;
}

enum complaint complaint_log(const struct clock *clock, int64_t *warn_at_us, const char *format, va_list arguments)
{
	char text[256];
	vsnprintf(text, sizeof text, format, arguments);
	text[strcspn(text, "\r\n")] = '\0';
	enum complaint complaint = complaint_of(text);
	int64_t now_us = clock_mono_us(clock);
	if (complaint == COMPLAINT_OF_CLIENT || now_us < *warn_at_us) {
		log_debug("http", "libmicrohttpd: %s", text);
		return complaint;
	}
	*warn_at_us = now_us + WARN_EVERY_US;
	log_warn("http", "libmicrohttpd: %s", text);
	return complaint;
}
