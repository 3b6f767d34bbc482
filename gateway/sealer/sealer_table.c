/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sealer/sealer_table.h"

#include <unistd.h>

struct sealer_slot *
sealer_table_find(struct sealer_table *t, enum sealer_work work, const uint8_t transfer[static 16],
                  const uint8_t offer_hash[static 32], uint32_t pull)
{
    for (size_t i = 0; i < SEALER_SLOTS_MAX; i++) {
        struct sealer_slot *s = &t->slots[i];
        if (s->used && s->work == work && s->pull == pull &&
            span_eq(span_of(s->transfer, 16), span_of(transfer, 16)) &&
            span_eq(span_of(s->offer_hash, 32), span_of(offer_hash, 32)))
            return s;
    }
    return NULL;
}

struct sealer_slot *
sealer_table_touch(struct sealer_table *t, enum sealer_work work, const uint8_t transfer[static 16],
                   const uint8_t offer_hash[static 32], uint32_t pull)
{
    struct sealer_slot *found = sealer_table_find(t, work, transfer, offer_hash, pull);
    for (size_t i = 0; i < SEALER_SLOTS_MAX && found == NULL; i++) {
        struct sealer_slot *s = &t->slots[i];
        if (s->used)
            continue;
        *s = (struct sealer_slot){
            .used = true, .work = work, .pull = pull, .body_fd = -1, .groups_fd = -1};
        memcpy(s->transfer, transfer, 16);
        memcpy(s->offer_hash, offer_hash, 32);
        found = s;
    }
    return found;
}

void
sealer_table_drop(struct sealer_slot *slot)
{
    loop_watch_free(slot->watch);
    if (slot->ring != NULL && !slot->at_end)
        ring_abort(slot->ring);
    ring_free(slot->ring);
    sealjob_free(slot->seal);
    openjob_free(slot->open);
    if (slot->body_fd >= 0)
        (void)close(slot->body_fd);
    if (slot->groups_fd >= 0)
        (void)close(slot->groups_fd);
    key_wipe(slot, sizeof(*slot));
}
