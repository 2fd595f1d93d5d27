/* What libmicrohttpd says in its log, by what it means for us: its only way of telling that it gave up accepting. Owned by one
 * thread. */
#ifndef GRAPNEL_HTTP_COMPLAINT_H
#define GRAPNEL_HTTP_COMPLAINT_H

#include <stdarg.h>
#include <stdint.h>

#include "base/clock.h"

enum complaint {
	COMPLAINT_OF_CLIENT, /* hostile or clumsy input: it must not fill the log */
	COMPLAINT_OF_US,     /* trouble of our own */
	COMPLAINT_SUSPENDED, /* the same, and it accepts no more until one of this daemon's connections has ended */
};

/* Logs it: what tells of trouble of our own as a warning, but not before *warn_at_us, which is moved. */
enum complaint complaint_log(const struct clock *clock, int64_t *warn_at_us, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#endif
