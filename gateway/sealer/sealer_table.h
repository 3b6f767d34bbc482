/* SPDX-License-Identifier: Apache-2.0 */
/* The containers a sealer works on: a bounded table of slots. What belongs to one container comes
 * from several roles in any order; a slot holds the pieces until all are there. */
#ifndef TDZ_GATEWAY_SEALER_SEALER_TABLE_H
#define TDZ_GATEWAY_SEALER_SEALER_TABLE_H

#include "crypto/key.h"
#include "gateway/core/loop.h"
#include "gateway/core/ring.h"
#include "gateway/sealer/openjob.h"
#include "gateway/sealer/sealjob.h"

enum { SEALER_SLOTS_MAX = 256 };
enum sealer_work { SEALER_SEAL, SEALER_INSPECT, SEALER_PULL };

struct sealer_role;

struct sealer_slot {
    struct sealer_role *owner;
    bool used;
    enum sealer_work work;
    uint8_t transfer[16];
    uint8_t offer_hash[32];
    uint32_t pull;
    /* from clerk: files; who is at the other end of the ring */
    bool has_open;
    int body_fd;
    int groups_fd;
    unsigned other;
    uint32_t other_gen;
    uint64_t first;
    uint64_t last;
    /* from keeper */
    bool has_key;
    uint8_t suite;
    struct secret32 dek;
    struct secret32 evidence;
    uint8_t salt_commit[BODY_PREFIX_BYTES]; /* sealing: the salt only */
    uint64_t chunks;
    uint64_t plaintext_len;
    uint8_t root[32];
    /* from the inspector (sealing), or made here (opening) */
    bool has_ring;
    unsigned ring_from;
    uint32_t ring_from_gen;
    struct ring *ring;
    struct loop_watch *watch;
    /* running */
    struct sealjob *seal;
    struct openjob *open;
    size_t waiting_len; /* opened bytes that did not fit into the ring yet */
    bool at_end;
};

struct sealer_table {
    struct sealer_slot slots[SEALER_SLOTS_MAX];
};

struct sealer_slot *sealer_table_find(struct sealer_table *t, enum sealer_work work,
                                      const uint8_t transfer[static 16],
                                      const uint8_t offer_hash[static 32], uint32_t pull);

/* The slot, made if it is not there. NULL when the table is full. */
struct sealer_slot *sealer_table_touch(struct sealer_table *t, enum sealer_work work,
                                       const uint8_t transfer[static 16],
                                       const uint8_t offer_hash[static 32], uint32_t pull);

/* Ends the work of a slot: the ring is aborted unless it ended well, keys are wiped, files closed.
 */
void sealer_table_drop(struct sealer_slot *slot);

#endif
