/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressing table that doubles when it is half full. Additions wait in a short queue while
 * the memory they go to is fetched. At the end the entries move to the front of the table, and
 * selections are made behind them. */
#include "inspect/persons.h"

#include <assert.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 persons_wide;

enum { PERSONS_SLOTS_MIN = 64, PERSONS_QUEUE = 16, PERSONS_RADIX = 4096 };

struct persons {
    uint64_t *value; /* [slots] */
    uint16_t *tag;   /* [slots], 0: free */
    size_t slots;    /* power of two; 0 before the first addition */
    size_t used;
    size_t max;
    uint64_t seed;
    uint64_t lost;
    bool failed;
    bool settled;
    size_t queued;
    uint64_t queue_value[PERSONS_QUEUE];
    uint16_t queue_tag[PERSONS_QUEUE];
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
    *ret = p;
    return ERR_OK;
}

static void
persons_wipe(uint64_t *value, uint16_t *tag, size_t slots)
{
    if (slots == 0)
        return;
    explicit_bzero(value, slots * sizeof(*value));
    explicit_bzero(tag, slots * sizeof(*tag));
    free(value);
    free(tag);
}

void
persons_reset(struct persons *p)
{
    const size_t max = p->max;
    persons_wipe(p->value, p->tag, p->slots);
    explicit_bzero(p, sizeof(*p));
    p->max = max;
}

void
persons_free(struct persons *p)
{
    if (p == NULL)
        return;
    persons_reset(p);
    free(p);
}

void
persons_seed(struct persons *p, uint64_t seed)
{
    assert(p->slots == 0 && p->queued == 0);
    p->seed = seed;
}

/* Where the search for value begins. Who writes the values must not be able to make them meet, so
 * both factors of the product depend on the seed. */
static size_t
persons_home(const struct persons *p, uint64_t value, size_t slots)
{
    const uint64_t odd = p->seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    const persons_wide product = (persons_wide)(value ^ p->seed) * odd;
    return (size_t)((uint64_t)product ^ (uint64_t)(product >> 64)) & (slots - 1);
}

/* The slot of (value, tag): taken by it, or the free one where it belongs. */
static size_t
persons_slot(const struct persons *p, uint64_t value, uint16_t tag)
{
    size_t slot = persons_home(p, value, p->slots);
    while (p->tag[slot] != 0 && (p->value[slot] != value || p->tag[slot] != tag))
        slot = (slot + 1) & (p->slots - 1);
    return slot;
}

static void
persons_grow(struct persons *p)
{
    const size_t old_slots = p->slots;
    uint64_t *old_value = p->value;
    uint16_t *old_tag = p->tag;
    const size_t slots = old_slots == 0 ? PERSONS_SLOTS_MIN : old_slots * 2;
    uint64_t *value = malloc(slots * sizeof(*value));
    uint16_t *tag = calloc(slots, sizeof(*tag));
    if (value == NULL || tag == NULL) {
        free(value);
        free(tag);
        p->failed = true;
        return;
    }
    p->value = value;
    p->tag = tag;
    p->slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old_tag[i] == 0)
            continue;
        const size_t slot = persons_slot(p, old_value[i], old_tag[i]);
        value[slot] = old_value[i];
        tag[slot] = old_tag[i];
    }
    persons_wipe(old_value, old_tag, old_slots);
}

static void
persons_insert(struct persons *p, uint64_t value, uint16_t tag)
{
    if (p->used >= p->slots / 2 && p->used < p->max && !p->failed)
        persons_grow(p);
    if (p->failed) {
        p->lost++;
        return;
    }
    const size_t slot = persons_slot(p, value, tag);
    if (p->tag[slot] != 0)
        return;
    if (p->used == p->max) {
        p->lost++;
        return;
    }
    p->value[slot] = value;
    p->tag[slot] = tag;
    p->used++;
}

static void
persons_flush(struct persons *p)
{
    for (size_t i = 0; i < p->queued; i++)
        persons_insert(p, p->queue_value[i], p->queue_tag[i]);
    p->queued = 0;
}

void
persons_add(struct persons *p, uint64_t value, uint16_t tag)
{
    assert(!p->settled);
    assert(tag != 0);
    if (p->slots != 0) {
        const size_t home = persons_home(p, value, p->slots);
        __builtin_prefetch(&p->value[home]);
        __builtin_prefetch(&p->tag[home]);
    }
    p->queue_value[p->queued] = value;
    p->queue_tag[p->queued] = tag;
    p->queued++;
    if (p->queued == PERSONS_QUEUE)
        persons_flush(p);
}

uint64_t
persons_lost(struct persons *p)
{
    persons_flush(p);
    return p->lost;
}

bool
persons_failed(struct persons *p)
{
    persons_flush(p);
    return p->failed;
}

static void
persons_insertion(uint64_t *values, uint16_t *tags, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        const uint64_t value = values[i];
        const uint16_t tag = tags == NULL ? 0 : tags[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
            if (tags != NULL)
                tags[at] = tags[at - 1];
        }
        values[at] = value;
        if (tags != NULL)
            tags[at] = tag;
    }
}

/* Splits values around the median of three; returns where the right part begins. */
static size_t
persons_split(uint64_t *values, uint16_t *tags, size_t len)
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
        values[i] = values[k];
        values[k] = swap;
        if (tags != NULL) {
            const uint16_t swap_tag = tags[i];
            tags[i] = tags[k];
            tags[k] = swap_tag;
        }
        i++;
        k--;
    }
}

/* Sorts values ascending, each with its tag if there are tags. */
static void
persons_order(uint64_t *values, uint16_t *tags, size_t len)
{
    /* The larger part waits on the stack, so that its depth is at most the bits of len. */
    struct {
        size_t from;
        size_t len;
    } wait[64];
    size_t depth = 0;
    size_t from = 0;
    size_t left = len;
    if (len < 2)
        return; /* an empty table has no memory */
    while (true) {
        if (left > 16) {
            const size_t right =
                persons_split(values + from, tags == NULL ? NULL : tags + from, left);
            assert(depth < 64 && right > 0 && right <= left);
            const bool first_small = right < left - right;
            wait[depth].from = first_small ? from + right : from;
            wait[depth].len = first_small ? left - right : right;
            depth++;
            from = first_small ? from : from + right;
            left = first_small ? right : left - right;
            continue;
        }
        persons_insertion(values + from, tags == NULL ? NULL : tags + from, left);
        if (depth == 0)
            break;
        depth--;
        from = wait[depth].from;
        left = wait[depth].len;
    }
}

/* One pass of a radix sort: by the byte at shift, keeping the order of equal ones. */
static void
persons_pass(const struct persons *p, size_t from, size_t to, size_t len, unsigned shift)
{
    size_t place[256] = {0};
    size_t sum = to;
    for (size_t i = from; i < from + len; i++)
        place[p->value[i] >> shift & 0xffU]++;
    for (size_t k = 0; k < 256; k++) {
        const size_t count = place[k];
        place[k] = sum;
        sum += count;
    }
    for (size_t i = from; i < from + len; i++) {
        const size_t at = place[p->value[i] >> shift & 0xffU]++;
        p->value[at] = p->value[i];
        p->tag[at] = p->tag[i];
    }
}

/* Sorts the first len entries. Hashes are spread evenly, so the first two bytes nearly do it; the
 * free half of the table is the room for that. */
static void
persons_arrange(struct persons *p, size_t len)
{
    if (len < PERSONS_RADIX) {
        persons_order(p->value, p->tag, len);
        return;
    }
    assert(len <= p->slots / 2);
    persons_pass(p, 0, len, len, 48);
    persons_pass(p, len, 0, len, 56);
    for (size_t from = 0; from < len;) {
        size_t to = from + 1;
        while (to < len && p->value[to] >> 48 == p->value[from] >> 48)
            to++;
        persons_order(p->value + from, p->tag + from, to - from);
        from = to;
    }
}

void
persons_settle(struct persons *p, persons_keep *keep, persons_hash *hash, const void *ctx)
{
    assert(!p->settled);
    persons_flush(p);
    size_t len = 0;
    for (size_t i = 0; i < p->slots; i++) {
        if (p->tag[i] == 0 || !keep(ctx, p->tag[i]))
            continue;
        p->value[len] = p->value[i];
        p->tag[len++] = p->tag[i];
    }
    if (hash != NULL && len > 0)
        hash(ctx, p->value, p->tag, len);
    persons_arrange(p, len);
    p->used = len;
    p->settled = true;
}

static bool
persons_all(const void *ctx, uint16_t tag)
{
    (void)ctx;
    return tag != 0;
}

size_t
persons_select(struct persons *p, persons_keep *keep, const void *ctx, const uint64_t **ret)
{
    if (!p->settled)
        persons_settle(p, persons_all, NULL, NULL);
    /* At most half of the slots are used, so the selection fits behind the entries. */
    uint64_t *out = p->slots == 0 ? NULL : p->value + p->used;
    size_t len = 0;
    for (size_t i = 0; i < p->used; i++)
        if ((len == 0 || out[len - 1] != p->value[i]) && keep(ctx, p->tag[i]))
            out[len++] = p->value[i];
    *ret = out;
    return len;
}

void
persons_tally(const struct persons *p, unsigned shift, unsigned mask, uint64_t *ret)
{
    assert(p->settled);
    memset(ret, 0, (mask + 1U) * sizeof(*ret));
    for (size_t i = 0; i < p->used; i++) {
        const unsigned kind = (unsigned)p->tag[i] >> shift & mask;
        bool again = false;
        for (size_t k = i; !again && k > 0 && p->value[k - 1] == p->value[i]; k--)
            again = ((unsigned)p->tag[k - 1] >> shift & mask) == kind;
        ret[kind] += again ? 0 : 1;
    }
}

size_t
persons_sort(uint64_t *values, size_t len)
{
    persons_order(values, NULL, len);
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
