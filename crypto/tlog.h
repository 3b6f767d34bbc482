/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree of a transparency log: leaf and node hashes, roots, inclusion and consistency
 * proofs, made from a reader of stored hashes and checked without one; and the right edge (compact
 * range) with which a writer appends in O(log n) memory. No allocation, no I/O. Sizes are below
 * 2^62. Spec: RFC 6962 2.1, RFC 9162 2.1.3.2 and 2.1.4.2. */
#ifndef TDZ_CRYPTO_TLOG_H
#define TDZ_CRYPTO_TLOG_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { TLOG_HASH_LEN = 32 };
/* The longest proof of a 64-bit tree; also the limit of tlog-witness add-checkpoint. */
enum { TLOG_PROOF_MAX = 63 };
#define TLOG_SIZE_MAX (UINT64_C(1) << 62)

struct tlog_hash {
    uint8_t b[TLOG_HASH_LEN];
};

struct tlog_proof {
    size_t count;
    struct tlog_hash hash[TLOG_PROOF_MAX];
};

/* SHA-256(0x00 || entry), SHA-256(0x01 || left || right), SHA-256(""). ret may alias an input.
 * Errors here and below include those of digest.h: ERR_STATE before digest_init, ERR_CRYPTO. */
MUST_USE enum err tlog_leaf_hash(struct span entry, struct tlog_hash *ret);
MUST_USE enum err tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right,
                                 struct tlog_hash *ret);
MUST_USE enum err tlog_empty_root(struct tlog_hash *ret);
bool tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b);

/* That leaf is at index of the tree (size, root). ERR_RANGE: index not below size; ERR_PROOF: the
 * proof has another length or leads to another root. */
MUST_USE enum err tlog_check_inclusion(const struct tlog_hash *leaf, uint64_t index, uint64_t size,
                                       const struct tlog_hash *root, const struct tlog_hash *proof,
                                       size_t proof_count);

/* That the tree (old_size, old_root) is a prefix of (new_size, new_root). ERR_RANGE: old_size is
 * larger than new_size; ERR_PROOF otherwise. A size of 0 has an empty proof and any new tree; its
 * root must be the empty root. */
MUST_USE enum err tlog_check_consistency(uint64_t old_size, const struct tlog_hash *old_root,
                                         uint64_t new_size, const struct tlog_hash *new_root,
                                         const struct tlog_hash *proof, size_t proof_count);

/* Reads the hash of the complete subtree of 2^level leaves from leaf index << level on. Errors are
 * passed through to the caller of the function that reads. */
struct tlog_reader {
    void *ctx;
    enum err (*read)(void *ctx, unsigned level, uint64_t index, struct tlog_hash *ret);
};

/* Made from reader for a tree of size leaves. ERR_RANGE: index or old_size outside the tree. */
MUST_USE enum err tlog_root(const struct tlog_reader *reader, uint64_t size, struct tlog_hash *ret);
MUST_USE enum err tlog_prove_inclusion(const struct tlog_reader *reader, uint64_t index,
                                       uint64_t size, struct tlog_proof *ret);
MUST_USE enum err tlog_prove_consistency(const struct tlog_reader *reader, uint64_t old_size,
                                         uint64_t new_size, struct tlog_proof *ret);

/* The right edge of a tree: the complete subtrees of its size's binary digits, largest first. */
struct tlog_edge {
    uint64_t size;
    size_t count;
    struct tlog_hash hash[64];
};

/* Called once for every subtree that an append completes, leaves (level 0) first. */
typedef enum err tlog_store(void *ctx, unsigned level, uint64_t index,
                            const struct tlog_hash *hash);

void tlog_edge_init(struct tlog_edge *edge);
/* Loads the edge of a tree of size leaves. */
MUST_USE enum err tlog_edge_load(const struct tlog_reader *reader, uint64_t size,
                                 struct tlog_edge *ret);
/* store may be NULL. ERR_RANGE at TLOG_SIZE_MAX; else only store's error, after which the edge is
 * unchanged. */
MUST_USE enum err tlog_edge_append(struct tlog_edge *edge, const struct tlog_hash *leaf,
                                   tlog_store *store, void *ctx);
MUST_USE enum err tlog_edge_root(const struct tlog_edge *edge, struct tlog_hash *ret);

#endif
