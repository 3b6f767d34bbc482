/* SPDX-License-Identifier: Apache-2.0 */
/* Which inspector and which sealer serve a transfer. An inspector has parsed what one partner sent,
 * so it serves nobody else afterwards: bound at the first transfer, retired after the last. */
#include "gateway/flow/flow_run.h"

#include <stdio.h>

/* The bound instances of partner and the free ones; the least loaded of the first. */
static unsigned
pool_choose(struct flow *f, const char *partner, unsigned count, unsigned *ret_free)
{
    unsigned best = count;
    unsigned unbound = count;
    unsigned free_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct flow_inspector *at = &f->inspectors[i];
        const uint32_t gen = f->out.generation(f->out.ctx, ROLE_INSPECTOR, i);
        if (gen == 0 || gen != at->gen || at->retiring)
            continue;
        if (at->partner[0] == 0) {
            free_count++;
            unbound = unbound == count ? i : unbound;
        } else if (strcmp(at->partner, partner) == 0 &&
                   (best == count || at->transfers < f->inspectors[best].transfers)) {
            best = i;
        }
    }
    *ret_free = unbound;
    /* A second inspector for the same partner only while another partner still finds one. */
    if (best != count && f->inspectors[best].transfers > 0 && free_count > 1)
        return unbound;
    return best;
}

enum err
flow_pool_sealer(struct flow *f, struct flow_peer *ret)
{
    const unsigned count = f->out.instances(f->out.ctx, ROLE_SEALER);
    for (unsigned i = 0; i < count; i++) {
        const unsigned index = (f->next_sealer + i) % count;
        const uint32_t gen = f->out.generation(f->out.ctx, ROLE_SEALER, index);
        if (gen == 0)
            continue;
        f->next_sealer = (index + 1) % count;
        *ret = (struct flow_peer){true, (uint8_t)index, gen};
        return ERR_OK;
    }
    return ERR_AGAIN;
}

enum err
flow_pool_take(struct flow *f, struct flow_run *run, const char *partner)
{
    unsigned count = f->out.instances(f->out.ctx, ROLE_INSPECTOR);
    unsigned unbound = 0;
    struct flow_peer sealer = {0};
    if (count > ROLE_INDEX_MAX)
        count = ROLE_INDEX_MAX;
    if (run->inspector.bound)
        return ERR_OK;
    unsigned index = pool_choose(f, partner, count, &unbound);
    if (index == count)
        index = unbound;
    if (index == count)
        return ERR_AGAIN;
    TRY(flow_pool_sealer(f, &sealer));
    struct flow_inspector *inspector = &f->inspectors[index];
    (void)snprintf(inspector->partner, sizeof(inspector->partner), "%s", partner);
    inspector->transfers++;
    run->inspector = (struct flow_peer){true, (uint8_t)index, inspector->gen};
    run->sealer = sealer;
    return ERR_OK;
}

void
flow_pool_give(struct flow *f, struct flow_run *run)
{
    static const uint8_t reserved[1] = {0};
    run->sealer.bound = false;
    if (!run->inspector.bound)
        return;
    run->inspector.bound = false;
    struct flow_inspector *inspector = &f->inspectors[run->inspector.index];
    if (inspector->gen != run->inspector.gen || inspector->transfers == 0)
        return;
    inspector->transfers--;
    if (inspector->transfers > 0)
        return;
    struct msg m = {.type = MSG_RETIRE, .body = span_of(reserved, sizeof(reserved))};
    inspector->retiring = true;
    /* If it cannot be told it is dead or full; either way it serves nobody until it is new. */
    if (f->out.tell(f->out.ctx, ROLE_INSPECTOR, run->inspector.index, &m) != ERR_OK)
        inspector->retiring = true;
}

void
flow_pool_abort(struct flow *f, struct flow_run *run)
{
    struct p_inspect_abort inspect;
    struct p_seal_abort seal;
    struct span body;
    memcpy(inspect.offer_hash, run->row.offer_hash, sizeof(inspect.offer_hash));
    memcpy(seal.offer_hash, run->row.offer_hash, sizeof(seal.offer_hash));
    /* A role that cannot be told is dead, and knows nothing any more. */
    if (run->inspector.bound &&
        payload_inspect_abort_put(&inspect, f->tx, sizeof(f->tx), &body) == ERR_OK)
        (void)!flow_run_tell(f, run, ROLE_INSPECTOR, run->inspector.index, MSG_INSPECT_ABORT, body,
                             NULL, 0);
    if (run->sealer.bound && payload_seal_abort_put(&seal, f->tx, sizeof(f->tx), &body) == ERR_OK)
        (void)!flow_run_tell(f, run, ROLE_SEALER, run->sealer.index, MSG_SEAL_ABORT, body, NULL, 0);
}

bool
flow_pool_is(const struct flow_peer *peer, struct flow *f, enum role_id role, unsigned index)
{
    return peer->bound && peer->index == index &&
           peer->gen == f->out.generation(f->out.ctx, role, index);
}
