/* SPDX-License-Identifier: Apache-2.0 */
/* The inspector: one inspection a transfer, fed from ring A (the edge that clerk named, or on
 * import the sealer), its output in ring B to the sealer. It is the process that reads hostile
 * bytes, so it has nothing else: no file, no socket, no data key. It is bound to the first partner
 * it serves until RETIRE. This is the engine without process or loop; inspector_role.c joins it to
 * channels and descriptors. Spec: design.md 3 step 4, 4 (Bytes); docs/PROCESSES.md. */
#ifndef TDZ_GATEWAY_INSPECTOR_INSPECTOR_H
#define TDZ_GATEWAY_INSPECTOR_INSPECTOR_H

#include "gateway/core/msg.h"
#include "gateway/core/payload.h"
#include "gateway/core/ring.h"

enum { INSPECTOR_SLOTS_MAX = 256, INSPECTOR_PENDING_MAX = 8, INSPECTOR_PARTNER_MAX = 255 };
/* Ring slots taken of one transfer in one turn, so that no stream starves the others. */
enum { INSPECTOR_TURN_SLOTS = 4 };

enum inspector_ring { INSPECTOR_RING_IN, INSPECTOR_RING_OUT, INSPECTOR_RINGS };

struct inspector_out {
    void *ctx;
    /* fds stay the engine's. generation 0: whoever is there. ERR_ROLE_LOST, ERR_FULL. */
    enum err (*send)(void *ctx, enum role_id role, unsigned index, uint32_t generation,
                     enum msg_type type, const uint8_t transfer[static 16], struct span body,
                     const int *fds, size_t fd_count);
    /* From now on call inspector_turn(slot) when fd is readable; fd -1: stop. ERR_NOMEM. */
    enum err (*watch)(void *ctx, size_t slot, enum inspector_ring which, int fd);
    /* Call inspector_turn(slot) again after others had their turn. */
    void (*again)(void *ctx, size_t slot);
    /* End this process, to be replaced by a fresh one. */
    void (*retire)(void *ctx);
};

struct inspector_in {
    enum msg_type type;
    enum role_id from;
    unsigned from_index;
    uint32_t from_generation;
    uint8_t transfer[16];
    struct span body;
    int *fds; /* what the handler takes is set to -1 */
    size_t fd_count;
};

struct inspector_slot;
struct inspector_room;

struct inspector {
    struct inspector_out out;
    size_t slot_max;   /* transfers at once */
    size_t ring_slots; /* of the rings made here */
    struct inspector_slot *slots;
    struct inspector_room *room;
    bool is_bound;
    char partner[INSPECTOR_PARTNER_MAX + 1];
    uint64_t clock;
    uint64_t done; /* inspections that ended well */
};

/* Allocates tables and buffers; slot_max in [1, INSPECTOR_SLOTS_MAX]. ERR_RANGE, ERR_NOMEM. */
MUST_USE enum err inspector_init(struct inspector *i, size_t slot_max, size_t ring_slots);
/* Aborts what runs, wipes, frees. */
void inspector_finish(struct inspector *i);

/* Handles one message. Any error is a violation by its sender. Never asserts on input. */
MUST_USE enum err inspector_handle(struct inspector *i, const struct inspector_in *in);

/* Goes on with one transfer; a slot that is not running is no error. */
void inspector_turn(struct inspector *i, size_t slot);

/* The process of role and index died: transfers that depend on it fail. */
void inspector_lost(struct inspector *i, enum role_id role, unsigned index);

/* Transfers in work. */
size_t inspector_busy(const struct inspector *i);

#endif
