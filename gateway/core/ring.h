/* SPDX-License-Identifier: Apache-2.0 */
/* A single-producer single-consumer ring of slots in a sealed memfd, for bytes between two roles
 * that do not trust each other. The producer creates it and passes three descriptors: the memfd
 * (sealed against growing, shrinking and unsealing: no SIGBUS), an eventfd "slots are there" and
 * an eventfd "room is there". Every index and length of the other side is loaded once and checked;
 * the consumer copies a slot once and works on its copy only. Nonsense is ERR_PROTOCOL and sticks.
 * Spec: design.md 4, Bytes. */
#ifndef TDZ_GATEWAY_CORE_RING_H
#define TDZ_GATEWAY_CORE_RING_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { RING_SLOT_BYTES = 64 * 1024 }; /* most bytes of one slot */
enum { RING_SLOTS_DEFAULT = 4, RING_SLOTS_MAX = 64 };
enum { RING_FDS = 3 }; /* memfd, data eventfd, room eventfd: in this order in messages */

struct ring;

/* The producer's end of a new ring of slot_count (1..RING_SLOTS_MAX) slots. ERR_RANGE, ERR_NOMEM,
 * ERR_SYS (no memfd, no descriptors). */
MUST_USE enum err ring_create(size_t slot_count, struct ring **ret);

/* The descriptors to pass, still owned by the ring. */
void ring_fds(const struct ring *ring, int ret_fds[static RING_FDS]);

/* The consumer's end. Owns fds from now on, also on error (they are closed then). slots_max bounds
 * what the producer may make us map. ERR_PROTOCOL: not a memfd with the three seals, wrong size,
 * wrong header. ERR_SYS. */
MUST_USE enum err ring_attach(const int fds[static RING_FDS], size_t slots_max, struct ring **ret);

/* Unmaps and closes; NULL is fine. The other side notices only by an EOF or abort sent before. */
void ring_free(struct ring *ring);

/* The eventfd to watch for reading: producer: there may be room; consumer: there may be slots.
 * Call ring_ack in the watch's callback before trying again, or it stays ready. */
int ring_wait_fd(const struct ring *ring);
void ring_ack(struct ring *ring);
/* Makes ring_wait_fd ready again without the other side: to come back in a later turn. */
void ring_poke(struct ring *ring);

/* Producer: copies data (1..RING_SLOT_BYTES bytes) into one slot. ERR_AGAIN: no room (wait).
 * ERR_RANGE: wrong length. ERR_STATE: after EOF or abort. ERR_PROTOCOL: the consumer wrote
 * nonsense. ERR_CANCELLED: the consumer gave up. */
MUST_USE enum err ring_write(struct ring *ring, struct span data);

/* Producer, without the copy: room in the next slot (RING_SLOT_BYTES bytes, shared with the
 * consumer: write once, never read back), then ring_commit with the bytes filled. Errors as
 * ring_write. */
MUST_USE enum err ring_reserve(struct ring *ring, uint8_t **ret_slot);
MUST_USE enum err ring_commit(struct ring *ring, size_t len);

/* Producer: nothing follows; the reader gets EOF after the last slot. Takes a slot: ERR_AGAIN. */
MUST_USE enum err ring_eof(struct ring *ring);

/* Producer or consumer: given up. The other side gets ERR_CANCELLED at once. Never fails. */
void ring_abort(struct ring *ring);

/* Consumer: copies the next slot into buf (cap >= RING_SLOT_BYTES) and frees it. *ret_eof true with
 * *ret_len 0 at the end. ERR_AGAIN: nothing there. ERR_RANGE: cap too small. ERR_CANCELLED: the
 * producer gave up. ERR_PROTOCOL: nonsense in indices, length or flags. ERR_STATE: after EOF. */
MUST_USE enum err ring_read(struct ring *ring, uint8_t *buf, size_t cap, size_t *ret_len,
                            bool *ret_eof);

/* Slots that could be written (producer) or read (consumer) right now, 0 after an error. */
size_t ring_ready(struct ring *ring);

#endif
