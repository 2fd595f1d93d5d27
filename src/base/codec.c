/* Text encodings; random bytes and digests from libcrypto. */
#include "base/codec.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "base/log.h"

static const char codec_base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char codec_base32_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void codec_hex(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

size_t codec_base64(const uint8_t *bytes, size_t len, char *out)
{
	char *at = out;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t word = (uint32_t)bytes[i] << 16;
		if (left > 1)
			word |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			word |= bytes[i + 2];
		*at++ = codec_base64_digits[word >> 18];
		*at++ = codec_base64_digits[word >> 12 & 63];
		*at++ = left > 1 ? codec_base64_digits[word >> 6 & 63] : '=';
		*at++ = left > 2 ? codec_base64_digits[word & 63] : '=';
	}
	*at = '\0';
	return (size_t)(at - out);
}

static int codec_base64_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	return digit == '/' ? 63 : -1;
}

int codec_base64_decode(struct slice text, uint8_t *out, size_t out_size)
{
	if (text.len % 4 != 0 || text.len / 4 > INT_MAX / 3)
		return -1;
	size_t padding = 0;
	while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
		padding++;
	size_t len = text.len / 4 * 3 - padding;
	if (len > out_size)
		return -1;
	uint32_t word = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < text.len - padding; i++) {
		int value = codec_base64_value(text.at[i]);
		if (value < 0)
			return -1;
		word = word << 6 | (uint32_t)value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*out++ = (uint8_t)(word >> bits);
			word &= (1u << bits) - 1;
		}
	}
	/* What is left of the last digit must be zero bits: every value has one spelling. */
	return word == 0 ? (int)len : -1;
}

void codec_base32(const uint8_t *bytes, size_t len, char *out)
{
	uint32_t word = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < len; i++) {
		word = (word << 8 | bytes[i]) & 0xfff;
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			*out++ = codec_base32_digits[word >> bits & 31];
		}
	}
	if (bits)
		*out++ = codec_base32_digits[word << (5 - bits) & 31];
	*out = '\0';
}

void codec_random(uint8_t *out, size_t len)
{
	if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
		log_fatal("base", "libcrypto gave no random bytes");
}

/* Fetched once: a fetch for each digest would cost more than a short digest does. */
static EVP_MD *codec_sha256_method;

static void codec_fetch(void)
{
	codec_sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void codec_sha256(const void *bytes, size_t len, uint8_t out[32])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, codec_fetch);
	if (!codec_sha256_method || EVP_Digest(bytes, len, out, NULL, codec_sha256_method, NULL) != 1)
		log_fatal("base", "libcrypto cannot compute SHA-256");
}
