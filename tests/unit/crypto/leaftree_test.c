/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/leaftree.h"

#include "crypto/digest.h"
#include "tests/test.h"
#include "tests/vec.h"

enum { LEAFTREE_TEST_MAX = 300 };

static uint8_t leaftree_test_leaf[LEAFTREE_TEST_MAX][32];

/* MTH by its definition: bottom-up joining is another road to the same root, so the split at the
 * largest power of two below n is written out here, with a stack of ranges to fold. */
static void
leaftree_test_mth(size_t from, size_t n, uint8_t ret[static 32])
{
    static uint8_t memo[LEAFTREE_TEST_MAX + 1][LEAFTREE_TEST_MAX + 1][32];
    /* ranges in order of length: a range needs shorter ones only */
    for (size_t len = 1; len <= n; len++) {
        for (size_t at = from; at + len <= from + n; at++) {
            size_t k = 1;
            while (k * 2 < len)
                k *= 2;
            if (len == 1)
                memcpy(memo[at][len], leaftree_test_leaf[at], 32);
            else
                CHECK_EQ(digest_node(memo[at][k], memo[at + k][len - k], memo[at][len]), ERR_OK);
        }
    }
    memcpy(ret, memo[from][n], 32);
}

static bool
leaftree_test_same(const uint8_t *a, const uint8_t *b)
{
    return span_eq(span_of(a, 32), span_of(b, 32));
}

/* Adds n leaves; writes the group roots; returns their bytes. */
static size_t
leaftree_test_fill(struct leaftree *t, size_t n, uint8_t *groups)
{
    size_t len = 0;
    leaftree_init(t);
    for (size_t i = 0; i < n; i++) {
        bool full = false;
        CHECK_EQ(leaftree_add(t, leaftree_test_leaf[i], groups + len, &full), ERR_OK);
        CHECK_EQ(full, (i + 1) % LEAFTREE_GROUP_LEAVES == 0);
        len += full ? 32 : 0;
    }
    if (n % LEAFTREE_GROUP_LEAVES == 0)
        CHECK_EQ(leaftree_last_group(t, groups + len), ERR_NOT_FOUND);
    else
        CHECK_EQ(leaftree_last_group(t, groups + len), ERR_OK);
    return len + (n % LEAFTREE_GROUP_LEAVES == 0 ? 0 : 32);
}

/* The audit path of leaf index from its group's leaves and the group list. */
static size_t
leaftree_test_path(size_t n, size_t index, struct span groups, uint8_t (*path)[32])
{
    uint8_t work[LEAFTREE_GROUP_LEAVES * 32];
    size_t first = 0;
    size_t second = 0;
    const size_t start = index / LEAFTREE_GROUP_LEAVES * LEAFTREE_GROUP_LEAVES;
    const size_t count = n - start < LEAFTREE_GROUP_LEAVES ? n - start : LEAFTREE_GROUP_LEAVES;
    memcpy(work, leaftree_test_leaf[start], count * 32);
    CHECK_EQ(leaftree_path(work, count * 32, index - start, path, 32, &first), ERR_OK);
    memcpy(work, groups.ptr, groups.len);
    CHECK_EQ(leaftree_path(work, groups.len, index / LEAFTREE_GROUP_LEAVES, path + first,
                           32 - first, &second),
             ERR_OK);
    return first + second;
}

static void
leaftree_test_sizes(void)
{
    static const size_t sizes[] = {1,  2,  3,   5,   7,   8,   31,  63,  64,
                                   65, 66, 127, 128, 129, 191, 192, 193, 300};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        const size_t n = sizes[s];
        struct leaftree t;
        uint8_t groups[6 * 32];
        uint8_t root[32];
        uint8_t got[32];
        uint8_t path[32][32];
        const size_t len = leaftree_test_fill(&t, n, groups);
        leaftree_test_mth(0, n, root);
        CHECK_EQ(leaftree_root(&t, got), ERR_OK);
        CHECK(leaftree_test_same(root, got));
        CHECK_EQ(leaftree_fold(span_of(groups, len), got), ERR_OK);
        CHECK(leaftree_test_same(root, got));
        for (size_t i = 0; i<n; i += n> 100 ? 7 : 1) {
            const size_t hops = leaftree_test_path(n, i, span_of(groups, len), path);
            const struct span p = span_of(path, hops * 32);
            CHECK_EQ(leaftree_path_root(leaftree_test_leaf[i], i, n, p, got), ERR_OK);
            CHECK(leaftree_test_same(root, got));
            if (n > 1) {
                CHECK_EQ(
                    leaftree_path_root(leaftree_test_leaf[i], i, n, span_of(path, p.len - 32), got),
                    ERR_PROOF);
                path[hops - 1][0] ^= 1;
                CHECK_EQ(leaftree_path_root(leaftree_test_leaf[i], i, n, p, got), ERR_OK);
                CHECK(!leaftree_test_same(root, got));
            }
            CHECK_EQ(
                leaftree_path_root(leaftree_test_leaf[i], i, n, span_of(path, p.len + 32), got),
                ERR_PROOF);
        }
    }
}

int
main(void)
{
    struct leaftree t;
    uint8_t out[32];
    bool full = false;
    uint8_t path[2][32];
    size_t count = 0;
    TEST("nothing is joined before the algorithms are fetched")
    {
        leaftree_init(&t);
        CHECK_EQ(leaftree_add(&t, out, out, &full), ERR_OK); /* a leaf alone is not hashed */
        CHECK_EQ(leaftree_add(&t, out, out, &full), ERR_STATE);
        CHECK_EQ(digest_init(), ERR_OK);
    }
    for (size_t i = 0; i < LEAFTREE_TEST_MAX; i++)
        if (digest_leaf(span_of(&i, sizeof(i)), leaftree_test_leaf[i]) != ERR_OK)
            vec_die("digest_leaf", "failed");
    TEST("roots, group lists and audit paths are those of RFC 6962's definition")
    leaftree_test_sizes();
    TEST("an empty tree has no root, and lists of broken length are refused")
    {
        leaftree_init(&t);
        CHECK_EQ(leaftree_root(&t, out), ERR_NOT_FOUND);
        CHECK_EQ(leaftree_fold(span_of(NULL, 0), out), ERR_NOT_FOUND);
        CHECK_EQ(leaftree_fold(span_of(leaftree_test_leaf, 33), out), ERR_RANGE);
        CHECK_EQ(leaftree_path(leaftree_test_leaf[0], 65, 0, path, 2, &count), ERR_RANGE);
        CHECK_EQ(leaftree_path(leaftree_test_leaf[0], 64, 2, path, 2, &count), ERR_RANGE);
        CHECK_EQ(leaftree_path(leaftree_test_leaf[0], 64, 0, path, 0, &count), ERR_FULL);
        CHECK_EQ(leaftree_path_root(out, 1, 1, span_of(NULL, 0), out), ERR_PROOF);
    }
    TEST("a tree takes 2^32 leaves and no more")
    {
        leaftree_init(&t);
        t.count = LEAFTREE_LEAVES_MAX - 1;
        CHECK_EQ(leaftree_add(&t, out, out, &full), ERR_OK);
        CHECK_EQ(leaftree_add(&t, out, out, &full), ERR_RANGE);
        CHECK_EQ(leaftree_root(&t, out), ERR_OK);
    }
    return test_end();
}
