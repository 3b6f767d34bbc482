/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/edge/field.h"

#include "schemas/text.h"

enum { FIELD_NUMBER_MAX = 1000000000 };

static bool
field_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct span
field_trim(struct span s)
{
    while (s.len > 0 && field_is_blank(s.ptr[0]))
        s = span_from(s, 1);
    while (s.len > 0 && field_is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Takes the bytes before the next cut out of *rest, trimmed; cuts in quotes do not count. */
static struct span
field_take(struct span *rest, uint8_t cut)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < rest->len; i++) {
        const uint8_t c = rest->ptr[i];
        if (quoted && c == '\\' && i + 1 < rest->len)
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == cut)
            break;
    }
    const struct span item = field_trim(span_of(rest->ptr, i));
    *rest = span_from(*rest, i < rest->len ? i + 1 : i);
    return item;
}

static uint8_t
field_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
field_is_word(struct span s, const char *word)
{
    const struct span w = span_str(word);
    if (s.len != w.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (field_lower(s.ptr[i]) != w.ptr[i])
            return false;
    }
    return true;
}

/* Splits key=value; *ret_value is empty without '='. */
static struct span
field_pair(struct span item, struct span *ret_value)
{
    struct span rest = item;
    const struct span key = field_take(&rest, '=');
    *ret_value = field_trim(rest);
    return key;
}

static struct span
field_unquote(struct span s)
{
    const bool quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return quoted ? span_of(s.ptr + 1, s.len - 2) : s;
}

/* -- Prefer
 * --------------------------------------------------------------------------------------*/

static void
field_preference(struct span item, struct field_prefer *p)
{
    struct span value;
    uint64_t seconds = 0;
    const struct span name = field_pair(field_take(&item, ';'), &value);
    if (field_is_word(name, "respond-async"))
        p->respond_async = true;
    /* RFC 7240 2: of a preference given twice the first counts. */
    if (!field_is_word(name, "wait") || p->has_wait ||
        text_parse_u64(field_unquote(value), FIELD_NUMBER_MAX, &seconds) != ERR_OK)
        return;
    p->has_wait = true;
    p->wait_s = seconds > FIELD_WAIT_MAX_S ? FIELD_WAIT_MAX_S : (uint32_t)seconds;
}

void
field_prefer(const struct http_request *head, struct field_prefer *ret)
{
    struct field_prefer p = {.wait_s = FIELD_WAIT_DEFAULT_S};
    for (size_t i = 0; i < head->header_count; i++) {
        struct span rest = head->headers[i].value;
        if (!span_eq_str(head->headers[i].name, "prefer"))
            continue;
        while (rest.len > 0)
            field_preference(field_take(&rest, ','), &p);
    }
    *ret = p;
}

/* -- digests
 * -------------------------------------------------------------------------------------*/

/* A byte sequence of RFC 8941 3.3.5: ":base64:". */
static enum err
field_bytes(struct span value, uint8_t *out, size_t want)
{
    uint8_t bytes[64];
    size_t len = 0;
    if (value.len < 2 || value.ptr[0] != ':' || value.ptr[value.len - 1] != ':')
        return ERR_SYNTAX;
    if (text_unbase64(span_of(value.ptr + 1, value.len - 2), false, bytes, sizeof(bytes), &len) !=
            ERR_OK ||
        len != want)
        return ERR_SYNTAX;
    memcpy(out, bytes, want);
    return ERR_OK;
}

static enum err
field_digest_one(struct span value, uint8_t *out, size_t len, bool *has)
{
    uint8_t fresh[64];
    TRY(field_bytes(value, fresh, len));
    if (*has && memcmp(fresh, out, len) != 0)
        return ERR_DUPLICATE;
    memcpy(out, fresh, len);
    *has = true;
    return ERR_OK;
}

/* A key of RFC 8941 3.1.2: an algorithm in capitals is none, and its digest would not be checked.
 */
static bool
field_is_key(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t b = s.ptr[i];
        const bool begins = (b >= 'a' && b <= 'z') || b == '*';
        const bool goes_on = (b >= '0' && b <= '9') || b == '_' || b == '-' || b == '.';
        if (!begins && !(i > 0 && goes_on))
            return false;
    }
    return s.len > 0;
}

enum err
field_digest(const struct http_request *head, const char *name, struct field_digest *ret)
{
    struct field_digest d = {0};
    for (size_t i = 0; i < head->header_count; i++) {
        struct span rest = head->headers[i].value;
        if (!span_eq_str(head->headers[i].name, name))
            continue;
        if (rest.len == 0)
            return ERR_SYNTAX;
        while (rest.len > 0) {
            struct span value;
            struct span item = field_take(&rest, ',');
            const struct span alg = field_pair(field_take(&item, ';'), &value);
            if (!field_is_key(alg))
                return ERR_SYNTAX;
            if (span_eq_str(alg, "sha-256"))
                TRY(field_digest_one(value, d.sha256, sizeof(d.sha256), &d.has_sha256));
            else if (span_eq_str(alg, "sha-512"))
                TRY(field_digest_one(value, d.sha512, sizeof(d.sha512), &d.has_sha512));
        }
    }
    *ret = d;
    return ERR_OK;
}

enum err
field_digests(const struct http_request *head, struct field_digest *ret)
{
    struct field_digest repr;
    struct field_digest content;
    TRY(field_digest(head, "repr-digest", &repr));
    TRY(field_digest(head, "content-digest", &content));
    /* The content of a PUT without Content-Encoding and Content-Range is the representation. */
    if (repr.has_sha256 && content.has_sha256 &&
        memcmp(repr.sha256, content.sha256, sizeof(repr.sha256)) != 0)
        return ERR_CONFLICT;
    if (repr.has_sha512 && content.has_sha512 &&
        memcmp(repr.sha512, content.sha512, sizeof(repr.sha512)) != 0)
        return ERR_CONFLICT;
    if (content.has_sha256)
        memcpy(repr.sha256, content.sha256, sizeof(repr.sha256));
    if (content.has_sha512)
        memcpy(repr.sha512, content.sha512, sizeof(repr.sha512));
    repr.has_sha256 = repr.has_sha256 || content.has_sha256;
    repr.has_sha512 = repr.has_sha512 || content.has_sha512;
    *ret = repr;
    return ERR_OK;
}

bool
field_wants_sha256(const struct http_request *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct span rest = head->headers[i].value;
        if (!span_eq_str(head->headers[i].name, "want-repr-digest"))
            continue;
        while (rest.len > 0) {
            struct span value;
            uint64_t weight = 0;
            struct span item = field_take(&rest, ',');
            const struct span alg = field_pair(field_take(&item, ';'), &value);
            if (span_eq_str(alg, "sha-256") &&
                text_parse_u64(value, FIELD_NUMBER_MAX, &weight) == ERR_OK && weight > 0)
                return true;
        }
    }
    return false;
}

/* -- ranges
 * --------------------------------------------------------------------------------------*/

/* "first-last", "first-" or "-count". */
static enum err
field_range_read(struct span spec, struct field_range *ret)
{
    struct field_range r = {.kind = FIELD_RANGE_NONE};
    struct span rest = spec;
    const struct span first = field_take(&rest, '-');
    if (first.len == spec.len)
        return ERR_SYNTAX;
    const struct span last = field_trim(rest);
    if (first.len == 0) {
        TRY(text_parse_u64(last, UINT64_MAX, &r.last));
        r.kind = FIELD_RANGE_LAST;
    } else {
        TRY(text_parse_u64(first, UINT64_MAX, &r.first));
        r.kind = FIELD_RANGE_FROM;
    }
    if (first.len > 0 && last.len > 0) {
        TRY(text_parse_u64(last, UINT64_MAX, &r.last));
        r.kind = FIELD_RANGE_BETWEEN;
        if (r.last < r.first)
            return ERR_SYNTAX;
    }
    *ret = r;
    return ERR_OK;
}

void
field_range(const struct http_request *head, struct field_range *ret)
{
    struct span value;
    struct field_range r = {.kind = FIELD_RANGE_NONE};
    *ret = r;
    if (http_header_get(head, "range", &value) != ERR_OK)
        return;
    const struct span unit = field_take(&value, '=');
    if (!field_is_word(unit, "bytes") || memchr(value.ptr, ',', value.len) != NULL)
        return;
    if (field_range_read(field_trim(value), &r) == ERR_OK)
        *ret = r;
}

enum err
field_range_of(const struct field_range *range, uint64_t total, uint64_t *ret_first,
               uint64_t *ret_last)
{
    uint64_t first = 0;
    uint64_t last = total == 0 ? 0 : total - 1;
    switch (range->kind) {
    case FIELD_RANGE_NONE:
        break;
    case FIELD_RANGE_FROM:
    case FIELD_RANGE_BETWEEN:
        first = range->first;
        if (range->kind == FIELD_RANGE_BETWEEN && range->last < last)
            last = range->last;
        if (first >= total)
            return ERR_RANGE;
        break;
    case FIELD_RANGE_LAST:
        if (range->last == 0 || total == 0)
            return ERR_RANGE;
        first = range->last >= total ? 0 : total - range->last;
        break;
    }
    *ret_first = first;
    *ret_last = last;
    return ERR_OK;
}

static bool
field_etag_is(struct span tag, struct span root_hex)
{
    return tag.len == root_hex.len + 2 && span_eq(field_unquote(tag), root_hex);
}

bool
field_has_etag(const struct http_request *head, const char *name, bool weak, struct span root_hex)
{
    const struct span mark = SPAN_LIT("W/");
    for (size_t i = 0; i < head->header_count; i++) {
        struct span rest = head->headers[i].value;
        if (!span_eq_str(head->headers[i].name, name))
            continue;
        if (span_eq_str(rest, "*"))
            return true;
        while (rest.len > 0) {
            struct span item = field_take(&rest, ',');
            if (weak && span_starts(item, mark))
                item = span_from(item, mark.len);
            if (field_etag_is(item, root_hex))
                return true;
        }
    }
    return false;
}

bool
field_is_etag(const struct http_request *head, const char *name, struct span root_hex)
{
    struct span value;
    return http_header_get(head, name, &value) == ERR_OK && field_etag_is(value, root_hex);
}

/* -- what names and describes
 * --------------------------------------------------------------------*/

enum err
field_key(const struct http_request *head, struct span *ret)
{
    struct span value;
    const enum err err = http_header_get(head, "idempotency-key", &value);
    if (err == ERR_NOT_FOUND) {
        *ret = span_of(NULL, 0);
        return ERR_OK;
    }
    TRY(err);
    value = field_unquote(value);
    if (value.len == 0 || value.len > FIELD_KEY_MAX)
        return ERR_SYNTAX;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return ERR_SYNTAX;
    }
    *ret = value;
    return ERR_OK;
}

enum err
field_facts(const struct http_request *head, size_t max, uint8_t *buf, size_t cap, struct span *ret)
{
    struct span value;
    size_t len = 0;
    const enum err err = http_header_get(head, "tdz-facts", &value);
    if (err == ERR_NOT_FOUND) {
        *ret = SPAN_LIT("{}");
        return ERR_OK;
    }
    TRY(err);
    if (value.len > (max < cap ? max : cap) / 3 * 4 + 4)
        return ERR_TOO_LARGE;
    const enum err read = text_unbase64(value, true, buf, cap, &len);
    if (read != ERR_OK)
        return read == ERR_FULL ? ERR_TOO_LARGE : ERR_SYNTAX;
    if (len > max)
        return ERR_TOO_LARGE;
    if (len == 0)
        return ERR_SYNTAX;
    if (!text_is_utf8(span_of(buf, len)))
        return ERR_UTF8;
    *ret = span_of(buf, len);
    return ERR_OK;
}

enum err
field_segment(struct span raw, uint8_t *buf, size_t cap, struct span *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t c = raw.ptr[i];
        if (c == '%') {
            if (raw.len - i < 3 || text_unhex(span_of(raw.ptr + i + 1, 2), true, &c, 1) != ERR_OK ||
                c == 0)
                return ERR_SYNTAX;
            i += 2;
        }
        if (len == cap)
            return ERR_FULL;
        buf[len++] = c;
    }
    *ret = span_of(buf, len);
    return ERR_OK;
}

bool
field_is_name(struct span name, size_t max)
{
    if (name.len == 0 || name.len > max || name.ptr[0] == '.')
        return false;
    for (size_t at = 0; at < name.len;) {
        uint32_t scalar = 0;
        if (text_utf8_next(name, &at, &scalar) != ERR_OK)
            return false;
        if (scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) || scalar == '/')
            return false;
    }
    return true;
}

enum err
field_transfer(struct span text, uint8_t ret[static 16])
{
    if (text.len != 32)
        return ERR_SYNTAX;
    return text_unhex(text, false, ret, 16);
}
