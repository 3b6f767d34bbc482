/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a table that leaves as it came, many fields at a time: the ends of fields and the
 * places where an identifier may begin come from bytemask.h, and a field without such a place is
 * only counted. It does what table_run does field by field, which keeps what it cannot: fields cut
 * by the end of the input, quotes within quotes, the header. */
#include "inspect/bytemask.h"
#include "inspect/inner.h"

/* The first place from at on that is set in masks, in.len without one. */
static inline size_t
tablefast_find(const struct tablefast *t, const uint64_t *masks, size_t at)
{
    size_t block = at / BYTEMASK_BYTES;
    const size_t blocks = t->in.len / BYTEMASK_BYTES;
    if (block >= blocks)
        return t->in.len;
    uint64_t bits = masks[block] >> at % BYTEMASK_BYTES;
    if (bits != 0)
        return at + (size_t)__builtin_ctzll(bits);
    while (++block < blocks)
        if (masks[block] != 0)
            return block * BYTEMASK_BYTES + (size_t)__builtin_ctzll(masks[block]);
    return t->in.len;
}

static void
tablefast_look(struct tablefast *t, const uint8_t *in, size_t blocks, uint8_t delimiter)
{
    struct bytemask m[INNER_LOOK + 1];
    bytemask_make(bytemask_best(), in, blocks, delimiter, m);
    m[blocks] = (struct bytemask){0};
    for (size_t b = 0; b < blocks; b++)
        t->end[b] = m[b].end;
    bytemask_hot_all(m, blocks, false, t->hot);
    t->in = span_of(in, blocks * BYTEMASK_BYTES);
    t->at = 0;
    t->is_cut = false;
    t->hot_at = tablefast_find(t, t->hot, 0);
}

/* The end of the quoted field at t->at: its closing quote, when a terminator follows at once. */
static bool
tablefast_quoted(struct tablefast *t, uint8_t delimiter, size_t *ret_quote)
{
    const size_t from = t->at + 1;
    const uint8_t *quote =
        from < t->in.len ? memchr(t->in.ptr + from, '"', t->in.len - from) : NULL;
    t->is_cut = quote == NULL || quote + 1 == t->in.ptr + t->in.len;
    if (t->is_cut)
        return false;
    *ret_quote = (size_t)(quote - t->in.ptr);
    const uint8_t c = quote[1];
    return c == delimiter || c == '\n' || c == '\r';
}

/* Counts a field in which nothing can be found. */
static inline void
tablefast_count(struct inspection *i, struct span cell, bool quoted)
{
    struct inner_column *c = &i->columns[i->column_number];
    if (cell.len == 0)
        return;
    const bool blank = cell.ptr[0] == ' ' || cell.ptr[0] == '\t';
    if (blank || c->field != FIELDSET_MAX) {
        i->column = i->column_number;
        i->cell_pass = 0;
        cell_count(i, cell, true, quoted);
        return;
    }
    i->row_filled = true;
    c->stat.cells++;
}

/* Reads the field at t->at. False, and nothing has changed, when table_run must. */
static inline bool
tablefast_field(struct inspection *i, struct tablefast *t)
{
    size_t from = t->at;
    const bool quoted = t->in.ptr[from] == '"' && i->csv.has_quotes;
    size_t to = 0;
    size_t end = 0;
    if (quoted) {
        if (!tablefast_quoted(t, i->csv.delimiter, &to))
            return false;
        from++;
        end = to + 1;
    } else {
        end = tablefast_find(t, t->end, from);
        to = end;
        t->is_cut = end == t->in.len;
    }
    if (t->is_cut || to - from > INNER_WINDOW || i->column_number >= i->column_count ||
        i->column_number >= INSPECTION_COLUMNS_MAX)
        return false;
    const struct span cell = span_of(t->in.ptr + from, to - from);
    if (t->hot_at < from)
        t->hot_at = tablefast_find(t, t->hot, from);
    if (t->hot_at < to) {
        struct span whole_cell;
        bool whole = false;
        if (!cell_plain(i, cell, i->offset + from, quoted)) {
            cell_start(i, i->column_number);
            cell_end(i, cell, i->offset + from, quoted, &whole_cell, &whole);
        }
        t->hot_at = tablefast_find(t, t->hot, to);
    } else {
        i->cell_number++;
        tablefast_count(i, cell, quoted);
    }
    i->row_filled = i->row_filled || quoted;
    t->at = end + 1;
    const uint8_t c = t->in.ptr[end];
    if (c == i->csv.delimiter) {
        i->column_number++;
        return true;
    }
    if (i->column_number > 0 || i->row_filled)
        cell_row_end(i);
    i->column_number = 0;
    i->csv.after_cr = c == '\r';
    return true;
}

/* Reads fields of what was looked at. */
static void
tablefast_fields(struct inspection *i, struct tablefast *t)
{
    while (t->at < t->in.len && i->failed == ERR_OK) {
        if (i->csv.after_cr) {
            t->at += t->in.ptr[t->at] == '\n' ? 1 : 0;
            i->csv.after_cr = false;
            continue;
        }
        if (!tablefast_field(i, t))
            return;
        i->csv.in_record = i->column_number > 0;
    }
}

size_t
tablefast_run(struct inspection *i, struct tablefast *t, struct span in, size_t at)
{
    const uint64_t offset = i->offset;
    while (true) {
        size_t base = (size_t)(t->in.ptr - in.ptr);
        const bool seen = t->in.len > 0 && at < base + t->in.len;
        if (!seen) {
            const size_t blocks = (in.len - at) / BYTEMASK_BYTES;
            if (blocks == 0 || i->failed != ERR_OK)
                return at;
            tablefast_look(t, in.ptr + at, blocks < INNER_LOOK ? blocks : INNER_LOOK,
                           i->csv.delimiter);
            base = at;
        }
        t->at = at - base;
        if (t->hot_at < t->at)
            t->hot_at = tablefast_find(t, t->hot, t->at);
        i->offset = offset + base;
        tablefast_fields(i, t);
        i->offset = offset;
        at = base + t->at;
        /* A field that the end of the look cut is seen whole in the next, unless it is longer. */
        if (!t->is_cut || t->at == 0)
            return at;
        t->in.len = 0;
    }
}
