/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 4, reserve: the transfer's distinct persons are pending under its exporter and the year of
 * a crossing now (X4), so that transfers decided side by side see each other. */
#include "gateway/clerk/counter.h"
#include "gateway/flow/stages.h"

static enum err
s4_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    struct counter_value value;
    (void)arg;
    TRY(counter_reserve(f->store, run->row.id, run->row.party, counter_year(flow_run_wall(f)),
                        &f->room, &value));
    run->row.pending_others = value.pending_others ? 1 : 0;
    return ERR_OK;
}

void
s4_reserve_drive(struct flow *f, struct flow_run *run)
{
    /* ERR_AGAIN: too many are under way. ERR_FULL: their sets together are too large now. */
    if (flow_run_save(f, run, FLOW_X4_RESERVED, s4_fill, NULL) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}

void
s4_reserve_retry(struct flow *f, struct flow_run *run)
{
    uint8_t ids[1][16];
    size_t count = 0;
    const enum err err = store_reserve_list(f->store, run->row.party,
                                            counter_year(flow_run_wall(f)), ids, 1, &count);
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err == ERR_OK && count == 0)
        s5_decide_again(f, run);
}
