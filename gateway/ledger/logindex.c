/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logindex.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t
load64(const uint8_t *p)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* Transfer ids are chosen by this zone or the peer at random; multiplication spreads the rest. A
 * peer that chooses them badly only slows its own finds down. */
static uint64_t
mix(const struct logindex_key *key)
{
    uint64_t h = load64(key->transfer) ^ load64(key->transfer + 8) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= ((uint64_t)key->kind << 32 | key->n) * UINT64_C(0xc2b2ae3d27d4eb4f);
    h ^= h >> 29;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 32;
}

enum err
logindex_init(struct logindex *index, size_t capacity)
{
    size_t cap = 1024;
    while (cap / 2 < capacity && cap < (size_t)1 << 32)
        cap *= 2;
    *index = (struct logindex){.cap = cap};
    index->slots = calloc(cap, sizeof(*index->slots));
    return index->slots == NULL ? ERR_NOMEM : ERR_OK;
}

void
logindex_finish(struct logindex *index)
{
    free(index->slots);
    *index = (struct logindex){.slots = NULL};
}

enum err
logindex_reserve(struct logindex *index, size_t count)
{
    size_t cap = index->cap;
    while (index->count + count > cap / 4 * 3) {
        if (cap > (size_t)1 << 31)
            return ERR_FULL;
        cap *= 2;
    }
    if (cap == index->cap)
        return ERR_OK;
    struct logindex_slot *slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return ERR_NOMEM;
    /* The tag holds the low 32 bits of the hash, which are all that places a slot. */
    for (size_t i = 0; i < index->cap; i++) {
        if (index->slots[i].entry == 0)
            continue;
        size_t at = index->slots[i].tag & (cap - 1);
        while (slots[at].entry != 0)
            at = (at + 1) & (cap - 1);
        slots[at] = index->slots[i];
    }
    free(index->slots);
    index->slots = slots;
    index->cap = cap;
    return ERR_OK;
}

void
logindex_put(struct logindex *index, const struct logindex_key *key, uint64_t entry)
{
    const uint32_t tag = (uint32_t)mix(key);
    assert(entry < UINT32_MAX && index->count < index->cap / 4 * 3 + 1);
    size_t at = tag & (index->cap - 1);
    while (index->slots[at].entry != 0)
        at = (at + 1) & (index->cap - 1);
    index->slots[at] = (struct logindex_slot){.tag = tag, .entry = (uint32_t)entry + 1};
    index->count++;
}

bool
logindex_next(const struct logindex *index, const struct logindex_key *key, size_t *at,
              uint64_t *ret_entry)
{
    const uint32_t tag = (uint32_t)mix(key);
    const size_t start = tag & (index->cap - 1);
    for (size_t step = *at; step < index->cap; step++) {
        const struct logindex_slot *slot = &index->slots[(start + step) & (index->cap - 1)];
        if (slot->entry == 0)
            break;
        if (slot->tag == tag) {
            *at = step + 1;
            *ret_entry = slot->entry - 1;
            return true;
        }
    }
    return false;
}
