/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressing table in the front of one reservation. When it is half full it doubles in
 * place: the old entries are moved behind the new table first. Pages never reached are never
 * touched, so an idle set costs nothing. */
#include "inspect/persons.h"

#include <assert.h>
#include <stdlib.h>

enum { PERSONS_SLOTS_MIN = 1024 };

struct persons {
    uint64_t *hash; /* room slots */
    uint16_t *tag;  /* 0: free */
    size_t room;
    size_t slots; /* power of two */
    size_t slots_max;
    size_t used;
    size_t max;
    uint64_t lost;
    bool selected;
};

enum err
persons_new(size_t max, struct persons **ret)
{
    if (max < 1 || max > PERSONS_MAX)
        return ERR_RANGE;
    struct persons *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    p->max = max;
    p->slots_max = PERSONS_SLOTS_MIN;
    while (p->slots_max / 2 < max)
        p->slots_max *= 2;
    p->room = p->slots_max + p->slots_max / 2;
    p->hash = calloc(p->room, sizeof(uint64_t));
    p->tag = calloc(p->room, sizeof(uint16_t));
    if (p->hash == NULL || p->tag == NULL) {
        persons_free(p);
        return ERR_NOMEM;
    }
    p->slots = PERSONS_SLOTS_MIN;
    *ret = p;
    return ERR_OK;
}

/* Clears what was touched: the table and, if it ever grew, the staging area behind it. */
static void
persons_wipe(struct persons *p)
{
    const size_t touched = p->slots + (p->slots > PERSONS_SLOTS_MIN ? p->slots / 2 : 0);
    explicit_bzero(p->hash, touched * sizeof(uint64_t));
    explicit_bzero(p->tag, touched * sizeof(uint16_t));
}

void
persons_free(struct persons *p)
{
    if (p == NULL)
        return;
    if (p->hash != NULL && p->tag != NULL)
        persons_wipe(p);
    free(p->hash);
    free(p->tag);
    free(p);
}

void
persons_reset(struct persons *p)
{
    persons_wipe(p);
    p->slots = PERSONS_SLOTS_MIN;
    p->used = 0;
    p->lost = 0;
    p->selected = false;
}

/* The slot of (hash, tag): taken by it, or the free one where it belongs. */
static size_t
persons_slot(const struct persons *p, uint64_t hash, uint16_t tag)
{
    size_t slot = (size_t)hash & (p->slots - 1);
    while (p->tag[slot] != 0 && (p->hash[slot] != hash || p->tag[slot] != tag))
        slot = (slot + 1) & (p->slots - 1);
    return slot;
}

static void
persons_grow(struct persons *p)
{
    const size_t old = p->slots;
    assert(old < p->slots_max);
    p->slots = old * 2;
    memcpy(p->hash + p->slots, p->hash, old * sizeof(uint64_t));
    memcpy(p->tag + p->slots, p->tag, old * sizeof(uint16_t));
    memset(p->tag, 0, p->slots * sizeof(uint16_t));
    for (size_t i = p->slots; i < p->slots + old; i++) {
        if (p->tag[i] == 0)
            continue;
        const size_t slot = persons_slot(p, p->hash[i], p->tag[i]);
        p->hash[slot] = p->hash[i];
        p->tag[slot] = p->tag[i];
    }
}

void
persons_add(struct persons *p, uint64_t hash, uint16_t tag)
{
    assert(!p->selected);
    assert(tag != 0);
    size_t slot = persons_slot(p, hash, tag);
    if (p->tag[slot] != 0)
        return;
    if (p->used == p->max) {
        p->lost++;
        return;
    }
    if (p->used >= p->slots / 2) {
        persons_grow(p);
        slot = persons_slot(p, hash, tag);
    }
    p->hash[slot] = hash;
    p->tag[slot] = tag;
    p->used++;
}

uint64_t
persons_lost(const struct persons *p)
{
    return p->lost;
}

size_t
persons_select(struct persons *p, bool (*keep)(const void *ctx, uint16_t tag), const void *ctx,
               const uint64_t **ret)
{
    /* At most half of the slots are used, so the selection fits behind the table. */
    uint64_t *out = p->hash + p->slots;
    size_t len = 0;
    p->selected = true;
    for (size_t i = 0; i < p->slots; i++)
        if (p->tag[i] != 0 && keep(ctx, p->tag[i]))
            out[len++] = p->hash[i];
    *ret = out;
    return persons_sort(out, len);
}

static void
persons_insertion(uint64_t *values, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        const uint64_t value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

/* Splits values around the median of three; returns where the right part begins. */
static size_t
persons_split(uint64_t *values, size_t len)
{
    const uint64_t a = values[0];
    const uint64_t b = values[len / 2];
    const uint64_t c = values[len - 1];
    const uint64_t low = a < b ? a : b;
    const uint64_t high = a < b ? b : a;
    const uint64_t pivot = c < low ? low : (c > high ? high : c);
    size_t i = 0;
    size_t k = len - 1;
    while (true) {
        while (values[i] < pivot)
            i++;
        while (values[k] > pivot)
            k--;
        if (i >= k)
            return k + 1;
        const uint64_t swap = values[i];
        values[i++] = values[k];
        values[k--] = swap;
    }
}

size_t
persons_sort(uint64_t *values, size_t len)
{
    /* The larger part waits on the stack, so that its depth is at most the bits of len. */
    struct {
        size_t from;
        size_t len;
    } wait[64];
    size_t depth = 0;
    size_t from = 0;
    size_t left = len;
    while (true) {
        if (left > 16) {
            const size_t right = persons_split(values + from, left);
            assert(depth < 64 && right > 0 && right <= left);
            const bool first_small = right < left - right;
            wait[depth].from = first_small ? from + right : from;
            wait[depth].len = first_small ? left - right : right;
            depth++;
            from = first_small ? from : from + right;
            left = first_small ? right : left - right;
            continue;
        }
        persons_insertion(values + from, left);
        if (depth == 0)
            break;
        depth--;
        from = wait[depth].from;
        left = wait[depth].len;
    }
    size_t kept = 0;
    for (size_t i = 0; i < len; i++)
        if (kept == 0 || values[kept - 1] != values[i])
            values[kept++] = values[i];
    return kept;
}

size_t
persons_union(const uint64_t *a, size_t a_len, const uint64_t *b, size_t b_len, uint64_t *out)
{
    size_t i = 0;
    size_t k = 0;
    size_t len = 0;
    while (i < a_len || k < b_len) {
        const bool from_a = k == b_len || (i < a_len && a[i] <= b[k]);
        const uint64_t value = from_a ? a[i] : b[k];
        i += from_a ? 1 : 0;
        k += !from_a || (k < b_len && b[k] == value) ? 1 : 0;
        out[len++] = value;
    }
    return len;
}
