/* Text encodings of bytes (with the vectors of RFC 4648 and FIPS 180-4), random bytes, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/codec.h"
#include "base/utf8.h"

static const struct {
	const char *plain;
	const char *base64;
} vectors[] = {
    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
};

static void base64_is_written_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		char text[CODEC_BASE64_SIZE(6)];
		uint8_t bytes[6];
		size_t len = strlen(vectors[i].plain);
		assert_int_equal(codec_base64((const uint8_t *)vectors[i].plain, len, text), strlen(vectors[i].base64));
		assert_string_equal(text, vectors[i].base64);
		assert_int_equal(codec_base64_decode(slice_of(text), bytes, sizeof bytes), len);
		assert_memory_equal(bytes, vectors[i].plain, len);
	}
}

static void base64_knows_all_bytes(void **state)
{
	(void)state;
	uint8_t bytes[256], back[256];
	char text[CODEC_BASE64_SIZE(sizeof bytes)];
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	codec_base64(bytes, sizeof bytes, text);
	assert_non_null(strchr(text, '+'));
	assert_non_null(strchr(text, '/'));
	assert_int_equal(codec_base64_decode(slice_of(text), back, sizeof back), sizeof bytes);
	assert_memory_equal(bytes, back, sizeof bytes);
	assert_int_equal(codec_base64_decode(slice_of(text), back, sizeof back - 1), -1);
}

static void base64_with_any_other_spelling_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "Z", "Zg", "Zg=", "Zg===", "====", "=Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm-v", "Zm_v", "Zm 9", "Zm9v\n", "Zg=g"};
	uint8_t bytes[16];
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (codec_base64_decode(slice_of(texts[i]), bytes, sizeof bytes) >= 0)
			fail_msg("\"%s\" was taken for base64", texts[i]);
}

static void hex_and_base32_are_written(void **state)
{
	(void)state;
	char text[64];
	codec_hex((const uint8_t *)"\x00\x1f\xa0\xff", 4, text);
	assert_string_equal(text, "001fa0ff");
	codec_hex(NULL, 0, text);
	assert_string_equal(text, "");
	codec_base32((const uint8_t *)"", 0, text);
	assert_string_equal(text, "");
	codec_base32((const uint8_t *)"\xff", 1, text);
	assert_string_equal(text, "zw");
	/* RFC 4648's MZXW6YTBOI, in Crockford's digits */
	codec_base32((const uint8_t *)"foobar", 6, text);
	assert_string_equal(text, "csqpyrk1e8");
	codec_base32((const uint8_t *)"\0\0\0\0\1", 5, text);
	assert_string_equal(text, "00000001");
}

static void sha256_gives_the_standard_digests(void **state)
{
	(void)state;
	uint8_t digest[32];
	char text[65];
	codec_sha256("abc", 3, digest);
	codec_hex(digest, sizeof digest, text);
	assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	codec_sha256("", 0, digest);
	codec_hex(digest, sizeof digest, text);
	assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void random_bytes_differ_each_time(void **state)
{
	(void)state;
	uint8_t a[32] = {0}, b[32] = {0};
	codec_random(a, sizeof a);
	codec_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
}

static void utf8_is_told_from_other_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} sequences[] = {
	    {"a", 1},
	    {"\xc3\xa9", 2},
	    {"\xe2\x82\xac", 3},
	    {"\xf0\x9f\x98\x80", 4},
	    {"\xef\xbf\xbf", 3},
	    {"\xf4\x8f\xbf\xbf", 4},
	    {"\xed\x9f\xbf", 3},
	    {"", 0},
	    {"\x80", 0},
	    {"\xc0\x80", 0},
	    {"\xc1\xbf", 0},
	    {"\xc3", 0},
	    {"\xc3(", 0},
	    {"\xe0\x9f\xbf", 0},
	    {"\xed\xa0\x80", 0},
	    {"\xe2\x82", 0},
	    {"\xf0\x8f\xbf\xbf", 0},
	    {"\xf4\x90\x80\x80", 0},
	    {"\xf5\x80\x80\x80", 0},
	    {"\xff", 0},
	    {"\xf0\x9f\x98(", 0},
	};
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
		assert_int_equal(utf8_sequence(sequences[i].text, sequences[i].text + strlen(sequences[i].text)), sequences[i].len);
}

static void utf8_is_written_and_cut_between_characters(void **state)
{
	(void)state;
	char out[4];
	assert_int_equal(utf8_encode(0x7f, out), 1);
	assert_int_equal(utf8_encode(0xe9, out), 2);
	assert_memory_equal(out, "\xc3\xa9", 2);
	assert_int_equal(utf8_encode(0x20ac, out), 3);
	assert_memory_equal(out, "\xe2\x82\xac", 3);
	assert_int_equal(utf8_encode(0x1f600, out), 4);
	assert_memory_equal(out, "\xf0\x9f\x98\x80", 4);
	static const size_t ends[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9};
	for (size_t len = 0; len < sizeof ends / sizeof *ends; len++)
		assert_int_equal(utf8_trim("a\xe2\x82\xac\xf0\x9f\x98\x80z", len), ends[len]);
	assert_int_equal(utf8_trim("\x80\x80\x80\x80\x80", 5), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_is_written_and_read),
	    cmocka_unit_test(base64_knows_all_bytes),
	    cmocka_unit_test(base64_with_any_other_spelling_is_refused),
	    cmocka_unit_test(hex_and_base32_are_written),
	    cmocka_unit_test(sha256_gives_the_standard_digests),
	    cmocka_unit_test(random_bytes_differ_each_time),
	    cmocka_unit_test(utf8_is_told_from_other_bytes),
	    cmocka_unit_test(utf8_is_written_and_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
