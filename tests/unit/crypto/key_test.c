/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"
#include "tests/test.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs check in a child; true if it returned true. */
static bool
key_test_child(bool (*check)(const struct secret64 *slot), const struct secret64 *slot)
{
    const pid_t pid = fork();
    if (pid == 0)
        _exit(check(slot) ? 0 : 1);
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool
key_test_slot_is_zero(const struct secret64 *slot)
{
    return key_is_zero(span_of(slot->bytes, sizeof(slot->bytes)));
}

static const bool key_test_can_lock = !TEST_ASAN && !TEST_TSAN;

static bool
key_test_limit_refused(const struct secret64 *slot)
{
    (void)slot;
    const struct rlimit none = {0, 0};
    struct key_arena *arena = NULL;
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0))
        return false;
    return key_arena_new(4, &arena) == ERR_NO_SPACE && arena == NULL;
}

static void
key_test_arena(void)
{
    struct key_arena *arena = NULL;
    struct secret64 *slots[3] = {NULL};
    struct secret64 *more = NULL;
    TEST("an arena gives zeroed slots until it is full and wipes what comes back")
    {
        CHECK_EQ(key_arena_new(3, &arena), ERR_OK);
        for (size_t i = 0; i < 3; i++) {
            CHECK_EQ(key_arena_take(arena, &slots[i]), ERR_OK);
            CHECK(key_test_slot_is_zero(slots[i]));
            key_random(slots[i]->bytes, sizeof(slots[i]->bytes));
        }
        CHECK_EQ(key_arena_take(arena, &more), ERR_FULL);
        CHECK_EQ(key_arena_used(arena), 3);
        key_arena_give(arena, slots[1]);
        CHECK(key_test_slot_is_zero(slots[1])); /* still mapped: wiped, not unmapped */
        CHECK_EQ(key_arena_take(arena, &more), ERR_OK);
        CHECK(more == slots[1]);
        key_arena_give(arena, NULL);
    }
    TEST("a forked child sees zeros where the parent has a secret")
    {
        CHECK(!key_test_slot_is_zero(slots[0]));
        CHECK(key_test_child(key_test_slot_is_zero, slots[0]));
        CHECK(!key_test_slot_is_zero(slots[0]));
        key_arena_free(arena);
        key_arena_free(NULL);
    }
    TEST("an arena of a size outside its bounds is refused")
    {
        CHECK_EQ(key_arena_new(0, &arena), ERR_RANGE);
        CHECK_EQ(key_arena_new(KEY_SLOTS_MAX + 1, &arena), ERR_RANGE);
    }
    if (!key_test_can_lock)
        test_skip("an arena that cannot be locked is refused",
                  "a sanitizer makes mlock do nothing");
    else
        TEST("an arena that cannot be locked is refused")
        {
            CHECK(key_test_child(key_test_limit_refused, NULL));
        }
}

int
main(void)
{
    TEST("the library starts, twice")
    {
        CHECK_EQ(key_init(), ERR_OK);
        CHECK_EQ(key_init(), ERR_OK);
    }
    TEST("random bytes differ from call to call and fill all they should")
    {
        uint8_t seen[64] = {0};
        for (int round = 0; round < 64; round++) {
            uint8_t now[64];
            key_random(now, sizeof(now));
            for (size_t i = 0; i < sizeof(now); i++)
                seen[i] |= now[i];
        }
        for (size_t i = 0; i < sizeof(seen); i++)
            CHECK_EQ(seen[i], 0xff);
    }
    TEST("equality sees every bit and the length")
    {
        uint8_t a[32];
        uint8_t b[32];
        key_random(a, sizeof(a));
        memcpy(b, a, sizeof(b));
        CHECK(key_equal(span_of(a, 32), span_of(b, 32)));
        CHECK(!key_equal(span_of(a, 32), span_of(b, 31)));
        CHECK(key_equal(span_of(a, 0), span_of(b, 0)));
        for (size_t bit = 0; bit < 256; bit++) {
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
            CHECK(!key_equal(span_of(a, 32), span_of(b, 32)));
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    TEST("wiping leaves zeros")
    {
        struct secret32 s;
        key_random(s.bytes, sizeof(s.bytes));
        CHECK(!key_is_zero(span_of(s.bytes, 32)));
        key_secret32_wipe(&s);
        CHECK(key_is_zero(span_of(s.bytes, 32)));
    }
    key_test_arena();
    TEST("a block of locked memory comes zeroed and within its bounds")
    {
        void *block = NULL;
        CHECK_EQ(key_block_new(0, &block), ERR_RANGE);
        CHECK_EQ(key_block_new(KEY_BLOCK_BYTES_MAX + 1, &block), ERR_RANGE);
        CHECK_EQ(key_block_new(600, &block), ERR_OK);
        CHECK(key_is_zero(span_of(block, 600)));
        key_block_free(block);
        key_block_free(NULL);
    }
    return test_end();
}
