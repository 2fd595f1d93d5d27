/* What the commands about sources share. */
#ifndef GRAPNEL_CLI_SOURCE_H
#define GRAPNEL_CLI_SOURCE_H

#include "cli/thing.h"

enum { SOURCE_COLUMNS = 20 };
extern const struct column source_columns[SOURCE_COLUMNS];

/* The secret of --secret or --secret-file, into `text`; NULL: none was given, or (*code is not EXIT_OK) it was said what is wrong. */
const char *source_secret(const struct command_run *run, struct strbuf *text, int *code) ATTR_MUST_USE;

/* sources_update.c: a whole command with one word, the id, that merges `doc` (taken) into the source. Returns the exit code. */
int source_merge(const struct command_run *run, json_t *doc) ATTR_MUST_USE;

/* sources_update.c: the members of `doc` that are texts, of the options that name them. */
void source_texts(const struct command_run *run, json_t *doc);

#define SOURCE_SECRET_HELP "the secret that the provider shows, or that you choose"
#define SOURCE_SECRET_FILE_HELP "the same from a file, its first line (-: the standard input): arguments are seen by all users of a machine"

#endif
