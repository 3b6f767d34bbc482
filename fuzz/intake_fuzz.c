/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: intake_new intake_list_feed intake_writer_feed */
/* A body of two groups (64 chunks and one) fed in any order, cut, spoiled, begun again: a group
 * that counts is in the file as it was sealed, and the body is complete only when both are. Three
 * bytes a step: what, where it is spoiled, how it is cut. */
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "fuzz/fuzz.h"
#include "gateway/link/intake.h"

enum { PLAIN = 64 * BODY_CHUNK_BYTES + 100, STEPS_MAX = 8, CUT = 300007 };

static struct {
    bool is_made;
    uint8_t root[32];
    uint8_t list[64];
    uint8_t seal[1024];
    size_t seal_len;
    uint8_t body[BODY_PREFIX_BYTES + BODY_GROUP_BYTES + 100 + BODY_TAG_BYTES];
} good;
static uint8_t sent[BODY_GROUP_BYTES];
static uint8_t kept[BODY_GROUP_BYTES];
static struct intake_writer writer;

static void
make(void)
{
    static const uint8_t seed[32] = {1};
    struct seal seal = {.suite = SUITE_AES_256_GCM, .chunk_count = 65, .plain_len = PLAIN};
    struct leaftree tree;
    struct sign_key key;
    struct span bytes;
    FUZZ_MUST(crypto_init() == ERR_OK);
    for (size_t i = 0; i < sizeof(good.body); i++)
        good.body[i] = (uint8_t)(i * 7 + i / 251);
    leaftree_init(&tree);
    for (uint64_t k = 0; k < 65; k++) {
        uint8_t leaf[32];
        bool is_full = false;
        const size_t len = k < 64 ? BODY_SEALED_BYTES : 100 + BODY_TAG_BYTES;
        FUZZ_MUST(digest_leaf(span_of(good.body + body_chunk_offset(k), len), leaf) == ERR_OK);
        FUZZ_MUST(leaftree_add(&tree, leaf, good.list, &is_full) == ERR_OK);
    }
    FUZZ_MUST(leaftree_last_group(&tree, good.list + 32) == ERR_OK);
    FUZZ_MUST(leaftree_root(&tree, seal.root) == ERR_OK);
    memcpy(good.root, seal.root, sizeof(good.root));
    memcpy(seal.prefix, good.body, sizeof(seal.prefix));
    FUZZ_MUST(sign_key_init(&key, seed) == ERR_OK && seal_sign(&seal, &key) == ERR_OK);
    FUZZ_MUST(seal_encode(&seal, good.seal, sizeof(good.seal), &bytes) == ERR_OK);
    good.seal_len = bytes.len;
    good.is_made = true;
}

static void
step_list(struct intake *in, const uint8_t *step)
{
    struct intake_list list;
    uint8_t bytes[64];
    memcpy(bytes, good.list, sizeof(bytes));
    bytes[step[1] % 64] ^= step[1] >> 6;
    const size_t len = step[2] % 3 == 0 ? 64 : step[2] % 65;
    const bool is_right = len == 64 && memcmp(bytes, good.list, 64) == 0;
    intake_list_init(&list, in);
    enum err err = intake_list_feed(&list, span_of(bytes, len / 2));
    if (err == ERR_OK)
        err = intake_list_feed(&list, span_of(bytes + len / 2, len - len / 2));
    if (err == ERR_OK)
        err = intake_list_end(&list);
    FUZZ_MUST(is_right == (err == ERR_OK));
}

static void
step_group(struct intake *in, const uint8_t *step)
{
    const uint64_t group = step[0] >> 4 & 1;
    const size_t at = group == 0 ? BODY_PREFIX_BYTES : BODY_PREFIX_BYTES + BODY_GROUP_BYTES;
    const size_t whole = group == 0 ? BODY_GROUP_BYTES : 100 + BODY_TAG_BYTES;
    const size_t len = step[2] % 2 == 0 ? whole : whole * step[2] / 256;
    const bool is_spoiled = (step[1] & 1) != 0 && len > 0;
    memcpy(sent, good.body + at, len);
    if (is_spoiled)
        sent[len * step[1] / 256] ^= 1;
    enum err err = intake_writer_init(&writer, in, group, 1);
    if (err != ERR_OK) {
        FUZZ_MUST(err == ERR_STATE && !intake_is_listed(in));
        return;
    }
    for (size_t i = 0; err == ERR_OK && i < len; i += CUT)
        err = intake_writer_feed(&writer, span_of(sent + i, len - i < CUT ? len - i : CUT));
    if (err == ERR_OK)
        err = intake_writer_end(&writer);
    FUZZ_MUST((err == ERR_OK) == (len == whole && !is_spoiled));
    intake_writer_finish(&writer);
}

static void
check(const struct intake *in, int body_fd)
{
    const size_t len = intake_is_complete(in) ? sizeof(good.body)
                       : intake_held(in) == 1 ? BODY_PREFIX_BYTES + BODY_GROUP_BYTES
                                              : 0;
    for (size_t at = 0; at < len; at += sizeof(kept)) {
        const size_t want = len - at < sizeof(kept) ? len - at : sizeof(kept);
        FUZZ_MUST(pread(body_fd, kept, want, (off_t)at) == (ssize_t)want);
        FUZZ_MUST(memcmp(kept, good.body + at, want) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct intake *in = NULL;
    if (!good.is_made)
        make();
    const int body_fd = memfd_create("body", MFD_CLOEXEC);
    const int groups_fd = memfd_create("groups", MFD_CLOEXEC);
    FUZZ_MUST(body_fd >= 0 && groups_fd >= 0);
    FUZZ_MUST(intake_new(span_of(good.seal, good.seal_len), good.root, sizeof(good.body),
                         dup(body_fd), dup(groups_fd), &in) == ERR_OK);
    for (size_t i = 0; i < STEPS_MAX && (i + 1) * 3 <= len; i++) {
        const uint8_t *step = data + i * 3;
        if (step[0] % 4 == 0)
            step_list(in, step);
        else
            step_group(in, step);
        check(in, body_fd);
    }
    intake_free(in);
    (void)close(body_fd);
    (void)close(groups_fd);
    return 0;
}
