/* Errors. A fallible function returns 0 or -1 (or NULL) and tells the reason in the caller's struct err: a code from
 * errors.def, a sentence for the user that says what is wrong and what to do, and where it concerns input, the JSON pointer
 * (RFC 6901) of each bad field. A struct err is plain memory owned by the caller, for one thread; {0} is "no error". */
#ifndef GRAPNEL_BASE_ERR_H
#define GRAPNEL_BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

enum err_code {
	ERR_NONE = 0,
#define ERROR(name, code, status, title) ERR_##name,
#include "base/errors.def"
#undef ERROR
	ERR_COUNT_
};

enum { ERR_FIELDS_MAX = 8, ERR_DETAIL_MAX = 400, ERR_POINTER_MAX = 160 };

struct err_field {
	char pointer[ERR_POINTER_MAX];
	char detail[ERR_DETAIL_MAX];
};

struct err {
	enum err_code code;
	int retry_after_s; /* for UNAVAILABLE, IN_PROGRESS and THROTTLED: what Retry-After says; 0: the default of 1 */
	bool told; /* the log knows of it already, or need not */
	char detail[ERR_DETAIL_MAX];
	unsigned fields_len; /* further bad fields beyond ERR_FIELDS_MAX are left out */
	struct err_field fields[ERR_FIELDS_MAX];
};

/* Sets code and detail; keeps nothing of an earlier error. Always returns -1, so that `return err_set(…)` reads well. `err` may be NULL.
 * A detail is UTF-8, whatever it quotes: other bytes stand in it as \xff. */
int err_set(struct err *err, enum err_code code, const char *format, ...) ATTR_PRINTF(3, 4);

/* Adds a bad field. The first one sets the code, and "pointer: detail" as the error's detail; when `err` holds an error already, its code and
 * detail are kept. Always -1. */
int err_field(struct err *err, enum err_code code, const char *pointer, const char *format, ...) ATTR_PRINTF(4, 5);

/* The row of errors.def. */
const char *err_code_text(enum err_code code);
int err_http_status(enum err_code code);
const char *err_title(enum err_code code);

#endif
