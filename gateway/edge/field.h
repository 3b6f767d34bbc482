/* SPDX-License-Identifier: Apache-2.0 */
/* The fields and path segments of partners' requests, read from hostile bytes. Pure: no allocation,
 * no state. Unless said otherwise a field that is there but cannot be read is ERR_SYNTAX, and an
 * absent one leaves the result's "none". */
#ifndef TDZ_GATEWAY_EDGE_FIELD_H
#define TDZ_GATEWAY_EDGE_FIELD_H

#include "gateway/net/http.h"

enum { FIELD_WAIT_DEFAULT_S = 10, FIELD_WAIT_MAX_S = 60, FIELD_KEY_MAX = 255 };

/* Prefer: respond-async, wait=N. A preference that cannot be read is no preference. wait_s is at
 * most FIELD_WAIT_MAX_S. Spec: RFC 7240. */
struct field_prefer {
    bool respond_async;
    bool has_wait;
    uint32_t wait_s;
};
void field_prefer(const struct http_request *head, struct field_prefer *ret);

/* Repr-Digest, Content-Digest: the algorithms we check; others are passed over. ERR_DUPLICATE: one
 * algorithm twice with different values. Spec: RFC 9530. */
struct field_digest {
    bool has_sha256;
    bool has_sha512;
    uint8_t sha256[32];
    uint8_t sha512[64];
};
MUST_USE enum err field_digest(const struct http_request *head, const char *name,
                               struct field_digest *ret);
/* Both of a request together; ERR_CONFLICT: they name different bytes. */
MUST_USE enum err field_digests(const struct http_request *head, struct field_digest *ret);
/* Want-Repr-Digest asks for sha-256 with a weight above 0. */
bool field_wants_sha256(const struct http_request *head);

/* One range of bytes. Other units, several ranges and what cannot be read are FIELD_RANGE_NONE:
 * RFC 9110 14.2 lets a server ignore Range. */
enum field_range_kind { FIELD_RANGE_NONE, FIELD_RANGE_FROM, FIELD_RANGE_BETWEEN, FIELD_RANGE_LAST };
struct field_range {
    enum field_range_kind kind;
    uint64_t first; /* FROM, BETWEEN */
    uint64_t last;  /* BETWEEN; LAST: how many bytes from the end */
};
void field_range(const struct http_request *head, struct field_range *ret);
/* The bytes it means of total. ERR_RANGE: none (416). */
MUST_USE enum err field_range_of(const struct field_range *range, uint64_t total,
                                 uint64_t *ret_first, uint64_t *ret_last);

/* True when a list of entity tags (If-Match, If-None-Match) is "*" or names that of root (hex).
 * weak: W/ does not matter (RFC 9110 8.8.3.2). */
bool field_has_etag(const struct http_request *head, const char *name, bool weak,
                    struct span root_hex);
/* True when the field (If-Range) is the one strong entity tag of root (hex). */
bool field_is_etag(const struct http_request *head, const char *name, struct span root_hex);

/* Idempotency-Key: 1-255 printable ASCII bytes, with or without the quotes of a structured field.
 * *ret is empty when there is none. ERR_DUPLICATE. */
MUST_USE enum err field_key(const struct http_request *head, struct span *ret);

/* Tdz-Facts: base64url of UTF-8 text of at most max bytes into buf[cap]; "{}" when there is none.
 * ERR_TOO_LARGE; ERR_DUPLICATE; ERR_UTF8. Judge reads the JSON. */
MUST_USE enum err field_facts(const struct http_request *head, size_t max, uint8_t *buf, size_t cap,
                              struct span *ret);

/* A path segment without its %XX. ERR_SYNTAX: a broken escape, or an escaped NUL; ERR_FULL. */
MUST_USE enum err field_segment(struct span raw, uint8_t *buf, size_t cap, struct span *ret);
/* Spec: http-api.md Names: 1-max bytes of UTF-8, no control character, no '/', no leading dot. */
bool field_is_name(struct span name, size_t max);
/* A transfer's id, 32 lower-case hex digits. ERR_SYNTAX. */
MUST_USE enum err field_transfer(struct span text, uint8_t ret[static 16]);

#endif
