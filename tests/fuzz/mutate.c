/* Runs a fuzz target over its seeds, its corpus and mutations of both that are the same in every run. GRAPNEL_FUZZ_ROUNDS: how many of each. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 16, ROUNDS = 500, STEPS_MAX = 4 };

static uint64_t lot_state = 88172645463325252u;
static size_t words_len, inputs_len;
static unsigned long rounds = ROUNDS;

static size_t lot(size_t below)
{
	lot_state ^= lot_state << 13;
	lot_state ^= lot_state >> 7;
	lot_state ^= lot_state << 17;
	return below ? (size_t)(lot_state % below) : 0;
}

struct input {
	size_t len;
	char bytes[INPUT_MAX];
};

static void splice(struct input *input, size_t at, size_t gone, const char *with, size_t len)
{
	if (input->len - gone + len > INPUT_MAX)
		return;
	memmove(input->bytes + at + len, input->bytes + at + gone, input->len - at - gone);
	memmove(input->bytes + at, with, len);
	input->len += len - gone;
}

static void mutate(struct input *input)
{
	static char copy[INPUT_MAX];
	size_t at = lot(input->len + 1), left = input->len - at, len = lot(left < 32 ? left + 1 : 32);
	const char *word = fuzz_words[lot(words_len)];
	char byte = (char)lot(256);

	switch (lot(8)) {
	case 0:
		if (left > 0)
			input->bytes[at] = (char)(input->bytes[at] ^ 1 << lot(8));
		break;
	case 1:
		splice(input, at, 0, &byte, 1);
		break;
	case 2:
		splice(input, at, len, "", 0);
		break;
	case 3:
		splice(input, at, 0, word, strlen(word));
		break;
	case 4:
		splice(input, at, len, word, strlen(word));
		break;
	case 5:
		memcpy(copy, input->bytes + at, len);
		for (size_t times = 1 + lot(40); times > 0; times--)
			splice(input, at, 0, copy, len);
		break;
	case 6:
		input->len = at;
		break;
	default:
		if (left > 0)
			input->bytes[at] = (char)(input->bytes[at] + 1);
	}
}

static void run(const char *bytes, size_t len)
{
	static struct input input;

	if (len > INPUT_MAX)
		return;
	inputs_len++;
	LLVMFuzzerTestOneInput((const uint8_t *)bytes, len);
	for (unsigned long i = 0; i < rounds; i++) {
		input.len = len;
		memcpy(input.bytes, bytes, len);
		for (size_t steps = 1 + lot(STEPS_MAX); steps > 0; steps--)
			mutate(&input);
		LLVMFuzzerTestOneInput((const uint8_t *)input.bytes, input.len);
	}
}

static void run_file(const char *path)
{
	static char bytes[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t len = file ? fread(bytes, 1, sizeof bytes, file) : 0;

	if (!file || ferror(file)) {
		perror(path);
		exit(1);
	}
	fclose(file);
	run(bytes, len);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *wanted = getenv("GRAPNEL_FUZZ_ROUNDS");
	char path[1024];

	if (wanted)
		rounds = strtoul(wanted, NULL, 10);
	while (fuzz_words[words_len])
		words_len++;
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return 0;
	fuzz_seeds(run);
	snprintf(path, sizeof path, "%s/tests/fuzz/%s", srcdir ? srcdir : ".", fuzz_corpus);
	struct dirent **names;
	int len = scandir(path, &names, NULL, alphasort);
	if (len < 0) {
		perror(path);
		return 1;
	}
	for (int i = 0; i < len; i++) {
		snprintf(path, sizeof path, "%s/tests/fuzz/%s/%s", srcdir ? srcdir : ".", fuzz_corpus, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			run_file(path);
		free(names[i]);
	}
	free(names);
	printf("%zu inputs, %lu mutations of each\n", inputs_len, rounds);
	return inputs_len > 10 ? 0 : 1;
}
