/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/leaftree.h"

#include "crypto/digest.h"

#include <assert.h>

enum { LEAFTREE_GROUP_LEVEL = 6 };
static_assert(1 << LEAFTREE_GROUP_LEVEL == LEAFTREE_GROUP_LEAVES, "a group is a whole subtree");

void
leaftree_init(struct leaftree *t)
{
    memset(t, 0, sizeof(*t));
}

enum err
leaftree_add(struct leaftree *t, const uint8_t leaf[static 32], uint8_t ret_group[static 32],
             bool *ret_full)
{
    uint8_t carry[LEAFTREE_HASH_BYTES];
    size_t level = 0;
    if (t->count >= LEAFTREE_LEAVES_MAX)
        return ERR_RANGE;
    memcpy(carry, leaf, sizeof(carry));
    *ret_full = false;
    for (; (t->count >> level & 1) != 0; level++) {
        TRY(digest_node(t->node[level], carry, carry));
        if (level + 1 == LEAFTREE_GROUP_LEVEL) {
            memcpy(ret_group, carry, sizeof(carry));
            *ret_full = true;
        }
    }
    assert(level < LEAFTREE_LEVELS);
    memcpy(t->node[level], carry, sizeof(carry));
    t->count++;
    return ERR_OK;
}

/* Joins the nodes of levels below `levels` from the right. */
static enum err
leaftree_join(const struct leaftree *t, size_t levels, uint8_t ret_root[static 32])
{
    uint8_t root[LEAFTREE_HASH_BYTES];
    bool any = false;
    for (size_t level = 0; level < levels; level++) {
        if ((t->count >> level & 1) == 0)
            continue;
        if (any)
            TRY(digest_node(t->node[level], root, root));
        else
            memcpy(root, t->node[level], sizeof(root));
        any = true;
    }
    if (!any)
        return ERR_NOT_FOUND;
    memcpy(ret_root, root, sizeof(root));
    return ERR_OK;
}

enum err
leaftree_last_group(const struct leaftree *t, uint8_t ret_group[static 32])
{
    return leaftree_join(t, LEAFTREE_GROUP_LEVEL, ret_group);
}

enum err
leaftree_root(const struct leaftree *t, uint8_t ret_root[static 32])
{
    return leaftree_join(t, LEAFTREE_LEVELS, ret_root);
}

enum err
leaftree_fold(struct span list, uint8_t ret_root[static 32])
{
    struct leaftree t;
    uint8_t group[LEAFTREE_HASH_BYTES];
    bool full = false;
    if (list.len % LEAFTREE_HASH_BYTES != 0)
        return ERR_RANGE;
    leaftree_init(&t);
    for (size_t at = 0; at < list.len; at += LEAFTREE_HASH_BYTES)
        TRY(leaftree_add(&t, list.ptr + at, group, &full));
    return leaftree_root(&t, ret_root);
}

enum err
leaftree_path(uint8_t *list, size_t list_len, uint64_t index, uint8_t (*ret_path)[32],
              size_t path_cap, size_t *ret_count)
{
    size_t width = list_len / LEAFTREE_HASH_BYTES;
    size_t at = (size_t)index;
    size_t count = 0;
    if (list_len % LEAFTREE_HASH_BYTES != 0 || index >= width)
        return ERR_RANGE;
    /* Level by level; a last node without a sibling goes up as it is. */
    while (width > 1) {
        const size_t sibling = at ^ 1U;
        if (sibling < width) {
            if (count == path_cap)
                return ERR_FULL;
            memcpy(ret_path[count++], list + sibling * LEAFTREE_HASH_BYTES, LEAFTREE_HASH_BYTES);
        }
        for (size_t i = 0; i < width; i += 2) {
            uint8_t *to = list + i / 2 * LEAFTREE_HASH_BYTES;
            const uint8_t *from = list + i * LEAFTREE_HASH_BYTES;
            if (i + 1 < width)
                TRY(digest_node(from, from + LEAFTREE_HASH_BYTES, to));
            else
                memmove(to, from, LEAFTREE_HASH_BYTES);
        }
        width = (width + 1) / 2;
        at /= 2;
    }
    *ret_count = count;
    return ERR_OK;
}

enum err
leaftree_path_root(const uint8_t leaf[static 32], uint64_t index, uint64_t leaf_count,
                   struct span path, uint8_t ret_root[static 32])
{
    uint8_t root[LEAFTREE_HASH_BYTES];
    uint64_t at = index;
    uint64_t width = leaf_count;
    size_t used = 0;
    if (index >= leaf_count || leaf_count > LEAFTREE_LEAVES_MAX)
        return ERR_PROOF;
    memcpy(root, leaf, sizeof(root));
    for (; width > 1; at /= 2, width = (width + 1) / 2) {
        if ((at ^ 1U) >= width)
            continue;
        if (path.len - used < LEAFTREE_HASH_BYTES)
            return ERR_PROOF;
        const uint8_t *sibling = path.ptr + used;
        used += LEAFTREE_HASH_BYTES;
        if ((at & 1) != 0)
            TRY(digest_node(sibling, root, root));
        else
            TRY(digest_node(root, sibling, root));
    }
    if (used != path.len)
        return ERR_PROOF;
    memcpy(ret_root, root, sizeof(root));
    return ERR_OK;
}
