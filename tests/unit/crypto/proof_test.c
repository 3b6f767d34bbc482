/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/proof.h"

#include "crypto/digest.h"
#include "crypto/sign.h"
#include "crypto/tile.h"
#include "tests/slurp.h"
#include "tests/test.h"

static struct tlog_hash leaf[15];

static enum err
read_node(void *ctx, unsigned level, uint64_t index, struct tlog_hash *ret)
{
    (void)ctx;
    return tile_subtree(span_of(leaf, sizeof(leaf)), (unsigned)(index << level), level, ret);
}

static const struct {
    const char *input;
    enum err err;
} bad[] = {
    {"", ERR_SYNTAX},
    {"c2sp.org/tlog-proof@v2\nindex 0\n\nx\n", ERR_VERSION},
    {"c2sp.org/tlog-proof@v1\n", ERR_SYNTAX},
    {"c2sp.org/tlog-proof@v1\nindex 00\n\nx\n", ERR_SYNTAX},
    {"c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\nx\n", ERR_RANGE},
    {"c2sp.org/tlog-proof@v1\nIndex 0\n\nx\n", ERR_SYNTAX},
    {"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx\n", ERR_SYNTAX},
    {"c2sp.org/tlog-proof@v1\nindex 0\n\n", ERR_SYNTAX},
    {"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\nx\n", ERR_SYNTAX},
};

int
main(int argc, char **argv)
{
    static uint8_t buf[65536];
    static uint8_t note_buf[4096];
    static char text[PROOF_TEXT_MAX];
    struct note_key key;
    struct proof p;
    struct note_signers by;
    struct checkpoint c;
    size_t len = 0;
    size_t at = 0;
    if (argc != 2 || digest_init() != ERR_OK || sign_init() != ERR_OK)
        return 2;
    const struct span bundle =
        slurp(buf, sizeof(buf), argv[1], "tlog/tessera-log/tile/entries/000.p/15");
    for (size_t i = 0; i < 15; i++) {
        struct span entry;
        if (tile_entry_next(bundle, &at, &entry) != ERR_OK ||
            tlog_leaf_hash(entry, &leaf[i]) != ERR_OK)
            return 1;
    }
    struct span vkey = slurp(note_buf, sizeof(note_buf), argv[1], "tlog/tessera-log/vkey.txt");
    while (vkey.len > 0 && vkey.ptr[vkey.len - 1] == '\n')
        vkey.len--;
    if (note_key_parse(vkey, &key) != ERR_OK)
        return 1;
    const struct tlog_reader reader = {.read = read_node};
    const struct span checkpoint =
        slurp(note_buf, sizeof(note_buf), argv[1], "tlog/tessera-log/checkpoint.15");

    TEST("a proof of every entry of a foreign log is written, read and verified off line")
    {
        for (uint64_t i = 0; i < 15; i++) {
            struct tlog_proof path;
            CHECK_EQ(tlog_prove_inclusion(&reader, i, 15, &path), ERR_OK);
            CHECK_EQ(proof_write(i, &path, checkpoint, text, sizeof(text), &len), ERR_OK);
            CHECK_EQ(proof_verify(span_of(text, len), &leaf[i], &key, 1, &p, &by, &c), ERR_OK);
            CHECK(p.index == i && c.size == 15 && span_eq(p.checkpoint, checkpoint));
            CHECK_EQ(proof_verify(span_of(text, len), &leaf[(i + 1) % 15], &key, 1, &p, &by, &c),
                     ERR_PROOF);
            CHECK_EQ(proof_write(i, &path, checkpoint, text, len, &len), ERR_FULL);
        }
    }
    TEST("an index beyond the checkpoint, an unknown key and a bad signature are told apart")
    {
        struct tlog_proof path = {.count = 0};
        CHECK_EQ(proof_write(15, &path, checkpoint, text, sizeof(text), &len), ERR_OK);
        CHECK_EQ(proof_verify(span_of(text, len), &leaf[0], &key, 1, &p, &by, &c), ERR_RANGE);
        CHECK_EQ(proof_verify(span_of(text, len), &leaf[0], &key, 0, &p, &by, &c), ERR_KEY_UNKNOWN);
        text[len - 8] = text[len - 8] == 'A' ? 'B' : 'A';
        CHECK_EQ(proof_verify(span_of(text, len), &leaf[0], &key, 1, &p, &by, &c), ERR_SIGNATURE);
    }
    TEST("extra data is read as opaque and changes nothing")
    {
        CHECK_EQ(proof_parse(SPAN_LIT("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 7\n\nx\n"), &p),
                 ERR_OK);
        CHECK(span_eq_str(p.extra, "AAAA") && p.index == 7 && p.path.count == 0);
    }
    TEST("malformed proofs are refused")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK_EQ(proof_parse(span_str(bad[i].input), &p), bad[i].err);
        static char big[PROOF_BYTES_MAX + 1];
        CHECK_EQ(proof_parse(span_of(big, sizeof(big)), &p), ERR_TOO_LARGE);
        len = (size_t)snprintf(big, sizeof(big), "c2sp.org/tlog-proof@v1\nindex 0\n");
        for (int i = 0; i < 64; i++)
            len += (size_t)snprintf(big + len, sizeof(big) - len,
                                    "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n");
        len += (size_t)snprintf(big + len, sizeof(big) - len, "\nx\n");
        CHECK_EQ(proof_parse(span_of(big, len), &p), ERR_FULL);
    }
    return test_end();
}
