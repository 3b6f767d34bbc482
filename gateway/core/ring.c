/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/ring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/core/rogue.h"

enum { RING_HEADER_BYTES = 4096, RING_MAGIC = 0x54445a52, RING_LAYOUT = 1 };
enum { RING_FLAG_EOF = 1 };
enum { RING_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

struct ring_slot {
    _Atomic uint32_t len;
    _Atomic uint32_t flags;
};

/* The first page of the memfd. Each side writes its own cache line and only reads the other's;
 * counts run freely and wrap, so that full and empty differ. */
struct ring_shared {
    uint32_t magic;
    uint32_t layout;
    uint32_t slot_count;
    uint32_t slot_bytes;
    _Alignas(64) _Atomic uint32_t produced;
    _Atomic uint32_t producer_gone;
    _Alignas(64) _Atomic uint32_t consumed;
    _Atomic uint32_t consumer_gone;
    _Alignas(64) struct ring_slot slots[RING_SLOTS_MAX];
};
static_assert(sizeof(struct ring_shared) <= RING_HEADER_BYTES, "the header is one page");

struct ring {
    struct ring_shared *shared;
    uint8_t *data;
    size_t bytes;
    uint32_t slot_count; /* ours; never read again from the shared page */
    uint32_t own;        /* slots produced or consumed by this side: never read back */
    uint32_t other;      /* the other side's count as last accepted */
    bool is_producer;
    bool ended;      /* EOF sent or read */
    bool reserved;   /* producer: a slot is handed out */
    enum err broken; /* sticks */
    int fds[RING_FDS];
};

static size_t
ring_bytes(size_t slot_count)
{
    return RING_HEADER_BYTES + slot_count * RING_SLOT_BYTES;
}

static enum err
ring_map(struct ring *ring, size_t slot_count)
{
    ring->bytes = ring_bytes(slot_count);
    void *map = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fds[0], 0);
    if (map == MAP_FAILED)
        return ERR_SYS;
    ring->shared = map;
    ring->data = (uint8_t *)map + RING_HEADER_BYTES;
    ring->slot_count = (uint32_t)slot_count;
    return ERR_OK;
}

static struct ring *
ring_blank(bool is_producer)
{
    struct ring *ring = calloc(1, sizeof(*ring));
    if (ring == NULL)
        return NULL;
    ring->is_producer = is_producer;
    for (size_t i = 0; i < RING_FDS; i++)
        ring->fds[i] = -1;
    return ring;
}

static enum err
ring_make(struct ring *ring, size_t slot_count)
{
    ring->fds[0] = memfd_create("tdz-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ring->fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ring->fds[2] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ring->fds[0] < 0 || ring->fds[1] < 0 || ring->fds[2] < 0)
        return ERR_SYS;
    if (ftruncate(ring->fds[0], (off_t)ring_bytes(slot_count)) != 0)
        return ERR_SYS;
    if (fcntl(ring->fds[0], F_ADD_SEALS, RING_SEALS) != 0)
        return ERR_SYS;
    TRY(ring_map(ring, slot_count));
    ring->shared->magic = RING_MAGIC;
    ring->shared->layout = RING_LAYOUT;
    ring->shared->slot_count = (uint32_t)slot_count;
    ring->shared->slot_bytes = RING_SLOT_BYTES;
    return ERR_OK;
}

enum err
ring_create(size_t slot_count, struct ring **ret)
{
    if (slot_count == 0 || slot_count > RING_SLOTS_MAX)
        return ERR_RANGE;
    struct ring *ring = ring_blank(true);
    if (ring == NULL)
        return ERR_NOMEM;
    const enum err err = ring_make(ring, slot_count);
    if (err != ERR_OK) {
        ring_free(ring);
        return err;
    }
    *ret = ring;
    return ERR_OK;
}

void
ring_fds(const struct ring *ring, int ret_fds[static RING_FDS])
{
    for (size_t i = 0; i < RING_FDS; i++)
        ret_fds[i] = ring->fds[i];
}

/* A descriptor of the other side that says it is an eventfd: an anonymous inode has no file type,
 * and non-blocking is forced here, so that neither reading nor writing it can ever hang us. */
static enum err
ring_check_event(int fd)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return ERR_PROTOCOL;
    if ((st.st_mode & S_IFMT) != 0)
        return ERR_PROTOCOL;
    return fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0 ? ERR_OK : ERR_SYS;
}

static enum err
ring_check(struct ring *ring, size_t slots_max)
{
    struct stat st;
    const int memfd = ring->fds[0];
    if (memfd < 0 || fstat(memfd, &st) != 0 || !S_ISREG(st.st_mode))
        return ERR_PROTOCOL;
    const int seals = fcntl(memfd, F_GET_SEALS);
    if (seals < 0 || (seals & RING_SEALS) != RING_SEALS)
        return ERR_PROTOCOL;
    TRY(ring_check_event(ring->fds[1]));
    TRY(ring_check_event(ring->fds[2]));
    size_t slot_count = 0;
    for (size_t n = 1; n <= slots_max && n <= RING_SLOTS_MAX; n++) {
        if ((uint64_t)st.st_size == ring_bytes(n))
            slot_count = n;
    }
    if (slot_count == 0)
        return ERR_PROTOCOL;
    /* A memfd sealed against writing cannot be mapped: the producer's nonsense, not our failure. */
    if (ring_map(ring, slot_count) != ERR_OK)
        return ERR_PROTOCOL;
    const struct ring_shared *shared = ring->shared;
    const bool right = shared->magic == RING_MAGIC && shared->layout == RING_LAYOUT &&
                       shared->slot_count == slot_count && shared->slot_bytes == RING_SLOT_BYTES;
    return right ? ERR_OK : ERR_PROTOCOL;
}

enum err
ring_attach(const int fds[static RING_FDS], size_t slots_max, struct ring **ret)
{
    struct ring *ring = ring_blank(false);
    if (ring == NULL) {
        for (size_t i = 0; i < RING_FDS; i++)
            (void)close(fds[i]);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < RING_FDS; i++)
        ring->fds[i] = fds[i];
    const enum err err = ring_check(ring, slots_max);
    if (err != ERR_OK) {
        ring_free(ring);
        return err;
    }
    *ret = ring;
    return ERR_OK;
}

void
ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    if (ring->shared != NULL)
        (void)munmap(ring->shared, ring->bytes);
    for (size_t i = 0; i < RING_FDS; i++) {
        if (ring->fds[i] >= 0)
            (void)close(ring->fds[i]);
    }
    free(ring);
}

int
ring_wait_fd(const struct ring *ring)
{
    return ring->fds[ring->is_producer ? 2 : 1];
}

void
ring_ack(struct ring *ring)
{
    uint64_t count = 0;
    const ssize_t n = read(ring_wait_fd(ring), &count, sizeof(count));
    (void)n; /* EAGAIN: nobody called; anything else shows when the ring is used */
}

void
ring_poke(struct ring *ring)
{
    const uint64_t one = 1;
    const ssize_t n = write(ring_wait_fd(ring), &one, sizeof(one));
    (void)n; /* EAGAIN: it is ready already */
}

/* Wakes the other side. EAGAIN means its counter is full, so it is awake already. */
static void
ring_wake(struct ring *ring)
{
    const uint64_t one = 1;
    const ssize_t n = write(ring->fds[ring->is_producer ? 1 : 2], &one, sizeof(one));
    (void)n;
}

static enum err
ring_break(struct ring *ring, enum err why)
{
    if (ring->broken == ERR_OK)
        ring->broken = why;
    return ring->broken;
}

/* Producer: slots free for writing. The consumer's count is loaded once, may only grow, and never
 * beyond what was produced. */
static enum err
ring_room(struct ring *ring, uint32_t *ret_free)
{
    assert(ring->is_producer);
    if (ring->broken != ERR_OK)
        return ring->broken;
    if (atomic_load_explicit(&ring->shared->consumer_gone, memory_order_acquire) != 0)
        return ring_break(ring, ERR_CANCELLED);
    const uint32_t consumed = atomic_load_explicit(&ring->shared->consumed, memory_order_acquire);
    if (consumed - ring->other > ring->own - ring->other)
        return ring_break(ring, ERR_PROTOCOL);
    ring->other = consumed;
    assert(ring->own - consumed <= ring->slot_count);
    *ret_free = ring->slot_count - (ring->own - consumed);
    return ERR_OK;
}

/* Consumer: slots there for reading; the same checks the other way round. */
static enum err
ring_filled(struct ring *ring, uint32_t *ret_filled)
{
    assert(!ring->is_producer);
    if (ring->broken != ERR_OK)
        return ring->broken;
    if (atomic_load_explicit(&ring->shared->producer_gone, memory_order_acquire) != 0)
        return ring_break(ring, ERR_CANCELLED);
    const uint32_t produced = atomic_load_explicit(&ring->shared->produced, memory_order_acquire);
    const uint32_t filled = produced - ring->own;
    if (filled > ring->slot_count || filled < ring->other - ring->own)
        return ring_break(ring, ERR_PROTOCOL);
    ring->other = produced;
    *ret_filled = filled;
    return ERR_OK;
}

enum err
ring_reserve(struct ring *ring, uint8_t **ret_slot)
{
    uint32_t room = 0;
    TRY(ring_room(ring, &room));
    if (ring->ended)
        return ERR_STATE;
    if (room == 0)
        return ERR_AGAIN;
    ring->reserved = true;
    *ret_slot = ring->data + (size_t)(ring->own % ring->slot_count) * RING_SLOT_BYTES;
    return ERR_OK;
}

#if TDZ_FAULTS
enum { RING_AHEAD = 1000 }; /* slots that a captured producer claims and never filled */

/* A captured producer's try to have one thing inspected and another sealed: every digit of the slot
 * becomes another one, again and again while the consumer may be reading. */
static void
ring_rewrite(struct ring *ring, uint32_t slot, uint32_t len)
{
    volatile uint8_t *at = ring->data + (size_t)(slot % ring->slot_count) * RING_SLOT_BYTES;
    for (unsigned round = 0; round < 200; round++) {
        for (uint32_t i = 0; i < len; i++) {
            if (at[i] >= '0' && at[i] <= '9')
                at[i] = (uint8_t)('0' + (at[i] - '0' + 1) % 10);
        }
    }
}
#endif

static void
ring_publish(struct ring *ring, uint32_t len, uint32_t flags)
{
    struct ring_slot *slot = &ring->shared->slots[ring->own % ring->slot_count];
    atomic_store_explicit(&slot->len, len, memory_order_relaxed);
    atomic_store_explicit(&slot->flags, flags, memory_order_relaxed);
    ring->own++;
    ring->reserved = false;
    uint32_t produced = ring->own;
#if TDZ_FAULTS
    if (rogue_acts(FAULT_rogue_ring_length))
        atomic_store_explicit(&slot->len, RING_SLOT_BYTES + 1, memory_order_relaxed);
    if (rogue_acts(FAULT_rogue_ring_index))
        produced += RING_AHEAD;
#endif
    atomic_store_explicit(&ring->shared->produced, produced, memory_order_release);
    ring_wake(ring);
#if TDZ_FAULTS
    if (len > 0 && rogue_acts(FAULT_rogue_ring_rewrite))
        ring_rewrite(ring, ring->own - 1, len);
#endif
}

enum err
ring_commit(struct ring *ring, size_t len)
{
    assert(ring->is_producer);
    if (ring->broken != ERR_OK)
        return ring->broken;
    if (!ring->reserved)
        return ERR_STATE;
    if (len == 0 || len > RING_SLOT_BYTES)
        return ERR_RANGE;
    ring_publish(ring, (uint32_t)len, 0);
    return ERR_OK;
}

enum err
ring_write(struct ring *ring, struct span data)
{
    uint8_t *slot = NULL;
    if (data.len == 0 || data.len > RING_SLOT_BYTES)
        return ERR_RANGE;
    TRY(ring_reserve(ring, &slot));
    memcpy(slot, data.ptr, data.len);
    return ring_commit(ring, data.len);
}

enum err
ring_eof(struct ring *ring)
{
    uint8_t *slot = NULL;
    TRY(ring_reserve(ring, &slot));
    ring_publish(ring, 0, RING_FLAG_EOF);
    ring->ended = true;
    return ERR_OK;
}

void
ring_abort(struct ring *ring)
{
    _Atomic uint32_t *gone =
        ring->is_producer ? &ring->shared->producer_gone : &ring->shared->consumer_gone;
    atomic_store_explicit(gone, 1, memory_order_release);
    (void)ring_break(ring, ERR_CANCELLED);
    ring_wake(ring);
}

enum err
ring_read(struct ring *ring, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_eof)
{
    uint32_t filled = 0;
    if (cap < RING_SLOT_BYTES)
        return ERR_RANGE;
    if (ring->ended)
        return ERR_STATE;
    TRY(ring_filled(ring, &filled));
    if (filled == 0)
        return ERR_AGAIN;
    const uint32_t at = ring->own % ring->slot_count;
    const uint32_t len = atomic_load_explicit(&ring->shared->slots[at].len, memory_order_relaxed);
    const uint32_t flags =
        atomic_load_explicit(&ring->shared->slots[at].flags, memory_order_relaxed);
    const bool is_eof = flags == RING_FLAG_EOF && len == 0;
    const bool is_data = flags == 0 && len > 0 && len <= RING_SLOT_BYTES;
    if (!is_eof && !is_data)
        return ring_break(ring, ERR_PROTOCOL);
    if (is_data)
        memcpy(buf, ring->data + (size_t)at * RING_SLOT_BYTES, len);
    ring->own++;
    ring->ended = is_eof;
    atomic_store_explicit(&ring->shared->consumed, ring->own, memory_order_release);
    ring_wake(ring);
    *ret_len = len;
    *ret_eof = is_eof;
    return ERR_OK;
}

size_t
ring_ready(struct ring *ring)
{
    uint32_t count = 0;
    const enum err err = ring->is_producer ? ring_room(ring, &count) : ring_filled(ring, &count);
    return err == ERR_OK ? count : 0;
}
