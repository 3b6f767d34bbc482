/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"

/* Offsets a hostile side would scribble on (see struct ring_shared). */
enum { AT_PRODUCED = 64, AT_CONSUMED = 128, AT_SLOT0_LEN = 192, AT_SLOT0_FLAGS = 196 };

static struct ring *producer;
static struct ring *consumer;
static uint8_t *shared; /* the hostile side's own mapping */
static uint8_t buf[RING_SLOT_BYTES];
static uint8_t data[RING_SLOT_BYTES];

static void
pass_fds(int out[static RING_FDS])
{
    int fds[RING_FDS];
    ring_fds(producer, fds);
    for (size_t i = 0; i < RING_FDS; i++)
        out[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
}

static void
make(size_t slots)
{
    int fds[RING_FDS];
    CHECK_EQ(ring_create(slots, &producer), ERR_OK);
    pass_fds(fds);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
    CHECK(shared != MAP_FAILED);
    CHECK_EQ(ring_attach(fds, RING_SLOTS_MAX, &consumer), ERR_OK);
}

static void
drop(void)
{
    ring_free(producer);
    ring_free(consumer);
    (void)munmap(shared, 4096);
}

static void
scribble(size_t at, uint32_t value)
{
    memcpy(shared + at, &value, sizeof(value));
}

static enum err
take(size_t *ret_len, bool *ret_eof)
{
    return ring_read(consumer, buf, sizeof(buf), ret_len, ret_eof);
}

static bool
readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void
test_flow(void)
{
    size_t len = 0;
    bool eof = false;
    TEST("slots come out as they went in, in order, and full and empty are told apart")
    {
        make(2);
        for (unsigned round = 0; round < 100; round++) {
            memset(data, (int)round, sizeof(data));
            CHECK_EQ(ring_write(producer, span_of(data, sizeof(data))), ERR_OK);
            data[0] = 0xee;
            CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
            CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_AGAIN);
            CHECK_EQ(ring_ready(consumer), 2);
            CHECK_EQ(take(&len, &eof), ERR_OK);
            CHECK(len == sizeof(data) && !eof && buf[0] == (uint8_t)round &&
                  buf[len - 1] == buf[0]);
            CHECK_EQ(take(&len, &eof), ERR_OK);
            CHECK(len == 1 && buf[0] == 0xee);
            CHECK_EQ(take(&len, &eof), ERR_AGAIN);
        }
        drop();
    }
    TEST("each side is woken by the other, and ack makes it wait again")
    {
        make(1);
        CHECK(!readable(ring_wait_fd(consumer)));
        CHECK_EQ(ring_write(producer, span_of(data, 9)), ERR_OK);
        CHECK(readable(ring_wait_fd(consumer)));
        ring_ack(consumer);
        CHECK(!readable(ring_wait_fd(consumer)));
        CHECK_EQ(take(&len, &eof), ERR_OK);
        CHECK(readable(ring_wait_fd(producer)));
        ring_ack(producer);
        CHECK(!readable(ring_wait_fd(producer)));
        drop();
    }
    TEST("a reserved slot is written in place and seen after commit only")
    {
        uint8_t *slot = NULL;
        make(1);
        CHECK_EQ(ring_commit(producer, 5), ERR_STATE);
        CHECK_EQ(ring_reserve(producer, &slot), ERR_OK);
        memcpy(slot, "hello", 5);
        CHECK_EQ(take(&len, &eof), ERR_AGAIN);
        CHECK_EQ(ring_commit(producer, RING_SLOT_BYTES + 1), ERR_RANGE);
        CHECK_EQ(ring_commit(producer, 5), ERR_OK);
        CHECK_EQ(take(&len, &eof), ERR_OK);
        CHECK(len == 5 && memcmp(buf, "hello", 5) == 0);
        drop();
    }
    TEST("the end is read once, after the last slot, and nothing follows it")
    {
        make(2);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        CHECK_EQ(ring_eof(producer), ERR_OK);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_STATE);
        CHECK_EQ(take(&len, &eof), ERR_OK);
        CHECK(!eof);
        CHECK_EQ(take(&len, &eof), ERR_OK);
        CHECK(eof && len == 0);
        CHECK_EQ(take(&len, &eof), ERR_STATE);
        drop();
    }
    TEST("an abort of either side is seen at once by the other")
    {
        make(2);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        ring_abort(producer);
        CHECK_EQ(take(&len, &eof), ERR_CANCELLED);
        drop();
        make(2);
        ring_abort(consumer);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_CANCELLED);
        drop();
    }
}

static void
test_hostile(void)
{
    size_t len = 0;
    bool eof = false;
    TEST("a producer's count beyond the ring or going back is nonsense that sticks")
    {
        static const uint32_t counts[] = {3, 0x7fffffff, 0xffffffff};
        for (size_t i = 0; i < 3; i++) {
            make(2);
            scribble(AT_PRODUCED, counts[i]);
            CHECK_EQ(take(&len, &eof), ERR_PROTOCOL);
            scribble(AT_PRODUCED, 0);
            CHECK_EQ(take(&len, &eof), ERR_PROTOCOL);
            CHECK_EQ(ring_ready(consumer), 0);
            drop();
        }
        make(2);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        CHECK_EQ(ring_ready(consumer), 2);
        scribble(AT_PRODUCED, 1);
        CHECK_EQ(take(&len, &eof), ERR_PROTOCOL);
        drop();
    }
    TEST("a slot with a length or flag that cannot be is nonsense")
    {
        static const uint32_t bad[][2] = {{0, 0}, {RING_SLOT_BYTES + 1, 0}, {0xffffffff, 0}, {5, 1},
                                          {5, 2}, {0, 0x80000001}};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            make(2);
            CHECK_EQ(ring_write(producer, span_of(data, 5)), ERR_OK);
            scribble(AT_SLOT0_LEN, bad[i][0]);
            scribble(AT_SLOT0_FLAGS, bad[i][1]);
            CHECK_EQ(take(&len, &eof), ERR_PROTOCOL);
            drop();
        }
    }
    TEST("a consumer's count beyond what was produced or going back is nonsense")
    {
        static const uint32_t counts[] = {1, 100, 0xffffffff};
        for (size_t i = 0; i < 3; i++) {
            make(2);
            scribble(AT_CONSUMED, counts[i]);
            CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_PROTOCOL);
            drop();
        }
        make(2);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        CHECK_EQ(take(&len, &eof), ERR_OK);
        CHECK_EQ(ring_ready(producer), 2);
        scribble(AT_CONSUMED, 0);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_PROTOCOL);
        drop();
    }
    TEST("scribbling the counts it owns does not move a side off its own count")
    {
        make(2);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        scribble(AT_CONSUMED, 1);
        CHECK_EQ(take(&len, &eof), ERR_OK);
        CHECK_EQ(take(&len, &eof), ERR_AGAIN);
        drop();
    }
    TEST("an eventfd filled to the brim or made blocking does not hang the other side")
    {
        const uint64_t brim = UINT64_MAX - 1;
        int fds[RING_FDS];
        CHECK_EQ(ring_create(1, &producer), ERR_OK);
        pass_fds(fds);
        shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
        CHECK(fcntl(fds[2], F_SETFL, O_RDWR) == 0);
        CHECK(write(fds[2], &brim, sizeof(brim)) == (ssize_t)sizeof(brim));
        CHECK_EQ(ring_attach(fds, RING_SLOTS_MAX, &consumer), ERR_OK);
        CHECK_EQ(ring_write(producer, span_of(data, 1)), ERR_OK);
        CHECK_EQ(take(&len, &eof), ERR_OK);
        ring_ack(consumer);
        ring_ack(consumer);
        drop();
    }
}

static enum err
attach_with(int memfd, int event, size_t slots_max)
{
    struct ring *ring = NULL;
    int fds[RING_FDS];
    CHECK_EQ(ring_create(2, &producer), ERR_OK);
    pass_fds(fds);
    if (memfd >= 0) {
        (void)close(fds[0]);
        fds[0] = memfd;
    }
    if (event >= 0) {
        (void)close(fds[1]);
        fds[1] = event;
    }
    const enum err err = ring_attach(fds, slots_max, &ring);
    if (err == ERR_OK)
        ring_free(ring);
    else
        CHECK(fcntl(fds[0], F_GETFD) < 0 && errno == EBADF);
    ring_free(producer);
    return err;
}

static int
odd_memfd(size_t bytes, int seals)
{
    const int fd = memfd_create("odd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    CHECK(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void
test_attach(void)
{
    enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };
    const size_t right = 4096 + 2 * (size_t)RING_SLOT_BYTES;
    TEST("only a fully sealed memfd of a possible size with a right header is attached")
    {
        int ends[2];
        CHECK_EQ(attach_with(-1, -1, 2), ERR_OK);
        CHECK_EQ(attach_with(-1, -1, 1), ERR_PROTOCOL);
        CHECK_EQ(attach_with(odd_memfd(right, 0), -1, 4), ERR_PROTOCOL);
        CHECK_EQ(attach_with(odd_memfd(right, F_SEAL_GROW | F_SEAL_SEAL), -1, 4), ERR_PROTOCOL);
        CHECK_EQ(attach_with(odd_memfd(right - 1, SEALS), -1, 4), ERR_PROTOCOL);
        CHECK_EQ(attach_with(odd_memfd(0, SEALS), -1, 4), ERR_PROTOCOL);
        CHECK_EQ(attach_with(odd_memfd(right, SEALS), -1, 4), ERR_PROTOCOL); /* no header */
        CHECK_EQ(attach_with(odd_memfd(right, SEALS | F_SEAL_WRITE), -1, 4), ERR_PROTOCOL);
        CHECK_EQ(attach_with(open("/dev/null", O_RDWR | O_CLOEXEC), -1, 4), ERR_PROTOCOL);
        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        CHECK_EQ(attach_with(-1, ends[0], 4), ERR_PROTOCOL);
        (void)close(ends[1]);
    }
    TEST("a ring has at least one and at most RING_SLOTS_MAX slots, and reads need room")
    {
        size_t len = 0;
        bool eof = false;
        CHECK_EQ(ring_create(0, &producer), ERR_RANGE);
        CHECK_EQ(ring_create(RING_SLOTS_MAX + 1, &producer), ERR_RANGE);
        make(RING_SLOTS_MAX);
        CHECK_EQ(ring_write(producer, span_of(data, 0)), ERR_RANGE);
        CHECK_EQ(ring_read(consumer, buf, sizeof(buf) - 1, &len, &eof), ERR_RANGE);
        drop();
    }
}

int
main(void)
{
    test_flow();
    test_hostile();
    test_attach();
    return test_end();
}
