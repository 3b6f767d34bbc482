/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/tokscan.h"

#include <assert.h>

#include "inspect/bytemask.h"

/* A shorter text is read byte by byte. */
enum { TOKSCAN_MASKS = 128 };

/* Blocks looked at together. */
enum { TOKSCAN_LOOK = 16 };

enum tokscan_class { TOK_OTHER, TOK_DIGIT, TOK_AT, TOK_A, TOK_HYPHEN };

static const uint8_t tokscan_table[256] = {
    ['0'] = TOK_DIGIT, ['1'] = TOK_DIGIT, ['2'] = TOK_DIGIT,  ['3'] = TOK_DIGIT, ['4'] = TOK_DIGIT,
    ['5'] = TOK_DIGIT, ['6'] = TOK_DIGIT, ['7'] = TOK_DIGIT,  ['8'] = TOK_DIGIT, ['9'] = TOK_DIGIT,
    ['@'] = TOK_AT,    ['A'] = TOK_A,     ['-'] = TOK_HYPHEN,
};

/* The groups people write a number in. */
static const struct {
    uint8_t count;
    uint8_t lens[5];
    enum ident ident;
} tokscan_groups[] = {
    {3, {6, 2, 4}, IDENT_MYKAD},  {4, {4, 4, 4, 4}, IDENT_CARD}, {5, {4, 4, 4, 4, 3}, IDENT_CARD},
    {3, {4, 6, 5}, IDENT_CARD},   {2, {6, 13}, IDENT_CARD},      {3, {6, 8, 4}, IDENT_PRC_ID},
    {3, {6, 8, 3}, IDENT_PRC_ID}, /* and X */
};

static bool
tokscan_is_digit(uint8_t c)
{
    return (unsigned)(c - '0') < 10U;
}

static bool
tokscan_is_alnum(uint8_t c)
{
    return tokscan_is_digit(c) || (unsigned)((c | 32) - 'a') < 26U;
}

/* The byte at i, or 0 beyond either end. */
static uint8_t
tokscan_byte(const struct tokscan *s, size_t i)
{
    return i < s->text.len ? s->text.ptr[i] : 0;
}

static uint64_t
tokscan_offset(const struct tokscan *s, size_t i)
{
    return s->base + (s->map == NULL ? i : s->map[i]);
}

void
tokscan_reset(struct tokscan *s)
{
    *s = (struct tokscan){0};
}

void
tokscan_feed(struct tokscan *s, struct span text, const uint16_t *map, uint64_t base, size_t from,
             bool is_last)
{
    assert(from <= text.len);
    s->text = text;
    s->map = map;
    s->base = base;
    s->at = from;
    s->floor = from;
    while (s->floor > 0 && tokscan_offset(s, s->floor - 1) >= s->floor_offset)
        s->floor--;
    s->block = SIZE_MAX;
    s->stop = text.len;
    if (!is_last)
        s->stop = text.len > TOKSCAN_AHEAD ? text.len - TOKSCAN_AHEAD : 0;
    if (s->stop < from)
        s->stop = from;
}

static size_t
tokscan_digits_end(const struct tokscan *s, size_t at)
{
    while (at < s->text.len && tokscan_is_digit(s->text.ptr[at]))
        at++;
    return at;
}

/* True if four hexadecimal digits end at i, as before the last group of a UUID. */
static bool
tokscan_is_hex4(const struct tokscan *s, size_t i)
{
    if (i < 4)
        return false;
    for (size_t k = i - 4; k < i; k++)
        if (!tokscan_is_digit(s->text.ptr[k]) && (unsigned)((s->text.ptr[k] | 32) - 'a') >= 6U)
            return false;
    return true;
}

/* True if the bytes around [from, to) make it a part of something longer: a word, a decimal, a
 * hyphenated code, the local part of an address. */
static bool
tokscan_is_part(const struct tokscan *s, size_t from, size_t to)
{
    const uint8_t before = from > 0 ? s->text.ptr[from - 1] : 0;
    const uint8_t before2 = from > 1 ? s->text.ptr[from - 2] : 0;
    const uint8_t after = tokscan_byte(s, to);
    const uint8_t after2 = tokscan_byte(s, to + 1);
    if (tokscan_is_alnum(before) || tokscan_is_alnum(after) || after == '@')
        return true;
    if ((before == '.' && tokscan_is_digit(before2)) || (after == '.' && tokscan_is_digit(after2)))
        return true;
    if (after == '-' && tokscan_is_digit(after2))
        return true;
    return before == '-' && (tokscan_is_digit(before2) || tokscan_is_hex4(s, from - 1));
}

static void
tokscan_place(const struct tokscan *s, size_t from, size_t to, struct token *t)
{
    t->at = from;
    t->offset = tokscan_offset(s, from);
    t->len = tokscan_offset(s, to) - t->offset;
}

/* A token was taken: nothing else may begin inside it. */
static void
tokscan_take(struct tokscan *s, size_t end)
{
    s->at = end;
    s->floor = end;
    s->floor_offset = tokscan_offset(s, end);
}

/* Fills shape, pass and witnesses of t, whose canon holds the digits (and a last X). */
static void
tokscan_judge(struct token *t, uint32_t only)
{
    const uint8_t *d = t->canon;
    const size_t len = t->canon_len;
    const bool has_x = d[len - 1] == 'X';
    t->shape = 0;
    t->pass = 0;
    if (len == 12) {
        t->shape |= IDENT_BIT(IDENT_MYKAD);
        t->pass |= ident_mykad_valid(d) ? IDENT_BIT(IDENT_MYKAD) : 0;
        t->is_time = ident_mykad_is_time(d);
        t->is_company = ident_mykad_is_company(d);
    }
    if (len >= 13 && len <= 19 && !has_x) {
        t->shape |= IDENT_BIT(IDENT_CARD);
        t->pass |= ident_card_valid(span_of(d, len)) ? IDENT_BIT(IDENT_CARD) : 0;
    }
    if (len == 18 || len == 15) {
        const bool valid = len == 18 ? ident_prc_valid(d) : ident_prc15_valid(d);
        t->shape |= IDENT_BIT(IDENT_PRC_ID);
        t->pass |= valid ? IDENT_BIT(IDENT_PRC_ID) : 0;
        t->is_old_prc = len == 15;
    }
    t->shape &= only;
    t->pass &= only;
    /* 18 digits that pass the resident's check are no card. */
    if (len == 18 && (t->pass & IDENT_BIT(IDENT_PRC_ID)) != 0) {
        t->shape = IDENT_BIT(IDENT_PRC_ID);
        t->pass = t->shape;
        t->strength = TOKSCAN_SURE;
    }
}

/* Tries the written groups that begin at from, whose first group ends at end. */
static bool
tokscan_grouped(const struct tokscan *s, size_t from, size_t end, struct token *t, size_t *ret_end)
{
    size_t starts[5] = {from};
    size_t ends[5] = {end};
    size_t count = 1;
    const uint8_t separator = tokscan_byte(s, end);
    if ((separator != ' ' && separator != '-') || end - from > 6)
        return false;
    while (count < 5 && tokscan_byte(s, ends[count - 1]) == separator &&
           tokscan_is_digit(tokscan_byte(s, ends[count - 1] + 1))) {
        starts[count] = ends[count - 1] + 1;
        ends[count] = tokscan_digits_end(s, starts[count]);
        count++;
    }
    for (size_t g = 0; g < sizeof(tokscan_groups) / sizeof(tokscan_groups[0]); g++) {
        const size_t need = tokscan_groups[g].count;
        size_t k = 0;
        while (k < need && k < count && ends[k] - starts[k] == tokscan_groups[g].lens[k])
            k++;
        if (k < need)
            continue;
        size_t to = ends[need - 1];
        t->canon_len = 0;
        for (k = 0; k < need; k++) {
            memcpy(t->canon + t->canon_len, s->text.ptr + starts[k], ends[k] - starts[k]);
            t->canon_len += ends[k] - starts[k];
        }
        if (t->canon_len == 17) {
            if ((tokscan_byte(s, to) | 32) != 'x')
                continue;
            t->canon[t->canon_len++] = 'X';
            to++;
        }
        if (tokscan_is_part(s, from, to))
            continue;
        t->strength = TOKSCAN_GROUPED;
        tokscan_judge(t, IDENT_BIT(tokscan_groups[g].ident));
        if (t->pass == 0 && tokscan_groups[g].ident != IDENT_MYKAD)
            continue;
        tokscan_place(s, from, to, t);
        *ret_end = to;
        return true;
    }
    return false;
}

/* A digit run that begins at s->at: true if it (or the groups it begins) has an identifier's shape.
 * Moves s->at past what it looked at. */
static bool
tokscan_number(struct tokscan *s, struct token *t)
{
    const size_t from = s->at;
    const size_t end = tokscan_digits_end(s, from);
    size_t to = end;
    s->at = end;
    if (from > 0 && tokscan_is_alnum(s->text.ptr[from - 1]))
        return false;
    if (tokscan_grouped(s, from, end, t, &to)) {
        tokscan_take(s, to);
        return true;
    }
    const size_t len = end - from;
    const bool has_x = len == 17 && (tokscan_byte(s, end) | 32) == 'x';
    if (len < 12 || len > IDENT_DIGITS_MAX)
        return false;
    to = has_x ? end + 1 : end;
    if (tokscan_is_part(s, from, to))
        return false;
    memcpy(t->canon, s->text.ptr + from, len);
    t->canon_len = len;
    if (has_x)
        t->canon[t->canon_len++] = 'X';
    t->strength = TOKSCAN_BARE;
    tokscan_judge(t, UINT32_MAX);
    tokscan_place(s, from, to, t);
    tokscan_take(s, to);
    return t->shape != 0;
}

bool
tokscan_plain(struct span text, uint64_t offset, struct token *ret)
{
    if (text.len < 12 || text.len > IDENT_DIGITS_MAX)
        return false;
    const uint8_t last = text.ptr[text.len - 1];
    const bool has_x = text.len == 18 && (last | 32) == 'x';
    unsigned others = 0;
    for (size_t k = 0; k + 1 < text.len; k++)
        others |= (unsigned)(text.ptr[k] - '0') > 9U ? 1U : 0U;
    if (others != 0 || (!has_x && !tokscan_is_digit(last)))
        return false;
    memcpy(ret->canon, text.ptr, text.len);
    ret->canon_len = text.len;
    if (has_x)
        ret->canon[17] = 'X';
    ret->is_time = false;
    ret->is_company = false;
    ret->is_old_prc = false;
    ret->strength = TOKSCAN_BARE;
    ret->at = 0;
    ret->offset = offset;
    ret->len = text.len;
    tokscan_judge(ret, UINT32_MAX);
    return true;
}

static bool
tokscan_is_local(uint8_t c)
{
    return tokscan_is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
}

static bool
tokscan_email(struct tokscan *s, struct token *t)
{
    const size_t mark = s->at++;
    size_t from = mark;
    while (from > s->floor && mark - from < 64 && tokscan_is_local(s->text.ptr[from - 1]))
        from--;
    while (from < mark && !tokscan_is_alnum(s->text.ptr[from]) && s->text.ptr[from] != '_')
        from++;
    size_t to = mark + 1;
    while (to < s->text.len && to - from < IDENT_EMAIL_MAX + 2 &&
           (tokscan_is_alnum(s->text.ptr[to]) || s->text.ptr[to] == '.' || s->text.ptr[to] == '-'))
        to++;
    while (to > mark + 1 && !tokscan_is_alnum(s->text.ptr[to - 1]))
        to--;
    const struct span text = span_of(s->text.ptr + from, to - from);
    if (!ident_email_valid(text))
        return false;
    t->shape = IDENT_BIT(IDENT_EMAIL);
    t->pass = t->shape;
    t->strength = TOKSCAN_SURE;
    if (ident_canonical(IDENT_EMAIL, text, t->canon, sizeof(t->canon), &t->canon_len) != ERR_OK)
        return false;
    tokscan_place(s, from, to, t);
    tokscan_take(s, to);
    return true;
}

static bool
tokscan_aws(struct tokscan *s, struct token *t)
{
    const size_t from = s->at++;
    const struct span rest = span_from(s->text, from);
    if (rest.len < 20 || (from > 0 && tokscan_is_alnum(s->text.ptr[from - 1])))
        return false;
    if (!span_starts(rest, SPAN_LIT("AKIA")) && !span_starts(rest, SPAN_LIT("ASIA")))
        return false;
    for (size_t i = 4; i < 20; i++)
        if (!tokscan_is_digit(rest.ptr[i]) && !(rest.ptr[i] >= 'A' && rest.ptr[i] <= 'Z'))
            return false;
    if (rest.len > 20 && tokscan_is_alnum(rest.ptr[20]))
        return false;
    t->shape = IDENT_BIT(IDENT_AWS_KEY);
    t->pass = t->shape;
    t->strength = TOKSCAN_SURE;
    memcpy(t->canon, rest.ptr, 20);
    t->canon_len = 20;
    tokscan_place(s, from, from + 20, t);
    tokscan_take(s, from + 20);
    return true;
}

/* The end of a PEM border "-----<word> … PRIVATE KEY-----" at the start of rest, 0 for none. */
static size_t
tokscan_border(struct span rest, struct span word)
{
    const struct span tail = SPAN_LIT("PRIVATE KEY-----");
    if (!span_starts(rest, word))
        return 0;
    for (size_t i = word.len; i < word.len + 32 && i + tail.len <= rest.len; i++) {
        if (memcmp(rest.ptr + i, tail.ptr, tail.len) == 0)
            return i + tail.len;
        if (rest.ptr[i] != ' ' && !tokscan_is_alnum(rest.ptr[i]))
            return 0;
    }
    return 0;
}

static void
tokscan_key(struct tokscan *s, uint64_t end, struct token *t)
{
    t->shape = IDENT_BIT(IDENT_PRIVATE_KEY);
    t->pass = t->shape;
    t->strength = TOKSCAN_SURE;
    t->at = SIZE_MAX;
    t->offset = s->pem_offset;
    t->len = end - s->pem_offset;
    t->canon_len = 0;
    s->pem_open = false;
}

/* A key runs from its BEGIN border to its END border. */
static bool
tokscan_pem(struct tokscan *s, struct token *t)
{
    const struct span rest = span_from(s->text, s->at);
    const size_t begin = tokscan_border(rest, SPAN_LIT("-----BEGIN "));
    if (begin > 0) {
        const uint64_t offset = tokscan_offset(s, s->at);
        const bool was_open = s->pem_open;
        if (was_open)
            tokscan_key(s, offset, t); /* the one before never ended */
        s->pem_open = true;
        s->pem_offset = offset;
        s->at += begin;
        return was_open;
    }
    const size_t end = s->pem_open ? tokscan_border(rest, SPAN_LIT("-----END ")) : 0;
    if (end == 0) {
        s->at++;
        return false;
    }
    tokscan_key(s, tokscan_offset(s, s->at + end), t);
    tokscan_take(s, s->at + end);
    return true;
}

/* The masks of count blocks of the text from block b on; zero beyond its end. */
static void
tokscan_mask(const struct tokscan *s, size_t b, size_t count, struct bytemask *ret)
{
    uint8_t last[BYTEMASK_BYTES] = {0};
    const size_t whole = s->text.len / BYTEMASK_BYTES;
    size_t have = b < whole ? whole - b : 0;
    have = have < count ? have : count;
    if (have > 0)
        bytemask_make(bytemask_best(), s->text.ptr + b * BYTEMASK_BYTES, have, ',', ret);
    for (size_t k = have; k < count; k++) {
        const size_t from = (b + k) * BYTEMASK_BYTES;
        ret[k] = (struct bytemask){0};
        if (from >= s->text.len)
            continue;
        memcpy(last, s->text.ptr + from, s->text.len - from);
        bytemask_make(bytemask_best(), last, 1, ',', &ret[k]);
    }
}

/* The first place from s->at on where a token may begin; what lies from s->stop on does not matter.
 * SIZE_MAX: none. */
static size_t
tokscan_find(struct tokscan *s)
{
    struct bytemask m[TOKSCAN_LOOK + 1];
    uint64_t hot[TOKSCAN_LOOK];
    size_t b = s->at / BYTEMASK_BYTES;
    const unsigned shift = s->at % BYTEMASK_BYTES;
    if (b == s->block) {
        if (s->hot >> shift != 0)
            return s->at + (size_t)__builtin_ctzll(s->hot >> shift);
        b++;
    }
    while (b * BYTEMASK_BYTES < s->stop) {
        const size_t left = (s->stop - b * BYTEMASK_BYTES + BYTEMASK_BYTES - 1) / BYTEMASK_BYTES;
        const size_t count = left < TOKSCAN_LOOK ? left : TOKSCAN_LOOK;
        const size_t start = b * BYTEMASK_BYTES;
        tokscan_mask(s, b, count + 1, m);
        bytemask_hot_all(m, count, start > 0 && tokscan_is_digit(s->text.ptr[start - 1]), hot);
        for (size_t k = 0; k < count; k++, b++) {
            const size_t from = b * BYTEMASK_BYTES;
            const uint64_t ahead = from < s->at ? UINT64_MAX << (s->at - from) : UINT64_MAX;
            if ((hot[k] & ahead) == 0)
                continue;
            s->block = b;
            s->hot = hot[k];
            return from + (size_t)__builtin_ctzll(hot[k] & ahead);
        }
    }
    return SIZE_MAX;
}

/* Moves to the next place where a token may begin, or to the end of the piece, as one step at a
 * time would: a run of digits that begins before the end is passed whole. */
static void
tokscan_skip(struct tokscan *s)
{
    s->at = tokscan_find(s);
    if (s->at < s->stop)
        return;
    s->at = s->stop;
    if (tokscan_is_digit(s->text.ptr[s->at - 1]))
        s->at = tokscan_digits_end(s, s->at);
}

bool
tokscan_next(struct tokscan *s, struct token *ret)
{
    const bool masks = s->text.len >= TOKSCAN_MASKS;
    while (s->at < s->stop) {
        if (masks)
            tokscan_skip(s);
        if (s->at >= s->stop)
            return false;
        const uint8_t c = s->text.ptr[s->at];
        bool found = false;
        ret->is_time = false;
        ret->is_company = false;
        ret->is_old_prc = false;
        switch ((enum tokscan_class)tokscan_table[c]) {
        case TOK_OTHER:
            s->at++;
            continue;
        case TOK_DIGIT:
            found = tokscan_number(s, ret);
            break;
        case TOK_AT:
            found = tokscan_email(s, ret);
            break;
        case TOK_A:
            found = tokscan_aws(s, ret);
            break;
        case TOK_HYPHEN:
            found = tokscan_pem(s, ret);
            break;
        }
        if (found)
            return true;
    }
    return false;
}

bool
tokscan_finish(struct tokscan *s, uint64_t end_offset, struct token *ret)
{
    if (!s->pem_open)
        return false;
    ret->is_time = false;
    ret->is_company = false;
    ret->is_old_prc = false;
    tokscan_key(s, end_offset, ret);
    return true;
}
