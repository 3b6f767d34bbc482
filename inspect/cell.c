/* SPDX-License-Identifier: Apache-2.0 */
/* The content of fields. A field that lies whole in the input is scanned where it is; any other is
 * gathered in the window, which is scanned when it is full and more follows. Both ways see the same
 * bytes at once, so the result does not depend on the split. */
#include <assert.h>

#include "inspect/hotword.h"
#include "inspect/inner.h"

void
cell_start(struct inspection *i, size_t column_number)
{
    i->column_number = column_number;
    i->column = column_number < INSPECTION_COLUMNS_MAX ? column_number : INSPECTION_COLUMNS_MAX;
    if (i->column == INSPECTION_COLUMNS_MAX)
        i->reasons |= 1U << FINDINGS_TOO_MANY_COLUMNS;
    if (i->column >= i->column_count && inspection_reserve(i, i->column))
        i->column_count = i->column + 1;
    if (i->column >= i->column_count)
        i->column = 0; /* no memory: the stream has failed */
    i->window_len = 0;
    i->window_at = 0;
    i->field_len = 0;
    i->cell_pass = 0;
    i->cell_number++;
    tokscan_reset(&i->scan);
}

/* Where a person's hash came from; never 0, because a strength is at least 1. */
static uint16_t
cell_tag(size_t column, unsigned type, enum tokscan_strength strength)
{
    return (uint16_t)(column << 4 | type << 2 | (unsigned)strength);
}

/* The digits as a number: 19 of them fit. */
static uint64_t
cell_number(const uint8_t *digits, size_t len)
{
    uint64_t number = 0;
    for (size_t k = 0; k < len; k++)
        number = number * 10 + (uint64_t)(digits[k] - '0');
    return number;
}

/* What stands for a person until the end: the number itself, as hashing is dear and most numbers
 * are seen again or turn out not to count. A MyKad has 12 digits, a resident number 17 and a check
 * that follows from them, a card 13 to 19 without a leading zero. */
static uint64_t
cell_value(unsigned type, const struct token *t)
{
    uint8_t wide[18];
    if (type != IDENT_PRC_ID)
        return cell_number(t->canon, t->canon_len);
    if (!t->is_old_prc)
        return cell_number(t->canon, 17);
    ident_prc15_widen(t->canon, wide);
    return cell_number(wide, 17);
}

struct span
cell_digits(unsigned type, uint64_t value, uint8_t text[static 20])
{
    size_t at = 20;
    size_t least = type == IDENT_MYKAD ? 12 : (type == IDENT_PRC_ID ? 17 : 1);
    if (type == IDENT_PRC_ID)
        at--;
    for (uint64_t rest = value; rest > 0 || least > 0; rest /= 10) {
        assert(at > 0);
        text[--at] = (uint8_t)('0' + rest % 10);
        least -= least > 0 ? 1 : 0;
    }
    if (type == IDENT_PRC_ID)
        text[19] = ident_prc_check(text + at);
    return span_of(text + at, 20 - at);
}

void
cell_mail_flush(struct inspection *i)
{
    static const uint8_t domains[BLIND_LANES] = {IDENT_EMAIL, IDENT_EMAIL, IDENT_EMAIL,
                                                 IDENT_EMAIL};
    struct inner_mail *mail = &i->mail;
    struct span spans[BLIND_LANES];
    uint64_t hashes[BLIND_LANES];
    if (mail->count == 0)
        return;
    for (size_t k = 0; k < BLIND_LANES; k++)
        spans[k] = span_of(mail->text[k], k < mail->count ? mail->len[k] : 0);
    blind_lanes(&i->blind, domains, spans, hashes);
    for (size_t k = 0; k < mail->count; k++)
        persons_add(i->persons, hashes[k], mail->tag[k]);
    mail->count = 0;
}

static void
cell_mail(struct inspection *i, struct span text, uint16_t tag)
{
    struct inner_mail *mail = &i->mail;
    if (text.len > BLIND_SHORT_MAX) {
        persons_add(i->persons, blind_u64(i->counting_key, IDENT_EMAIL, text), tag);
        return;
    }
    memcpy(mail->text[mail->count], text.ptr, text.len);
    mail->len[mail->count] = (uint8_t)text.len;
    mail->tag[mail->count++] = tag;
    if (mail->count == BLIND_LANES)
        cell_mail_flush(i);
}

static void
cell_person(struct inspection *i, struct inner_column *c, unsigned type, const struct token *t,
            enum tokscan_strength strength)
{
    if (strength == TOKSCAN_BARE) {
        if ((c->dead & IDENT_BIT(type)) != 0) {
            c->late[type]++;
            return;
        }
        c->tentative[type]++;
    }
    i->row_kind |= 1U << type;
    const uint16_t tag = cell_tag(i->column, type, strength);
    if (type == IDENT_EMAIL)
        cell_mail(i, span_of(t->canon, t->canon_len), tag);
    else
        persons_add(i->persons, cell_value(type, t), tag);
}

static void
cell_token(struct inspection *i, struct span text, struct token *t)
{
    struct inner_column *c = &i->columns[i->column];
    enum tokscan_strength strength = t->strength;
    if (t->pass != 0 && strength != TOKSCAN_SURE && t->at <= text.len) {
        const size_t from = t->at > HOTWORD_BEFORE ? t->at - HOTWORD_BEFORE : 0;
        const uint32_t words = hotword_find(span_of(text.ptr + from, t->at - from)) & t->pass;
        if (words != 0) {
            t->pass = words;
            strength = TOKSCAN_SURE;
        }
    }
    t->strength = strength;
    colstat_add(&c->stat, t, strength);
    i->cell_pass |= t->pass;
    for (unsigned type = 0; type < INNER_PERSON_TYPES; type++) {
        if ((t->shape & IDENT_BIT(type)) != 0 && c->stat.shape[type] % COLSTAT_DEAD_CELLS == 0 &&
            colstat_is_dead(&c->stat, (enum ident)type))
            c->dead |= (uint8_t)IDENT_BIT(type);
        if ((t->pass & IDENT_BIT(type)) != 0)
            cell_person(i, c, type, t, strength);
    }
    if (i->config.sink != NULL && t->pass != 0)
        i->config.sink(i->config.sink_ctx, i->column, i->cell_number, t);
}

static bool
cell_is_ascii(struct span text)
{
    uint64_t seen = 0;
    size_t at = 0;
    for (; text.len - at >= 8; at += 8) {
        uint64_t word = 0;
        memcpy(&word, text.ptr + at, 8);
        seen |= word;
    }
    for (; at < text.len; at++)
        seen |= text.ptr[at];
    return (seen & UINT64_C(0x8080808080808080)) == 0;
}

/* Scans raw, whose first byte is stored at offset, from index from on. Returns the index where the
 * next piece must begin. */
static size_t
cell_scan(struct inspection *i, struct span raw, uint64_t offset, size_t from, bool is_last)
{
    struct span text = raw;
    const uint16_t *map = NULL;
    size_t start = from;
    if (!cell_is_ascii(raw) && normal_needed(raw)) {
        text = span_of(i->normal, normal_text(raw, i->normal, i->normal_map));
        i->normal_top = raw.len > i->normal_top ? raw.len : i->normal_top;
        map = i->normal_map;
        start = 0;
        while (start < text.len && map[start] < from)
            start++;
    }
    tokscan_feed(&i->scan, text, map, offset, start, is_last);
    while (tokscan_next(&i->scan, &i->token))
        cell_token(i, text, &i->token);
    return map == NULL ? i->scan.at : map[i->scan.at];
}

/* The window is full and more follows: scan it and keep what is not decided yet. */
static void
cell_flush(struct inspection *i)
{
    const struct span text = span_of(i->window, i->window_len);
    const size_t next = cell_scan(i, text, i->window_offset, i->window_at, false);
    const size_t keep = next > INNER_BACK ? next - INNER_BACK : 0;
    assert(keep > 0);
    i->window_len -= keep;
    memmove(i->window, i->window + keep, i->window_len);
    i->window_offset += keep;
    i->window_at = next - keep;
}

void
cell_piece(struct inspection *i, struct span piece, uint64_t offset)
{
    if (i->field_len == 0)
        i->window_offset = offset;
    i->field_len += piece.len;
    while (piece.len > 0) {
        if (i->window_len == INNER_WINDOW)
            cell_flush(i);
        const size_t room = INNER_WINDOW - i->window_len;
        const size_t take = piece.len < room ? piece.len : room;
        memcpy(i->window + i->window_len, piece.ptr, take);
        i->window_len += take;
        i->window_top = i->window_len > i->window_top ? i->window_len : i->window_top;
        piece = span_from(piece, take);
    }
}

void
cell_count(struct inspection *i, struct span cell, bool whole, bool quoted)
{
    struct inner_column *c = &i->columns[i->column];
    const struct fieldset *fields = i->config.fields;
    if (whole && csvread_trim(cell).len == 0)
        return;
    i->row_filled = true;
    if (i->in_header)
        return;
    c->stat.cells++;
    if (c->is_personal)
        i->row_kind |= INNER_DECLARED_BIT;
    if (c->field == FIELDSET_MAX || fields == NULL)
        return;
    const struct fieldset_field *field = &fields->fields[c->field];
    const bool acted = i->config.stage == INSPECTION_OUT && c->action != TRANSFORM_NONE;
    if (acted) {
        bool shown = false;
        if (c->action == TRANSFORM_TOKENISE)
            shown = whole && transform_is_token(cell);
        if (c->action == TRANSFORM_MASK)
            shown = whole && transform_is_masked(cell, quoted);
        c->undone += shown ? 0 : 1;
        return;
    }
    if (field->ident < IDENT_FOUND_COUNT && !field->pseudonymised &&
        (i->cell_pass & IDENT_BIT(field->ident)) == 0)
        c->failed++;
}

void
cell_end(struct inspection *i, struct span piece, uint64_t offset, bool quoted,
         struct span *ret_cell, bool *ret_whole)
{
    const bool direct = i->field_len == 0 && piece.len <= INNER_WINDOW;
    struct span text = piece;
    if (direct) {
        i->field_len = piece.len;
        i->window_offset = offset;
    } else {
        cell_piece(i, piece, offset);
        text = span_of(i->window, i->window_len);
    }
    /* Nothing shorter than 12 bytes is an identifier, but an address. */
    if (text.len >= 12 || memchr(text.ptr, '@', text.len) != NULL)
        (void)cell_scan(i, text, i->window_offset, i->window_at, true);
    if (tokscan_finish(&i->scan, i->window_offset + text.len, &i->token))
        cell_token(i, text, &i->token);
    if (i->mode == INNER_TABLE && i->field_len > INSPECTION_FIELD_MAX)
        i->reasons |= 1U << FINDINGS_FIELD_TOO_LONG;
    *ret_whole = i->field_len <= INNER_WINDOW;
    *ret_cell = text;
    cell_count(i, text, *ret_whole, quoted);
}

bool
cell_plain(struct inspection *i, struct span cell, uint64_t offset, bool quoted)
{
    if (!tokscan_plain(cell, offset, &i->token))
        return false;
    i->column = i->column_number;
    i->cell_number++;
    i->cell_pass = 0;
    cell_token(i, cell, &i->token);
    cell_count(i, cell, true, quoted);
    return true;
}

void
cell_row_end(struct inspection *i)
{
    i->row_kinds[i->row_kind]++;
    if (!i->in_header)
        i->rows++;
    i->row_kind = 0;
    i->row_filled = false;
    i->in_header = false;
}
