/* SPDX-License-Identifier: Apache-2.0 */
/* What the corridor's own path does not reach: every refusal of an intake. */
#include "gateway/link/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/test.h"

enum { CHUNKS = 65, PLAIN = 64 * BODY_CHUNK_BYTES };

static uint8_t seal_bytes[1024];
static size_t seal_len;
static uint8_t root[32];
static uint8_t list_bytes[64];
static uint8_t zeros[BODY_GROUP_BYTES];
static struct intake_writer writers[INTAKE_WRITERS_MAX + 1];
static int body_fd;
static int groups_fd;

static bool
is_closed(int fd)
{
    return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

/* 64 chunks of zeros and an empty last one (its tag zeros too). */
static void
make(void)
{
    static const uint8_t seed[32] = {3};
    struct seal seal = {
        .suite = SUITE_AES_256_GCM, .chunk_count = CHUNKS, .plain_len = PLAIN, .sealed_at = 5};
    struct leaftree tree;
    struct sign_key key;
    struct span bytes = {0};
    leaftree_init(&tree);
    for (int i = 0; i < CHUNKS; i++) {
        const struct span chunk = span_of(zeros, i < 64 ? BODY_SEALED_BYTES : BODY_TAG_BYTES);
        uint8_t leaf[1][32];
        bool is_full = false;
        CHECK_EQ(leafhash_many(LEAFHASH_PORTABLE, &chunk, 1, leaf), ERR_OK);
        CHECK_EQ(leaftree_add(&tree, leaf[0], list_bytes, &is_full), ERR_OK);
    }
    CHECK_EQ(leaftree_last_group(&tree, list_bytes + 32), ERR_OK);
    CHECK_EQ(leaftree_root(&tree, seal.root), ERR_OK);
    memcpy(root, seal.root, sizeof(root));
    CHECK_EQ(sign_key_init(&key, seed), ERR_OK);
    CHECK_EQ(seal_sign(&seal, &key), ERR_OK);
    CHECK_EQ(seal_encode(&seal, seal_bytes, sizeof(seal_bytes), &bytes), ERR_OK);
    seal_len = bytes.len;
}

static struct intake *
open_intake(void)
{
    struct intake *in = NULL;
    CHECK_EQ(intake_new(span_of(seal_bytes, seal_len), root, body_bytes(PLAIN), dup(body_fd),
                        dup(groups_fd), &in),
             ERR_OK);
    return in;
}

static enum err
give_list(struct intake *in, size_t len)
{
    struct intake_list list;
    intake_list_init(&list, in);
    const enum err err = intake_list_feed(&list, span_of(list_bytes, len));
    return err == ERR_OK ? intake_list_end(&list) : err;
}

static void
test_new(void)
{
    struct intake *in = NULL;
    uint8_t other[32] = {0};
    TEST("a SEAL that is not what clerk was told is refused, its files are closed")
    {
        CHECK_EQ(intake_new(span_of(seal_bytes, seal_len), other, body_bytes(PLAIN), dup(body_fd),
                            dup(groups_fd), &in),
                 ERR_RANGE);
        CHECK_EQ(intake_new(span_of(seal_bytes, seal_len), root, body_bytes(PLAIN) + 1,
                            dup(body_fd), dup(groups_fd), &in),
                 ERR_RANGE);
        const int fd = dup(body_fd);
        CHECK_EQ(
            intake_new(span_of(seal_bytes, 10), root, body_bytes(PLAIN), fd, dup(groups_fd), &in),
            ERR_SHORT);
        CHECK(is_closed(fd));
        CHECK(in == NULL);
    }
}

static void
test_lists(void)
{
    struct intake *in = open_intake();
    struct intake_list old;
    uint64_t count = 0;
    TEST("a list counts when it is whole and folds to the root")
    {
        CHECK_EQ(intake_writer_init(&writers[0], in, 0, 1), ERR_STATE);
        CHECK_EQ(give_list(in, 63), ERR_SHORT);
        CHECK_EQ(give_list(in, 32), ERR_SHORT);
        list_bytes[40] ^= 1;
        CHECK_EQ(give_list(in, 64), ERR_PROOF);
        list_bytes[40] ^= 1;
        CHECK(!intake_is_listed(in));
        CHECK_EQ(give_list(in, 64), ERR_OK);
        CHECK(intake_is_listed(in));
        CHECK_EQ(intake_list_bytes(PLAIN), 64);
    }
    TEST("a longer list is refused, an earlier one gives way to a later")
    {
        intake_list_init(&old, in);
        CHECK_EQ(intake_list_feed(&old, span_of(list_bytes, 64)), ERR_OK);
        CHECK_EQ(intake_list_feed(&old, span_of(list_bytes, 32)), ERR_TRAILING);
        CHECK_EQ(give_list(in, 64), ERR_OK);
        CHECK_EQ(intake_list_feed(&old, span_of(list_bytes, 32)), ERR_CANCELLED);
        CHECK_EQ(intake_list_end(&old), ERR_CANCELLED);
    }
    TEST("a run is whole groups of the body")
    {
        CHECK_EQ(intake_run(in, 0, BODY_GROUP_BYTES, &count), ERR_OK);
        CHECK_EQ(count, 1);
        CHECK_EQ(intake_run(in, 0, BODY_GROUP_BYTES + BODY_TAG_BYTES, &count), ERR_OK);
        CHECK_EQ(count, 2);
        CHECK_EQ(intake_run(in, 0, BODY_GROUP_BYTES + 1, &count), ERR_RANGE);
        CHECK_EQ(intake_run(in, 2, 0, &count), ERR_RANGE);
        CHECK_EQ(intake_run(in, UINT64_MAX, BODY_TAG_BYTES, &count), ERR_RANGE);
        CHECK_EQ(intake_writer_init(&writers[0], in, 0, 3), ERR_RANGE);
        CHECK_EQ(intake_writer_init(&writers[0], in, 2, 1), ERR_RANGE);
    }
    intake_free(in);
}

static void
test_writers(void)
{
    struct intake *in = open_intake();
    CHECK_EQ(give_list(in, 64), ERR_OK);
    TEST("a later run takes the place of an earlier over the same groups")
    {
        CHECK_EQ(intake_writer_init(&writers[0], in, 0, 2), ERR_OK);
        CHECK_EQ(intake_writer_feed(&writers[0], span_of(zeros, 100)), ERR_OK);
        CHECK_EQ(intake_writer_init(&writers[1], in, 1, 1), ERR_OK);
        CHECK_EQ(intake_writer_feed(&writers[0], span_of(zeros, 100)), ERR_CANCELLED);
        CHECK_EQ(intake_writer_end(&writers[0]), ERR_CANCELLED);
        CHECK_EQ(intake_writer_end(&writers[1]), ERR_SHORT);
        CHECK_EQ(intake_writer_feed(&writers[1], span_of(zeros, BODY_TAG_BYTES)), ERR_OK);
        CHECK_EQ(intake_writer_feed(&writers[1], span_of(zeros, 1)), ERR_TRAILING);
        CHECK_EQ(intake_writer_end(&writers[1]), ERR_OK);
        CHECK_EQ(intake_held(in), 0);
    }
    TEST("the bitmap in the file tells the next intake what is durable")
    {
        struct intake *next = open_intake();
        CHECK_EQ(intake_held(next), 0);
        CHECK_EQ(intake_writer_init(&writers[2], in, 0, 1), ERR_OK);
        CHECK_EQ(intake_writer_feed(&writers[2], span_of(zeros, sizeof(zeros))), ERR_OK);
        CHECK_EQ(intake_writer_end(&writers[2]), ERR_OK);
        CHECK(intake_is_complete(in));
        CHECK_EQ(give_list(next, 64), ERR_OK);
        CHECK_EQ(intake_held(next), 2);
        CHECK(intake_is_complete(next));
        CHECK_EQ(intake_groups(next), 2);
        CHECK(memcmp(intake_root(next), root, 32) == 0);
        intake_free(next);
    }
    TEST("a file that cannot be written is told as such")
    {
        struct intake *bad = NULL;
        const int read_only = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CHECK(fcntl(read_only, F_ADD_SEALS, F_SEAL_WRITE) == 0);
        CHECK_EQ(intake_new(span_of(seal_bytes, seal_len), root, body_bytes(PLAIN), dup(body_fd),
                            read_only, &bad),
                 ERR_OK);
        CHECK_EQ(give_list(bad, 64), ERR_IO);
        intake_free(bad);
    }
    intake_free(in);
}

int
main(void)
{
    if (crypto_init() != ERR_OK)
        return 1;
    body_fd = memfd_create("body", MFD_CLOEXEC);
    groups_fd = memfd_create("groups", MFD_CLOEXEC);
    make();
    test_new();
    test_lists();
    test_writers();
    (void)close(body_fd);
    (void)close(groups_fd);
    return test_end();
}
