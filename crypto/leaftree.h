/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree (RFC 6962) over the sealed chunks of a body, with the roots of its groups of 64
 * chunks. 64 is a power of two, so a group root is an interior node: parts can be checked in any
 * order against the list of group roots, and that list folds to the root.
 * Every function: ERR_STATE before digest_init, ERR_CRYPTO. Spec: container-and-keys.md 2.4. */
#ifndef TDZ_CRYPTO_LEAFTREE_H
#define TDZ_CRYPTO_LEAFTREE_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { LEAFTREE_HASH_BYTES = 32, LEAFTREE_GROUP_LEAVES = 64, LEAFTREE_LEVELS = 33 };
#define LEAFTREE_LEAVES_MAX (UINT64_C(1) << 32)

/* Caller's memory, plain data: it may be stored and taken up again. */
struct leaftree {
    uint64_t count;
    uint8_t node[LEAFTREE_LEVELS]
                [LEAFTREE_HASH_BYTES]; /* node[i] counts when bit i of count is set */
};

void leaftree_init(struct leaftree *t);

/* Adds the hash of the next leaf. *ret_group is written, and *ret_full set, when this leaf filled a
 * group. ERR_RANGE after LEAFTREE_LEAVES_MAX leaves. */
MUST_USE enum err leaftree_add(struct leaftree *t, const uint8_t leaf[static 32],
                               uint8_t ret_group[static 32], bool *ret_full);

/* The root of the unfilled last group; ERR_NOT_FOUND when count is a multiple of 64. */
MUST_USE enum err leaftree_last_group(const struct leaftree *t, uint8_t ret_group[static 32]);

/* The root over all leaves so far. ERR_NOT_FOUND when there is none: a body has one at least. */
MUST_USE enum err leaftree_root(const struct leaftree *t, uint8_t ret_root[static 32]);

/* The root of one list of hashes of one level: leaves of a group to its root, or group roots to the
 * root of all. list.len is a multiple of 32 (ERR_RANGE), not 0 (ERR_NOT_FOUND). */
MUST_USE enum err leaftree_fold(struct span list, uint8_t ret_root[static 32]);

/* The audit path of item index of such a list, leaf to root. list[list_len] is worked on in place
 * and lost. ret_path holds path_cap hashes (ERR_FULL; 32 are always enough); *ret_count is how many
 * were written. The path of a chunk is the path in its group, then that of its group in the group
 * list. ERR_RANGE (index, length). */
MUST_USE enum err leaftree_path(uint8_t *list, size_t list_len, uint64_t index,
                                uint8_t (*ret_path)[32], size_t path_cap, size_t *ret_count);

/* The root that leaf at index of leaf_count leaves has under path: compare it. ERR_PROOF when the
 * path has a wrong number of hashes or index is not below leaf_count. */
MUST_USE enum err leaftree_path_root(const uint8_t leaf[static 32], uint64_t index,
                                     uint64_t leaf_count, struct span path,
                                     uint8_t ret_root[static 32]);

#endif
