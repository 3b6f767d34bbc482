/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/cases.h"

#include <assert.h>
#include <stdlib.h>

/* Open addressing would make eviction hard to follow; 4,096 cases in buckets of 8 by transfer id
 * (random) keep a lookup to one bucket. */
enum { BUCKET = 8, BUCKETS = CASES_MAX / BUCKET };

struct cases {
    uint64_t clock;
    struct keeper_case slots[BUCKETS][BUCKET];
};

enum err
cases_new(struct cases **ret)
{
    struct cases *cases = calloc(1, sizeof(*cases));
    if (cases == NULL)
        return ERR_NOMEM;
    *ret = cases;
    return ERR_OK;
}

void
cases_free(struct cases *cases)
{
    free(cases);
}

static struct keeper_case *
cases_bucket(struct cases *cases, const uint8_t transfer[static 16])
{
    const size_t at = ((size_t)transfer[0] << 8 | transfer[1]) % BUCKETS;
    return cases->slots[at];
}

struct keeper_case *
cases_find(struct cases *cases, const uint8_t transfer[static 16],
           const uint8_t offer_hash[static 32])
{
    struct keeper_case *bucket = cases_bucket(cases, transfer);
    for (size_t i = 0; i < BUCKET; i++) {
        struct keeper_case *c = &bucket[i];
        if (c->used && span_eq(span_of(c->transfer, 16), span_of(transfer, 16)) &&
            span_eq(span_of(c->offer_hash, 32), span_of(offer_hash, 32))) {
            c->touched = ++cases->clock;
            return c;
        }
    }
    return NULL;
}

struct keeper_case *
cases_touch(struct cases *cases, const uint8_t transfer[static 16],
            const uint8_t offer_hash[static 32])
{
    struct keeper_case *found = cases_find(cases, transfer, offer_hash);
    if (found != NULL)
        return found;
    struct keeper_case *bucket = cases_bucket(cases, transfer);
    struct keeper_case *c = &bucket[0];
    for (size_t i = 0; i < BUCKET && c->used; i++)
        if (!bucket[i].used || bucket[i].touched < c->touched)
            c = &bucket[i];
    *c = (struct keeper_case){.used = true, .touched = ++cases->clock};
    memcpy(c->transfer, transfer, 16);
    memcpy(c->offer_hash, offer_hash, 32);
    return c;
}

void
cases_logged_add(struct keeper_case *c, const struct case_logged *logged)
{
    if (cases_logged_leaf(c, logged->leaf) != NULL)
        return;
    if (c->logged_count == CASES_LOGGED_MAX) {
        memmove(&c->logged[0], &c->logged[1], sizeof(c->logged[0]) * (CASES_LOGGED_MAX - 1));
        c->logged_count--;
    }
    c->logged[c->logged_count++] = *logged;
}

const struct case_logged *
cases_logged_leaf(const struct keeper_case *c, const uint8_t leaf[static 32])
{
    assert(c->logged_count <= CASES_LOGGED_MAX);
    for (size_t i = 0; i < c->logged_count; i++)
        if (span_eq(span_of(c->logged[i].leaf, 32), span_of(leaf, 32)))
            return &c->logged[i];
    return NULL;
}

const struct case_logged *
cases_logged_kind(const struct keeper_case *c, uint8_t kind)
{
    for (size_t i = c->logged_count; i > 0; i--)
        if (c->logged[i - 1].kind == kind)
            return &c->logged[i - 1];
    return NULL;
}
