/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening together, over files in memory. */
#include "gateway/sealer/sealjob.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "gateway/sealer/openjob.h"
#include "tests/test.h"

enum { GROUP = BODY_GROUP_CHUNKS * BODY_CHUNK_BYTES };
static struct sealjob_out out;
static uint8_t plain[GROUP + 70000];
static uint8_t back[GROUP + 140000];
static const struct secret32 dek = {{1, 2, 3}};
static const uint8_t salt[24] = {9};
static const uint8_t offer[32] = {7};
static uint8_t prefix[BODY_PREFIX_BYTES];

/* Seals len bytes in pieces of step; the files stay open in *body and *groups. */
static enum err
seal(size_t len, size_t step, int *body, int *groups, struct p_sealed *ret)
{
    struct sealjob *job = NULL;
    *body = memfd_create("body", 0);
    *groups = memfd_create("groups", 0);
    TRY(sealjob_new(SUITE_AES_256_GCM, &dek, salt, offer, dup(*body), dup(*groups), &job));
    enum err err = ERR_OK;
    for (size_t at = 0; at < len && err == ERR_OK; at += step)
        err = sealjob_feed(job, span_of(plain + at, len - at < step ? len - at : step), &out);
    if (err == ERR_OK)
        err = sealjob_end(job, &out, ret);
    if (err == ERR_OK) {
        memcpy(prefix, ret->salt_commit.ptr, sizeof(prefix));
        ret->salt_commit = span_of(prefix, sizeof(prefix));
        CHECK_EQ(sealjob_feed(job, SPAN_LIT("x"), &out), ERR_STATE);
    }
    sealjob_free(job);
    return err;
}

static enum err
open_all(const struct p_sealed *s, int body, bool inspect, uint64_t first, uint64_t last,
         size_t *ret_len)
{
    struct p_open_key key = {.suite = s->suite,
                             .salt_commit = s->salt_commit,
                             .chunks = s->chunks,
                             .plaintext_len = s->plaintext_len,
                             .purpose = inspect ? OPEN_INSPECT : OPEN_PULL};
    struct openjob *job = NULL;
    memcpy(key.offer_hash, offer, 32);
    memcpy(key.dek, dek.bytes, 32);
    memcpy(key.root, s->root, 32);
    TRY(openjob_new(&key, dup(body), first, last, &job));
    size_t total = 0;
    size_t len = 1;
    enum err err = ERR_OK;
    while (err == ERR_OK && len > 0) {
        err = openjob_next(job, back + total, &len);
        total += err == ERR_OK ? len : 0;
    }
    openjob_free(job);
    *ret_len = total;
    return err;
}

int
main(void)
{
    static const size_t lengths[] = {0, 1, 16383, 16384, 16385, 65536, GROUP - 1, GROUP, GROUP + 5};
    struct p_sealed sealed;
    int body = -1;
    int groups = -1;
    size_t len = 0;
    CHECK_EQ(crypto_init(), ERR_OK);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7 + i / 251);

    TEST("what is sealed in any pieces is opened whole and has one root")
    {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            uint8_t root[32];
            CHECK_EQ(seal(lengths[i], 65536, &body, &groups, &sealed), ERR_OK);
            CHECK_EQ(lseek(body, 0, SEEK_END), (off_t)body_bytes(lengths[i]));
            CHECK_EQ(lseek(groups, 0, SEEK_END), (off_t)((sealed.chunks + 63) / 64 * 32));
            CHECK_EQ(open_all(&sealed, body, true, 0, UINT64_MAX, &len), ERR_OK);
            CHECK(len == lengths[i] && memcmp(back, plain, len) == 0); /* public */
            memcpy(root, sealed.root, 32);
            (void)close(body);
            (void)close(groups);
            CHECK_EQ(seal(lengths[i], 1021, &body, &groups, &sealed), ERR_OK);
            CHECK(span_eq(span_of(root, 32), span_of(sealed.root, 32)));
            (void)close(body);
            (void)close(groups);
        }
    }
    TEST("a range of a pull is exactly the bytes asked for")
    {
        static const uint64_t ranges[][2] = {{0, 0},     {0, 16383},          {16383, 16384},
                                             {5, 40000}, {70000, UINT64_MAX}, {99999, 99999}};
        CHECK_EQ(seal(100000, 65536, &body, &groups, &sealed), ERR_OK);
        for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
            const uint64_t last = ranges[i][1] > 99999 ? 99999 : ranges[i][1];
            CHECK_EQ(open_all(&sealed, body, false, ranges[i][0], ranges[i][1], &len), ERR_OK);
            CHECK_EQ(len, last - ranges[i][0] + 1);
            CHECK(memcmp(back, plain + ranges[i][0], len) == 0); /* public */
        }
        CHECK_EQ(open_all(&sealed, body, false, 100000, UINT64_MAX, &len), ERR_RANGE);
    }
    TEST("a flipped bit, a cut file, another key and another root are not opened")
    {
        uint8_t bit = 0;
        CHECK_EQ(pread(body, &bit, 1, 70000), 1);
        bit ^= 1;
        CHECK_EQ(pwrite(body, &bit, 1, 70000), 1);
        CHECK_EQ(open_all(&sealed, body, true, 0, UINT64_MAX, &len), ERR_AUTH);
        bit ^= 1;
        CHECK_EQ(pwrite(body, &bit, 1, 70000), 1);
        sealed.root[3] ^= 1;
        CHECK_EQ(open_all(&sealed, body, true, 0, UINT64_MAX, &len), ERR_AUTH);
        sealed.root[3] ^= 1;
        prefix[40] ^= 1;
        CHECK_EQ(open_all(&sealed, body, true, 0, UINT64_MAX, &len), ERR_AUTH);
        prefix[40] ^= 1;
        CHECK_EQ(ftruncate(body, 60000), 0);
        CHECK_EQ(open_all(&sealed, body, true, 0, UINT64_MAX, &len), ERR_SHORT);
    }
    TEST("a file that cannot be written ends the job for good")
    {
        struct sealjob *job = NULL;
        const int full = open("/dev/full", O_RDWR | O_CLOEXEC);
        CHECK_EQ(sealjob_new(SUITE_CHACHA20_POLY1305, &dek, salt, offer, full, memfd_create("g", 0),
                             &job),
                 ERR_NO_SPACE);
    }
    return test_end();
}
