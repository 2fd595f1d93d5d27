/* A fuzz target: libFuzzer's function, and what the driver in mutate.c needs where libFuzzer is not there. */
#ifndef GRAPNEL_TESTS_FUZZ_H
#define GRAPNEL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
/* Calls take() with inputs that the target makes itself. */
void fuzz_seeds(void (*take)(const char *input, size_t len));
/* Texts that matter to the target; ends with NULL. */
extern const char *const fuzz_words[];
/* The folder of its corpus below tests/fuzz/. */
extern const char fuzz_corpus[];

#endif
