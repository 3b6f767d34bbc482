/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: field_prefer field_digest field_digests field_wants_sha256 field_range field_range_of
 * field_has_etag field_key field_facts field_segment field_is_name field_transfer */
/* The input's lines are "name: value" fields of one request; every reader looks at them, and every
 * value is read as a path segment too. What is read lies in its limits. */
#include "fuzz/fuzz.h"
#include "gateway/edge/field.h"
#include "schemas/text.h"

enum { FACTS_MAX = 600 };

static void
ranges(const struct http_request *head)
{
    static const uint64_t totals[] = {0, 1, 2, 4096, UINT64_MAX};
    struct field_range range;
    field_range(head, &range);
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        uint64_t first = 0;
        uint64_t last = 0;
        if (field_range_of(&range, totals[i], &first, &last) == ERR_OK)
            FUZZ_MUST(totals[i] == 0 || (first <= last && last < totals[i]));
    }
}

static void
values(const struct http_request *head)
{
    uint8_t facts[FACTS_MAX];
    struct field_prefer prefer;
    struct field_digest digest;
    struct span text;
    field_prefer(head, &prefer);
    FUZZ_MUST(prefer.wait_s <= FIELD_WAIT_MAX_S);
    if (field_digests(head, &digest) == ERR_OK)
        (void)field_wants_sha256(head);
    if (field_key(head, &text) == ERR_OK)
        FUZZ_MUST(text.len <= FIELD_KEY_MAX);
    const enum err err = field_facts(head, FACTS_MAX / 2, facts, sizeof(facts), &text);
    if (err == ERR_OK)
        FUZZ_MUST(text.len <= FACTS_MAX / 2 && text_is_utf8(text));
    (void)field_is_etag(head, "if-range", SPAN_LIT("00ff"));
    (void)field_has_etag(head, "if-match", false, SPAN_LIT("00ff"));
    (void)field_has_etag(head, "if-none-match", true, SPAN_LIT("00ff"));
    ranges(head);
}

/* A target is printable ASCII before anybody looks at its segments. */
static bool
can_be_target(struct span raw)
{
    for (size_t i = 0; i < raw.len; i++)
        if (raw.ptr[i] <= ' ' || raw.ptr[i] > '~')
            return false;
    return true;
}

static void
segment(struct span raw)
{
    uint8_t buf[256];
    uint8_t id[16];
    char hex[33];
    struct span out;
    if (field_segment(raw, buf, sizeof(buf), &out) == ERR_OK) {
        FUZZ_MUST(out.len <= raw.len && memchr(out.ptr, 0, out.len) == NULL);
        if (field_is_name(out, 200))
            FUZZ_MUST(out.len > 0 && out.len <= 200 && out.ptr[0] != '.' && text_is_utf8(out) &&
                      memchr(out.ptr, '/', out.len) == NULL);
    }
    if (field_transfer(raw, id) == ERR_OK)
        FUZZ_MUST(text_hex(span_of(id, 16), hex, sizeof(hex)) == ERR_OK && span_eq_str(raw, hex));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct http_request head;
    struct span rest = span_of(data, len);
    head = (struct http_request){.method = HTTP_PUT};
    while (rest.len > 0 && head.header_count < HTTP_HEADERS_MAX) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        const struct span line =
            span_of(rest.ptr, end == NULL ? rest.len : (size_t)(end - rest.ptr));
        const uint8_t *colon = line.len == 0 ? NULL : memchr(line.ptr, ':', line.len);
        rest = span_from(rest, end == NULL ? line.len : line.len + 1);
        if (colon == NULL)
            continue;
        const struct span name = span_of(line.ptr, (size_t)(colon - line.ptr));
        struct span value = span_from(line, name.len + 1);
        while (value.len > 0 && value.ptr[0] == ' ')
            value = span_from(value, 1);
        if (can_be_target(value))
            segment(value);
        /* The readers see only what the HTTP parsers let through. */
        if (http_is_name(name) && http_is_value(value))
            head.headers[head.header_count++] = (struct http_header){name, value};
    }
    values(&head);
    return 0;
}
