/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/normal.h"

#include <assert.h>

#include "inspect/bytemask.h"

/* What the three bytes (or two) at p stand for: *ret_width bytes replaced by *ret_byte, 0 for
 * nothing. False if they stay. */
static bool
normal_fold(struct span p, size_t *ret_width, uint8_t *ret_byte)
{
    const uint8_t a = p.ptr[0];
    const uint8_t b = p.len > 1 ? p.ptr[1] : 0;
    const uint8_t c = p.len > 2 ? p.ptr[2] : 0;
    *ret_width = 3;
    if (a == 0xc2 && b == 0xa0) { /* U+00A0 */
        *ret_width = 2;
        *ret_byte = ' ';
        return true;
    }
    if (a == 0xef && b == 0xbc && c >= 0x81 && c <= 0xbf) { /* U+FF01 to U+FF1F and on to U+FF3F */
        *ret_byte = (uint8_t)(c - 0x81 + 0x21);
        return true;
    }
    if (a == 0xef && b == 0xbd && c >= 0x80 && c <= 0x9e) { /* U+FF40 to U+FF5E */
        *ret_byte = (uint8_t)(c - 0x80 + 0x60);
        return true;
    }
    if (a == 0xe3 && b == 0x80 && c == 0x80) { /* U+3000 */
        *ret_byte = ' ';
        return true;
    }
    const bool hyphen = a == 0xe2 && b == 0x80 && c >= 0x90 && c <= 0x95; /* U+2010 to U+2015 */
    const bool minus = a == 0xe2 && b == 0x88 && c == 0x92;               /* U+2212 */
    if (hyphen || minus) {
        *ret_byte = '-';
        return true;
    }
    const bool space = a == 0xe2 && b == 0x80 && (c == 0xaf || (c >= 0x80 && c <= 0x8a));
    if (space) {
        *ret_byte = ' ';
        return true;
    }
    const bool zero = (a == 0xe2 && b == 0x80 && c >= 0x8b && c <= 0x8f) || /* U+200B to U+200F */
                      (a == 0xe2 && b == 0x81 && c == 0xa0) ||              /* U+2060 */
                      (a == 0xef && b == 0xbb && c == 0xbf);                /* U+FEFF */
    if (zero) {
        *ret_byte = 0;
        return true;
    }
    return false;
}

bool
normal_needed(struct span text)
{
    size_t width = 0;
    uint8_t byte = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 0x80 && normal_fold(span_from(text, i), &width, &byte))
            return true;
    return false;
}

size_t
normal_text(struct span text, uint8_t *out, uint16_t *map)
{
    assert(text.len <= NORMAL_MAX);
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        size_t width = 1;
        uint8_t byte = text.ptr[i];
        const bool folds = byte >= 0x80 && normal_fold(span_from(text, i), &width, &byte);
        if (!folds)
            width = 1;
        if (!folds || byte != 0) {
            map[len] = (uint16_t)i;
            out[len++] = byte;
        }
        i += width;
    }
    map[len] = (uint16_t)text.len;
    return len;
}

/* state: 0 at a boundary; otherwise continuation bytes still due in the low byte, and the least and
 * greatest value of the next one above it. */
static uint32_t
normal_state(uint32_t due, uint32_t low, uint32_t high)
{
    return due | low << 8 | high << 16;
}

static void
normal_utf8_lead(struct normal_utf8 *u, uint8_t c)
{
    u->state = 0;
    if (c < 0x20)
        u->control += c != '\t' && c != '\n' && c != '\r' && c != '\f' ? 1 : 0;
    else if (c < 0x80)
        u->control += c == 0x7f ? 1 : 0;
    else if (c >= 0xc2 && c <= 0xdf)
        u->state = normal_state(1, 0x80, 0xbf);
    else if (c >= 0xe0 && c <= 0xef)
        u->state = normal_state(2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf);
    else if (c >= 0xf0 && c <= 0xf4)
        u->state = normal_state(3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf);
    else
        u->invalid++;
}

void
normal_utf8_feed(struct normal_utf8 *u, struct span bytes)
{
    const enum bytemask_way way = bytemask_best();
    size_t retry = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        if (u->state == 0 && bytes.ptr[i] < 0x80 && bytes.len - i >= BYTEMASK_BYTES && i >= retry) {
            const size_t clean = bytemask_clean(way, span_from(bytes, i));
            /* Where every block holds something else, looking ahead only costs. */
            retry = clean == 0 ? i + BYTEMASK_BYTES : i;
            i += clean;
        }
        if (i == bytes.len)
            return;
        const uint8_t c = bytes.ptr[i];
        const uint32_t due = u->state & 0xffU;
        if (due == 0) {
            normal_utf8_lead(u, c);
        } else if (c >= (u->state >> 8 & 0xffU) && c <= (u->state >> 16 & 0xffU)) {
            u->state = due == 1 ? 0 : normal_state(due - 1, 0x80, 0xbf);
        } else {
            u->invalid++;
            normal_utf8_lead(u, c);
        }
    }
}

void
normal_utf8_finish(struct normal_utf8 *u)
{
    if (u->state != 0)
        u->invalid++;
    u->state = 0;
}
