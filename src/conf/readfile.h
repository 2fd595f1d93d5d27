/* Reads small files whole: option files, secrets, payloads given on the command line. */
#ifndef GRAPNEL_CONF_READFILE_H
#define GRAPNEL_CONF_READFILE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

/* Appends the content of the file to `out`; a file larger than out's cap is an error. "-" is the standard input when
 * `allow_stdin`. -1: err says which file and why; errno is that of open() when it could not be opened, else 0. */
int readfile(const char *path, bool allow_stdin, struct strbuf *out, struct err *err) ATTR_MUST_USE;
/* The same, but never waits: pipes, sockets and devices are refused, except /dev/null. For what a running hub reads again. */
int readfile_regular(const char *path, struct strbuf *out, struct err *err) ATTR_MUST_USE;

#endif
