/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of bytes and times: UTF-8 checks, lower-case hex, base64, RFC 3339. */
#ifndef TDZ_SCHEMAS_TEXT_H
#define TDZ_SCHEMAS_TEXT_H

#include "schemas/error.h"
#include "schemas/span.h"

/* True if s is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool text_is_utf8(struct span s);

/* Decodes one scalar value at s[*at] and advances *at. ERR_UTF8 on an ill-formed sequence. */
MUST_USE enum err text_utf8_next(struct span s, size_t *at, uint32_t *ret_scalar);

/* Writes 2*in.len lower-case digits and a NUL; cap must hold both (ERR_FULL). */
MUST_USE enum err text_hex(struct span in, char *out, size_t cap);

/* Decodes exactly out_len bytes; upper or lower case accepted only when any_case. ERR_SYNTAX. */
MUST_USE enum err text_unhex(struct span in, bool any_case, uint8_t *out, size_t out_len);

/* RFC 4648 base64 with padding (std) or base64url without padding (url), NUL terminated. */
MUST_USE enum err text_base64(struct span in, bool url, char *out, size_t cap, size_t *ret_len);

/* Strict decoding: canonical padding (none for url), no white space, zero spare bits. ERR_SYNTAX,
 * ERR_FULL. */
MUST_USE enum err text_unbase64(struct span in, bool url, uint8_t *out, size_t cap,
                                size_t *ret_len);

/* "2026-11-22T02:19:00.123Z" (25 bytes with NUL) from milliseconds since 1970, years 1970-9999. */
MUST_USE enum err text_time_ms(int64_t unix_ms, char out[static 25]);

/* "2026-11-22T02:19:00Z" (21 bytes with NUL) from seconds since 1970. */
MUST_USE enum err text_time_s(int64_t unix_s, char out[static 21]);

/* RFC 3339 with offset or Z, optional fraction (up to 9 digits, cut to milliseconds); also a bare
 * date "2026-11-22" = midnight UTC when date_ok. Leap second 60 is refused. ERR_SYNTAX. */
MUST_USE enum err text_parse_time(struct span in, bool date_ok, int64_t *ret_unix_ms);

/* Decimal without sign, leading zeros or more than max. ERR_SYNTAX, ERR_RANGE. */
MUST_USE enum err text_parse_u64(struct span in, uint64_t max, uint64_t *ret);

#endif
