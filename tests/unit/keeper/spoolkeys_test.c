/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/spoolkeys.h"

#include <sys/mman.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/test.h"

static const uint8_t transfer[16] = {1, 2, 3};
static const uint8_t other[16] = {9};
static const uint8_t bind_hash[32] = {4, 5, 6};

int
main(void)
{
    struct secret32 storage = {{7}};
    struct secret32 wrong = {{8}};
    struct secret32 dek = {{42}};
    struct secret32 back = {{0}};
    uint8_t wrap[SPOOLKEYS_WRAP_BYTES];
    struct spoolkeys *keys = NULL;
    CHECK_EQ(crypto_init(), ERR_OK);
    const int fd = memfd_create("spoolkeys", 0);

    TEST("a data key wrapped today opens also after a restart")
    {
        CHECK_EQ(spoolkeys_open(dup(fd), &storage, &keys), ERR_OK);
        CHECK_EQ(spoolkeys_wrap(keys, 20000, SPOOLKEYS_SPOOL, transfer, bind_hash, &dek, wrap),
                 ERR_OK);
        spoolkeys_close(keys);
        CHECK_EQ(spoolkeys_open(dup(fd), &storage, &keys), ERR_OK);
        CHECK_EQ(spoolkeys_unwrap(keys, span_of(wrap, sizeof(wrap)), SPOOLKEYS_SPOOL, transfer,
                                  bind_hash, &back),
                 ERR_OK);
        CHECK(key_equal(span_of(back.bytes, 32), span_of(dek.bytes, 32)));
    }
    TEST("a wrap serves no other purpose, transfer or body")
    {
        const struct span w = span_of(wrap, sizeof(wrap));
        uint8_t bad_bind[32] = {0};
        CHECK_EQ(spoolkeys_unwrap(keys, w, SPOOLKEYS_INBOX, transfer, bind_hash, &back), ERR_AUTH);
        CHECK_EQ(spoolkeys_unwrap(keys, w, SPOOLKEYS_SPOOL, other, bind_hash, &back), ERR_AUTH);
        CHECK_EQ(spoolkeys_unwrap(keys, w, SPOOLKEYS_SPOOL, transfer, bad_bind, &back), ERR_AUTH);
        CHECK_EQ(
            spoolkeys_unwrap(keys, span_of(wrap, 10), SPOOLKEYS_SPOOL, transfer, bind_hash, &back),
            ERR_SYNTAX);
        wrap[30] ^= 1;
        CHECK_EQ(spoolkeys_unwrap(keys, w, SPOOLKEYS_SPOOL, transfer, bind_hash, &back), ERR_AUTH);
        wrap[30] ^= 1;
    }
    TEST("destroying a day makes its wraps unreadable for good, also after a restart")
    {
        uint8_t later[SPOOLKEYS_WRAP_BYTES];
        CHECK_EQ(spoolkeys_wrap(keys, 20001, SPOOLKEYS_SPOOL, transfer, bind_hash, &dek, later),
                 ERR_OK);
        CHECK_EQ(spoolkeys_destroy_before(keys, 20001), ERR_OK);
        for (int round = 0; round < 2; round++) {
            CHECK_EQ(spoolkeys_unwrap(keys, span_of(wrap, sizeof(wrap)), SPOOLKEYS_SPOOL, transfer,
                                      bind_hash, &back),
                     ERR_NOT_FOUND);
            CHECK_EQ(spoolkeys_unwrap(keys, span_of(later, sizeof(later)), SPOOLKEYS_SPOOL,
                                      transfer, bind_hash, &back),
                     ERR_OK);
            spoolkeys_close(keys);
            CHECK_EQ(spoolkeys_open(dup(fd), &storage, &keys), ERR_OK);
        }
    }
    TEST("a slot torn by a power cut is left alone and the rest stays readable")
    {
        static const uint8_t torn[64] = {0, 0, 0x4e, 0x22, 1};
        uint8_t newer[SPOOLKEYS_WRAP_BYTES];
        spoolkeys_close(keys);
        CHECK_EQ(pwrite(fd, torn, sizeof(torn), 8 + 2 * 64), 64);
        CHECK_EQ(spoolkeys_open(dup(fd), &storage, &keys), ERR_OK);
        CHECK_EQ(spoolkeys_wrap(keys, 20003, SPOOLKEYS_SPOOL, transfer, bind_hash, &dek, newer),
                 ERR_OK);
        CHECK_EQ(spoolkeys_wrap(keys, 20004, SPOOLKEYS_SPOOL, transfer, bind_hash, &dek, newer),
                 ERR_OK);
        spoolkeys_close(keys);
        CHECK_EQ(spoolkeys_open(dup(fd), &storage, &keys), ERR_OK);
        CHECK_EQ(spoolkeys_unwrap(keys, span_of(newer, sizeof(newer)), SPOOLKEYS_SPOOL, transfer,
                                  bind_hash, &back),
                 ERR_OK);
        spoolkeys_close(keys);
    }
    TEST("another storage key and another file are refused")
    {
        const int bad = memfd_create("bad", 0);
        CHECK_EQ(spoolkeys_open(dup(fd), &wrong, &keys), ERR_AUTH);
        CHECK_EQ(write(bad, "not a key file", 14), 14);
        CHECK_EQ(spoolkeys_open(bad, &storage, &keys), ERR_SYNTAX);
    }
    return test_end();
}
