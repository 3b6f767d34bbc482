/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tlog.h"

#include <assert.h>

#include "crypto/digest.h"

enum err
tlog_leaf_hash(struct span entry, struct tlog_hash *ret)
{
    return digest_leaf(entry, ret->b);
}

enum err
tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right, struct tlog_hash *ret)
{
    return digest_node(left->b, right->b, ret->b);
}

enum err
tlog_empty_root(struct tlog_hash *ret)
{
    return digest_sha256(span_of(NULL, 0), ret->b);
}

bool
tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b)
{
    return memcmp(a->b, b->b, TLOG_HASH_LEN) == 0; /* public */
}

/* RFC 9162 2.1.3.2. */
enum err
tlog_check_inclusion(const struct tlog_hash *leaf, uint64_t index, uint64_t size,
                     const struct tlog_hash *root, const struct tlog_hash *proof,
                     size_t proof_count)
{
    if (size > TLOG_SIZE_MAX || index >= size)
        return ERR_RANGE;
    if (proof_count > TLOG_PROOF_MAX)
        return ERR_PROOF;
    uint64_t fn = index;
    uint64_t sn = size - 1;
    struct tlog_hash r = *leaf;
    for (size_t i = 0; i < proof_count; i++) {
        if (sn == 0)
            return ERR_PROOF;
        if ((fn & 1) == 1 || fn == sn) {
            TRY(tlog_node_hash(&proof[i], &r, &r));
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            TRY(tlog_node_hash(&r, &proof[i], &r));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && tlog_hash_eq(&r, root) ? ERR_OK : ERR_PROOF;
}

/* RFC 9162 2.1.4.2 for 0 < old_size < new_size; proof starts with old_root when old_size is a power
 * of two. */
static enum err
tlog_walk_consistency(uint64_t old_size, const struct tlog_hash *old_root, uint64_t new_size,
                      const struct tlog_hash *new_root, const struct tlog_hash *proof,
                      size_t proof_count)
{
    uint64_t fn = old_size - 1;
    uint64_t sn = new_size - 1;
    const bool implied = (old_size & (old_size - 1)) == 0;
    if (!implied && proof_count == 0)
        return ERR_PROOF;
    struct tlog_hash fr = implied ? *old_root : proof[0];
    struct tlog_hash sr = fr;
    while ((fn & 1) == 1) {
        fn >>= 1;
        sn >>= 1;
    }
    for (size_t i = implied ? 0 : 1; i < proof_count; i++) {
        if (sn == 0)
            return ERR_PROOF;
        if ((fn & 1) == 1 || fn == sn) {
            TRY(tlog_node_hash(&proof[i], &fr, &fr));
            TRY(tlog_node_hash(&proof[i], &sr, &sr));
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            TRY(tlog_node_hash(&sr, &proof[i], &sr));
        }
        fn >>= 1;
        sn >>= 1;
    }
    const bool good = sn == 0 && tlog_hash_eq(&fr, old_root) && tlog_hash_eq(&sr, new_root);
    return good ? ERR_OK : ERR_PROOF;
}

enum err
tlog_check_consistency(uint64_t old_size, const struct tlog_hash *old_root, uint64_t new_size,
                       const struct tlog_hash *new_root, const struct tlog_hash *proof,
                       size_t proof_count)
{
    if (new_size > TLOG_SIZE_MAX || old_size > new_size)
        return ERR_RANGE;
    if (proof_count > TLOG_PROOF_MAX)
        return ERR_PROOF;
    if (old_size == new_size)
        return proof_count == 0 && tlog_hash_eq(old_root, new_root) ? ERR_OK : ERR_PROOF;
    if (old_size == 0) {
        struct tlog_hash empty;
        TRY(tlog_empty_root(&empty));
        return proof_count == 0 && tlog_hash_eq(old_root, &empty) ? ERR_OK : ERR_PROOF;
    }
    return tlog_walk_consistency(old_size, old_root, new_size, new_root, proof, proof_count);
}

/* The number of trailing zero bits is the height of the last complete subtree of size leaves. */
static unsigned
tlog_last_height(uint64_t size)
{
    assert(size != 0);
    return (unsigned)__builtin_ctzll(size);
}

/* The hash of leaves [start, end), which must begin on a multiple of the largest power of two not
 * above end - start: complete subtrees from the smallest, joined leftwards. */
static enum err
tlog_span_root(const struct tlog_reader *reader, uint64_t start, uint64_t end,
               struct tlog_hash *ret)
{
    assert(start < end);
    struct tlog_hash r;
    struct tlog_hash left;
    unsigned height = tlog_last_height(end - start);
    uint64_t left_end = end - (UINT64_C(1) << height);
    TRY(reader->read(reader->ctx, height, left_end >> height, &r));
    while (left_end > start) {
        height = tlog_last_height(left_end - start);
        left_end -= UINT64_C(1) << height;
        TRY(reader->read(reader->ctx, height, left_end >> height, &left));
        TRY(tlog_node_hash(&left, &r, &r));
    }
    *ret = r;
    return ERR_OK;
}

enum err
tlog_root(const struct tlog_reader *reader, uint64_t size, struct tlog_hash *ret)
{
    if (size > TLOG_SIZE_MAX)
        return ERR_RANGE;
    if (size == 0) {
        return tlog_empty_root(ret);
    }
    return tlog_span_root(reader, 0, size, ret);
}

/* The largest power of two smaller than n (n > 1). */
static uint64_t
tlog_split(uint64_t n)
{
    assert(n > 1);
    return UINT64_C(1) << (63 - (unsigned)__builtin_clzll(n - 1));
}

static void
tlog_reverse(struct tlog_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        const struct tlog_hash swap = proof->hash[i];
        proof->hash[i] = proof->hash[proof->count - 1 - i];
        proof->hash[proof->count - 1 - i] = swap;
    }
}

/* Walks down from the root and keeps the sibling at every step; the proof is that list reversed. */
enum err
tlog_prove_inclusion(const struct tlog_reader *reader, uint64_t index, uint64_t size,
                     struct tlog_proof *ret)
{
    if (size > TLOG_SIZE_MAX || index >= size)
        return ERR_RANGE;
    struct tlog_proof proof = {.count = 0};
    uint64_t start = 0;
    uint64_t end = size;
    while (end - start > 1) {
        const uint64_t middle = start + tlog_split(end - start);
        assert(proof.count < TLOG_PROOF_MAX);
        if (index < middle) {
            TRY(tlog_span_root(reader, middle, end, &proof.hash[proof.count]));
            end = middle;
        } else {
            TRY(tlog_span_root(reader, start, middle, &proof.hash[proof.count]));
            start = middle;
        }
        proof.count++;
    }
    tlog_reverse(&proof);
    *ret = proof;
    return ERR_OK;
}

/* RFC 6962 2.1.2: SUBPROOF, unrolled; "whole" is its flag b. */
enum err
tlog_prove_consistency(const struct tlog_reader *reader, uint64_t old_size, uint64_t new_size,
                       struct tlog_proof *ret)
{
    if (new_size > TLOG_SIZE_MAX || old_size > new_size)
        return ERR_RANGE;
    struct tlog_proof proof = {.count = 0};
    uint64_t start = 0;
    uint64_t end = new_size;
    bool whole = true;
    if (old_size == 0 || old_size == new_size) {
        *ret = proof;
        return ERR_OK;
    }
    while (old_size < end) {
        const uint64_t middle = start + tlog_split(end - start);
        assert(proof.count < TLOG_PROOF_MAX);
        if (old_size <= middle) {
            TRY(tlog_span_root(reader, middle, end, &proof.hash[proof.count]));
            end = middle;
        } else {
            TRY(tlog_span_root(reader, start, middle, &proof.hash[proof.count]));
            start = middle;
            whole = false;
        }
        proof.count++;
    }
    if (!whole) {
        assert(proof.count < TLOG_PROOF_MAX);
        TRY(tlog_span_root(reader, start, end, &proof.hash[proof.count]));
        proof.count++;
    }
    tlog_reverse(&proof);
    *ret = proof;
    return ERR_OK;
}

void
tlog_edge_init(struct tlog_edge *edge)
{
    *edge = (struct tlog_edge){.size = 0};
}

enum err
tlog_edge_load(const struct tlog_reader *reader, uint64_t size, struct tlog_edge *ret)
{
    if (size > TLOG_SIZE_MAX)
        return ERR_RANGE;
    struct tlog_edge edge = {.size = size};
    uint64_t start = 0;
    while (start < size) {
        const unsigned height = 63 - (unsigned)__builtin_clzll(size - start);
        TRY(reader->read(reader->ctx, height, start >> height, &edge.hash[edge.count]));
        edge.count++;
        start += UINT64_C(1) << height;
    }
    *ret = edge;
    return ERR_OK;
}

enum err
tlog_edge_append(struct tlog_edge *edge, const struct tlog_hash *leaf, tlog_store *store, void *ctx)
{
    if (edge->size >= TLOG_SIZE_MAX)
        return ERR_RANGE;
    struct tlog_hash r = *leaf;
    size_t count = edge->count;
    uint64_t index = edge->size;
    unsigned level = 0;
    if (store != NULL)
        TRY(store(ctx, level, index, &r));
    while ((index & 1) == 1) {
        assert(count > 0);
        TRY(tlog_node_hash(&edge->hash[--count], &r, &r));
        index >>= 1;
        level++;
        if (store != NULL)
            TRY(store(ctx, level, index, &r));
    }
    edge->hash[count] = r;
    edge->count = count + 1;
    edge->size++;
    return ERR_OK;
}

enum err
tlog_edge_root(const struct tlog_edge *edge, struct tlog_hash *ret)
{
    if (edge->count == 0)
        return tlog_empty_root(ret);
    struct tlog_hash r = edge->hash[edge->count - 1];
    for (size_t i = edge->count - 1; i > 0; i--)
        TRY(tlog_node_hash(&edge->hash[i - 1], &r, &r));
    *ret = r;
    return ERR_OK;
}
