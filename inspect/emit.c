/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves: bytes as they came, and what the actions make of cells. Bytes that find no room wait
 * in the spill, and the reader takes no input until it is empty. */
#include <assert.h>

#include "inspect/inner.h"

bool
emit_is_wanted(const struct inspection *i)
{
    return !i->identity;
}

void
emit_bytes(struct inspection *i, struct span bytes)
{
    if (!emit_is_wanted(i) || bytes.len == 0)
        return;
    if (i->spill_len == 0) {
        const size_t room = i->out_cap - i->out_len;
        const size_t now = bytes.len < room ? bytes.len : room;
        if (now > 0)
            memcpy(i->out + i->out_len, bytes.ptr, now);
        i->out_len += now;
        bytes = span_from(bytes, now);
    }
    assert(bytes.len <= INNER_SPILL - i->spill_len);
    if (bytes.len > 0)
        memcpy(i->spill + i->spill_len, bytes.ptr, bytes.len);
    i->spill_len += bytes.len;
    i->spill_top = i->spill_len > i->spill_top ? i->spill_len : i->spill_top;
}

bool
emit_drain(struct inspection *i)
{
    const size_t room = i->out_cap - i->out_len;
    const size_t wait = i->spill_len - i->spill_at;
    const size_t now = wait < room ? wait : room;
    if (now > 0)
        memcpy(i->out + i->out_len, i->spill + i->spill_at, now);
    i->out_len += now;
    i->spill_at += now;
    if (i->spill_at < i->spill_len)
        return false;
    i->spill_at = 0;
    i->spill_len = 0;
    return true;
}

/* The token of a cell that is whole, i.e. fits the window; false when it cannot be made. */
static bool
emit_token(struct inspection *i, const struct inner_column *column, struct span cell, bool quoted)
{
    uint8_t plain[INNER_WINDOW];
    uint8_t token[TRANSFORM_TOKEN_BYTES];
    const enum ident ident = (enum ident)i->config.fields->fields[column->field].ident;
    struct span value = span_of(plain, transform_unquote(cell, quoted, plain));
    i->normal_top = INNER_WINDOW;
    if (ident != IDENT_NONE && normal_needed(value))
        value = span_of(i->normal, normal_text(value, i->normal, i->normal_map));
    i->failed = transform_token(i->token_key, ident, value, token);
    if (i->failed != ERR_OK)
        return false;
    emit_bytes(i, span_of(token, sizeof(token)));
    return true;
}

void
emit_cell(struct inspection *i, struct inner_column *column, struct span cell, bool whole,
          bool quoted)
{
    const struct span quote = quoted ? SPAN_LIT("\"") : SPAN_LIT("");
    if (column->action == TRANSFORM_DROP)
        return;
    emit_bytes(i, quote);
    if (!whole) {
        column->undone++; /* too long to be replaced: nothing of it leaves, and it is said */
    } else if (csvread_trim(cell).len == 0) {
        emit_bytes(i, cell);
    } else if (column->action == TRANSFORM_TOKENISE) {
        (void)emit_token(i, column, cell, quoted);
    } else if (column->action == TRANSFORM_MASK) {
        /* The normal buffer is free between two scans. */
        const size_t len = transform_mask(cell, quoted, i->normal);
        i->normal_top = cell.len > i->normal_top ? cell.len : i->normal_top;
        emit_bytes(i, span_of(i->normal, len));
    }
    emit_bytes(i, quote);
}
