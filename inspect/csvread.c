/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/csvread.h"

#include <assert.h>

void
csvread_init(struct csvread *r, uint8_t delimiter, bool has_quotes)
{
    *r = (struct csvread){.delimiter = delimiter, .has_quotes = has_quotes};
}

bool
csvread_at_start(const struct csvread *r)
{
    return r->state == CSVREAD_START;
}

/* The first delimiter, CR or LF of in at or after from, else in.len. */
static size_t
csvread_find_end(struct span in, size_t from, uint8_t delimiter)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    const uint64_t delimiters = ones * delimiter;
    size_t i = from;
    /* Eight bytes at once: (x - ones) & ~x & high marks a zero byte of x (and nothing when there is
     * none), x being the bytes with the one sought folded to zero. */
    for (; in.len - i >= 8; i += 8) {
        uint64_t word = 0;
        memcpy(&word, in.ptr + i, 8);
        const uint64_t a = word ^ delimiters;
        const uint64_t b = word ^ (ones * '\n');
        const uint64_t c = word ^ (ones * '\r');
        const uint64_t hit = (((a - ones) & ~a) | ((b - ones) & ~b) | ((c - ones) & ~c)) & high;
        if (hit != 0)
            return i + (size_t)__builtin_ctzll(hit) / 8;
    }
    while (i < in.len && in.ptr[i] != delimiter && in.ptr[i] != '\n' && in.ptr[i] != '\r')
        i++;
    return i;
}

static bool
csvread_field(struct csvread *r, struct span piece, bool ends_record, struct csvread_event *ret)
{
    *ret = (struct csvread_event){
        .kind = CSVREAD_FIELD, .piece = piece, .quoted = r->quoted, .ends_record = ends_record};
    r->state = CSVREAD_START;
    r->quoted = false;
    r->in_record = !ends_record;
    return true;
}

static bool
csvread_piece(const struct csvread *r, struct span piece, struct csvread_event *ret)
{
    if (piece.len == 0)
        return false;
    *ret = (struct csvread_event){.kind = CSVREAD_PIECE, .piece = piece, .quoted = r->quoted};
    return true;
}

/* Ends the field whose content is piece at the terminator in[*at]. */
static bool
csvread_end(struct csvread *r, struct span in, size_t *at, struct span piece,
            struct csvread_event *ret)
{
    const uint8_t c = in.ptr[*at];
    *at += 1;
    r->after_cr = c == '\r';
    return csvread_field(r, piece, c != r->delimiter, ret);
}

static bool
csvread_plain(struct csvread *r, struct span in, size_t *at, size_t from, struct csvread_event *ret)
{
    const size_t end = csvread_find_end(in, *at, r->delimiter);
    *at = end;
    const struct span piece = span_of(in.ptr + from, end - from);
    return end == in.len ? csvread_piece(r, piece, ret) : csvread_end(r, in, at, piece, ret);
}

static bool
csvread_is_end(const struct csvread *r, uint8_t c)
{
    return c == r->delimiter || c == '\n' || c == '\r';
}

static bool
csvread_quoted(struct csvread *r, struct span in, size_t *at, struct csvread_event *ret)
{
    const size_t from = *at;
    while (*at < in.len) {
        const uint8_t *quote = memchr(in.ptr + *at, '"', in.len - *at);
        if (quote == NULL) {
            *at = in.len;
            break;
        }
        const size_t mark = (size_t)(quote - in.ptr);
        const struct span piece = span_of(in.ptr + from, mark - from);
        *at = mark + 1;
        if (*at == in.len) {
            r->state = CSVREAD_QUOTE;
            return csvread_piece(r, piece, ret);
        }
        const uint8_t c = in.ptr[*at];
        if (c == '"') {
            *at += 1;
            continue;
        }
        if (csvread_is_end(r, c))
            return csvread_end(r, in, at, piece, ret);
        r->irregular = true;
        r->state = CSVREAD_PLAIN;
        return csvread_plain(r, in, at, from, ret);
    }
    return csvread_piece(r, span_of(in.ptr + from, in.len - from), ret);
}

/* The input before ended with a quote inside a quoted field: closing, or the first of two? */
static bool
csvread_quote(struct csvread *r, struct span in, size_t *at, struct csvread_event *ret)
{
    static const struct span one = {(const uint8_t *)"\"", 1};
    static const struct span two = {(const uint8_t *)"\"\"", 2};
    const uint8_t c = in.ptr[*at];
    if (csvread_is_end(r, c))
        return csvread_end(r, in, at, span_of(in.ptr + *at, 0), ret);
    if (c == '"') {
        *at += 1;
        r->state = CSVREAD_QUOTED;
        return csvread_piece(r, two, ret);
    }
    r->irregular = true;
    r->state = CSVREAD_PLAIN;
    return csvread_piece(r, one, ret);
}

bool
csvread_next(struct csvread *r, struct span in, size_t *at, struct csvread_event *ret)
{
    assert(*at <= in.len);
    if (*at < in.len && r->after_cr) {
        *at += in.ptr[*at] == '\n' ? 1 : 0;
        r->after_cr = false;
    }
    if (*at == in.len)
        return false;
    if (r->state == CSVREAD_START) {
        r->in_record = true;
        r->state = CSVREAD_PLAIN;
        if (in.ptr[*at] == '"' && r->has_quotes) {
            r->state = CSVREAD_QUOTED;
            r->quoted = true;
            *at += 1;
        }
    }
    if (r->state == CSVREAD_PLAIN)
        return csvread_plain(r, in, at, *at, ret);
    if (*at == in.len)
        return false;
    if (r->state == CSVREAD_QUOTED)
        return csvread_quoted(r, in, at, ret);
    return csvread_quote(r, in, at, ret);
}

bool
csvread_finish(struct csvread *r, struct csvread_event *ret)
{
    if (!r->in_record)
        return false;
    r->unterminated = r->unterminated || r->state == CSVREAD_QUOTED;
    (void)csvread_field(r, span_of("", 0), true, ret);
    ret->ends_input = true;
    return true;
}

struct span
csvread_trim(struct span cell)
{
    while (cell.len > 0 && (cell.ptr[0] == ' ' || cell.ptr[0] == '\t'))
        cell = span_from(cell, 1);
    while (cell.len > 0 && (cell.ptr[cell.len - 1] == ' ' || cell.ptr[cell.len - 1] == '\t'))
        cell.len--;
    return cell;
}
