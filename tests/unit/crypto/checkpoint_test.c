/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/checkpoint.h"

#include "crypto/cosign.h"
#include "crypto/digest.h"
#include "crypto/proof.h"
#include "crypto/sign.h"
#include "crypto/tile.h"
#include "tests/slurp.h"
#include "tests/test.h"

static uint8_t buf[65536];
static uint8_t tile_buf[65536];

static struct note_key
parse_key(struct span vkey)
{
    struct note_key key = {.type = 0};
    while (vkey.len > 0 && vkey.ptr[vkey.len - 1] == '\n')
        vkey.len--;
    CHECK_EQ(note_key_parse(vkey, &key), ERR_OK);
    return key;
}

static void
tessera(const char *base)
{
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    const struct note_key key = parse_key(slurp(buf, sizeof(buf), base, "tessera-log/vkey.txt"));
    TEST("sixteen checkpoints of a foreign log verify and its roots follow from its entries")
    {
        struct tlog_edge edge;
        struct tlog_hash root;
        tlog_edge_init(&edge);
        size_t at = 0;
        for (unsigned size = 0; size <= 15; size++) {
            const struct span in = slurp(buf, sizeof(buf), base, "tessera-log/checkpoint.%u", size);
            CHECK_EQ(checkpoint_open(in, &key, 1, &note, &by, &c), ERR_OK);
            CHECK(c.size == size && span_eq_str(c.origin, "example.com/log/testdata"));
            CHECK(span_is_empty(c.extension));
            CHECK_EQ(tlog_edge_root(&edge, &root), ERR_OK);
            CHECK(tlog_hash_eq(&root, &c.root));
            char again[CHECKPOINT_TEXT_MAX];
            size_t len = 0;
            CHECK_EQ(checkpoint_text(c.origin, c.size, &c.root, again, &len), ERR_OK);
            CHECK(span_eq(span_of(again, len), note.text));
            const struct span bundle =
                slurp(tile_buf, sizeof(tile_buf), base, "tessera-log/tile/entries/000.p/15");
            struct span entry;
            struct tlog_hash leaf;
            if (size == 15)
                break;
            CHECK_EQ(tile_entry_next(bundle, &at, &entry), ERR_OK);
            CHECK_EQ(tlog_leaf_hash(entry, &leaf), ERR_OK);
            CHECK_EQ(tlog_edge_append(&edge, &leaf, NULL, NULL), ERR_OK);
        }
    }
    TEST("a checkpoint signed by another key than its origin's is refused")
    {
        struct note_key other;
        const struct span in = slurp(buf, sizeof(buf), base, "tessera-log/checkpoint.15");
        CHECK_EQ(note_key_init(SPAN_LIT("example.com/other"), NOTE_ED25519, key.pub, &other), 0);
        CHECK_EQ(checkpoint_open(in, &other, 1, &note, &by, &c), ERR_KEY_UNKNOWN);
    }
    TEST("a signature over a checkpoint of a log with another origin does not open it")
    {
        /* The key signs as "k", the text claims to be log "l". */
        struct sign_key signer;
        struct note_key k;
        static const uint8_t seed[32] = {1};
        uint8_t sig[64];
        char line[NOTE_LINE_MAX];
        char text[CHECKPOINT_TEXT_MAX];
        char out[CHECKPOINT_MAX];
        size_t len = 0;
        size_t line_len = 0;
        CHECK_EQ(sign_key_init(&signer, seed), ERR_OK);
        CHECK_EQ(note_key_init(SPAN_LIT("k"), NOTE_ED25519, signer.pub.pub, &k), ERR_OK);
        CHECK_EQ(checkpoint_text(SPAN_LIT("l"), 15, &c.root, text, &len), ERR_OK);
        CHECK_EQ(sign_ed25519(&signer, span_of(text, len), sig), ERR_OK);
        CHECK_EQ(note_line(&k, span_of(sig, 64), line, &line_len), ERR_OK);
        CHECK_EQ(note_join(span_of(text, len), span_of(line, line_len), out, sizeof(out), &len), 0);
        CHECK_EQ(checkpoint_open(span_of(out, len), &k, 1, &note, &by, &c), ERR_KEY_UNKNOWN);
    }
}

static const struct {
    const char *dir;
    const char *vkey;
} cosigned[] = {
    {"skylight/witness/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706",
     "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN"},
    {"skylight/witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706",
     "mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O"},
    {"skylight/witness2/88ad7a28caeb0b2aa890fdf0304c2fcaf59fca2ee140134ff8c1300bac493482",
     "witness2.example.org+2e55b896+BIZ7fpceQWd60IfqQeS9IAnmNOCZjMDne8lZuguz/bi9"},
};

static void
skylight(const char *base)
{
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    TEST("three published cosignatures verify with their time; lines of other types are ignored")
    {
        for (size_t i = 0; i < 3; i++) {
            const struct note_key key = parse_key(span_str(cosigned[i].vkey));
            const struct span in = slurp(buf, sizeof(buf), base, "%s/checkpoint", cosigned[i].dir);
            CHECK_EQ(key.type, NOTE_COSIGNATURE);
            CHECK_EQ(note_parse(in, &note), ERR_OK);
            CHECK_EQ(note_verify(&note, &key, 1, &by), ERR_OK);
            CHECK(by.count == 1 && by.by[0].time == 1767139200);
            CHECK_EQ(checkpoint_parse(note.text, &c), ERR_OK);
            CHECK_EQ(c.size, 300);
            /* A witness alone does not make a checkpoint: the log's own key is unknown here. */
            CHECK_EQ(checkpoint_open(in, &key, 1, &note, &by, &c), ERR_KEY_UNKNOWN);
        }
    }
    TEST("files that only name a checkpoint are no checkpoints")
    {
        const struct span in = slurp(buf, sizeof(buf), base, "skylight/witness/checkpoint");
        CHECK(in.len > 0);
        CHECK_EQ(note_parse(in, &note), ERR_SYNTAX);
    }
    TEST("the mirror's tiles of 300 leaves lead to the root of its checkpoint")
    {
        const struct span in = slurp(buf, sizeof(buf), base, "%s/checkpoint", cosigned[1].dir);
        struct tlog_hash full;
        struct tlog_hash part;
        struct tlog_hash low;
        CHECK_EQ(note_parse(in, &note), ERR_OK);
        CHECK_EQ(checkpoint_parse(note.text, &c), ERR_OK);
        struct span t = slurp(tile_buf, sizeof(tile_buf), base, "%s/tile/0/000", cosigned[1].dir);
        CHECK_EQ(t.len, TILE_BYTES);
        CHECK_EQ(tile_subtree(t, 0, 8, &full), ERR_OK);
        t = slurp(tile_buf, sizeof(tile_buf), base, "%s/tile/1/000.p/1", cosigned[1].dir);
        CHECK(span_eq(t, span_of(full.b, 32)));
        t = slurp(tile_buf, sizeof(tile_buf), base, "%s/tile/0/001.p/44", cosigned[1].dir);
        CHECK_EQ(t.len, 44 * 32);
        /* 44 = 32 + 8 + 4 */
        CHECK_EQ(tile_subtree(t, 40, 2, &low), ERR_OK);
        CHECK_EQ(tile_subtree(t, 32, 3, &part), ERR_OK);
        CHECK_EQ(tlog_node_hash(&part, &low, &low), ERR_OK);
        CHECK_EQ(tile_subtree(t, 0, 5, &part), ERR_OK);
        CHECK_EQ(tlog_node_hash(&part, &low, &low), ERR_OK);
        CHECK_EQ(tlog_node_hash(&full, &low, &low), ERR_OK);
        CHECK(tlog_hash_eq(&low, &c.root));
        CHECK_EQ(tile_subtree(t, 40, 3, &part), ERR_RANGE);
    }
    TEST("the shape examples of the specifications parse, with their unknown keys ignored")
    {
        const struct span in =
            slurp(buf, sizeof(buf), base, "c2sp-examples/cosigned-checkpoint-shape.txt");
        CHECK_EQ(note_parse(in, &note), ERR_OK);
        CHECK_EQ(note.sig_count, 2);
        CHECK_EQ(note.sig[1].len, COSIGN_SIG_LEN);
        CHECK_EQ(checkpoint_parse(note.text, &c), ERR_OK);
        CHECK_EQ(c.size, 20852163);
        CHECK_EQ(note_verify(&note, NULL, 0, &by), ERR_KEY_UNKNOWN);
    }
}

static const struct {
    const char *text;
    enum err err;
} bad[] = {
    {"", ERR_SYNTAX},
    {"o\n", ERR_SYNTAX},
    {"\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n", ERR_SYNTAX},
    {"o\n01\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n", ERR_SYNTAX},
    {"o\n-1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n", ERR_SYNTAX},
    {"o\n9223372036854775807\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n", ERR_RANGE},
    {"o\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs\n", ERR_SYNTAX},
    {"o\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383c==\n", ERR_SYNTAX},
    {"o\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=", ERR_SYNTAX},
    {"o\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n", ERR_SYNTAX},
    {"o\n0\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n", ERR_PROOF},
};

int
main(int argc, char **argv)
{
    char base[1024];
    struct checkpoint c;
    char text[CHECKPOINT_TEXT_MAX];
    size_t len = 0;
    if (argc != 2 || digest_init() != ERR_OK || sign_init() != ERR_OK)
        return 2;
    (void)snprintf(base, sizeof(base), "%s/tlog", argv[1]);
    tessera(base);
    skylight(base);
    TEST("malformed checkpoints are refused, extension lines are kept apart")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK_EQ(checkpoint_parse(span_str(bad[i].text), &c), bad[i].err);
        CHECK_EQ(checkpoint_parse(
                     SPAN_LIT("o\n1\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\next\n"), &c),
                 ERR_OK);
        CHECK(span_eq_str(c.extension, "ext\n"));
        CHECK_EQ(checkpoint_text(SPAN_LIT("a b"), 1, &c.root, text, &len), ERR_SYNTAX);
    }
    return test_end();
}
