/* Temporary folders for tests. */
#ifndef GRAPNEL_TESTS_TEMP_H
#define GRAPNEL_TESTS_TEMP_H

/* A new folder below TMPDIR (or /tmp); fails the test when it cannot be made. Freed by temp_remove(). */
char *temp_make(void);
/* Removes it with everything in it. */
void temp_remove(char *folder);
/* "folder/name"; malloc. */
char *temp_path(const char *folder, const char *name);

#endif
