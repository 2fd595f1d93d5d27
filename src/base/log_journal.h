/* The journal of systemd, as systemd.io/JOURNAL_NATIVE_PROTOCOL describes it: a datagram of NAME=value lines. Sending is thread-safe. */
#ifndef GRAPNEL_BASE_LOG_JOURNAL_H
#define GRAPNEL_BASE_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Whether this file is the journal's end of a stream: what $JOURNAL_STREAM says (systemd.exec(5)), "device:inode"; NULL: not set. */
bool log_journal_is(const char *journal_stream, int fd);
/* A socket for sending to `path`, from now on and also after the journal was started anew; -1: there can be none. */
int log_journal_open(const char *path) ATTR_MUST_USE;
enum log_journal_sent { LOG_JOURNAL_SENT, LOG_JOURNAL_TOO_LARGE, LOG_JOURNAL_FAILED };
enum log_journal_sent log_journal_send(int fd, const char *path, const char *entry, size_t len);

#endif
