/* UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Thread-safe, keeps nothing. */
#ifndef GRAPNEL_BASE_UTF8_H
#define GRAPNEL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length, 1 to 4, of the valid sequence that begins at `at`; 0 when none does (at the end, too). */
size_t utf8_sequence(const char *at, const char *end);
/* Writes one code point (not a surrogate, at most 0x10ffff); returns its length. */
size_t utf8_encode(uint32_t point, char out[4]);
/* `len`, or less when the last sequence of these bytes was cut short: so much of it can be shown. */
size_t utf8_trim(const char *text, size_t len);

#endif
