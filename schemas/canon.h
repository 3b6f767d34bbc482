/* SPDX-License-Identifier: Apache-2.0 */
/* The one JSON writer: RFC 8785 canonical form, integers only. It writes into caller's memory with
 * a sticky error and checks as it goes that keys come sorted and unique, so a wrong order is an
 * error in the first test that runs, not a signature nobody else can check. */
#ifndef TDZ_SCHEMAS_CANON_H
#define TDZ_SCHEMAS_CANON_H

#include "schemas/error.h"
#include "schemas/json.h"
#include "schemas/span.h"

struct canon_level {
    bool is_object;
    bool has_items;
    bool has_key;  /* a key is written, its value is not */
    size_t key_at; /* raw bytes of the last key in buf (without quotes) */
    size_t key_len;
};

struct canon {
    char *buf;
    size_t cap;
    size_t len;
    enum err err;
    size_t depth;
    struct canon_level level[JSON_DEPTH_MAX + 1];
};

void canon_init(struct canon *w, char *buf, size_t cap);
void canon_object(struct canon *w);
void canon_array(struct canon *w);
void canon_end(struct canon *w);
/* A member name: ASCII without quote, backslash or control. ERR_NOT_CANONICAL sticks when it does
 * not follow the previous key in byte order. */
void canon_key(struct canon *w, const char *key);
void canon_key_span(struct canon *w, struct span key);
/* UTF-8 text, escaped as RFC 8785 3.2.2.2; ERR_UTF8 sticks when it is ill-formed. */
void canon_string(struct canon *w, struct span text);
void canon_str(struct canon *w, const char *text);
/* ERR_RANGE sticks beyond +-(2^53-1). */
void canon_int(struct canon *w, int64_t value);
/* A decimal in quotes, for 64-bit values. */
void canon_u64_str(struct canon *w, uint64_t value);
void canon_bool(struct canon *w, bool value);
void canon_null(struct canon *w);
/* Lower-case hex in quotes. */
void canon_hex(struct canon *w, struct span bytes);
/* Bytes that are canonical JSON already (one whole value). */
void canon_raw(struct canon *w, struct span json);
/* A parsed value, members sorted by UTF-16 code units. */
void canon_node(struct canon *w, const struct json_doc *doc, const struct json_node *node);

/* Convenience for members. */
void canon_member_str(struct canon *w, const char *key, const char *text);
void canon_member_span(struct canon *w, const char *key, struct span text);
void canon_member_int(struct canon *w, const char *key, int64_t value);
void canon_member_bool(struct canon *w, const char *key, bool value);
void canon_member_hex(struct canon *w, const char *key, struct span bytes);

/* The text written, when everything is closed and no error stuck. */
MUST_USE enum err canon_finish(const struct canon *w, struct span *ret);

/* ERR_NOT_CANONICAL unless input is exactly the canonical form of doc (which was read from it). */
MUST_USE enum err canon_check(const struct json_doc *doc, char *scratch, size_t scratch_cap);

#endif
