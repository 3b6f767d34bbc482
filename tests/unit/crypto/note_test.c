/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/note.h"

#include "crypto/cosign.h"
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "schemas/text.h"
#include "tests/slurp.h"
#include "tests/test.h"

static uint8_t buf[4096];
static uint8_t key_buf[1024];

static struct note_key
read_key(const char *base, const char *path)
{
    struct note_key key = {.type = 0};
    struct span vkey = slurp(key_buf, sizeof(key_buf), base, "%s", path);
    while (vkey.len > 0 && vkey.ptr[vkey.len - 1] == '\n')
        vkey.len--;
    CHECK_EQ(note_key_parse(vkey, &key), ERR_OK);
    return key;
}

static void
keys_and_lines(void)
{
    struct sign_key signer;
    struct note_key key;
    struct note_key again;
    char vkey[NOTE_VKEY_MAX];
    static const uint8_t seed[32] = {7};
    if (sign_key_init(&signer, seed) != ERR_OK)
        exit(1);
    const struct span name = SPAN_LIT("my-cyberjaya/gw1/2026h2");

    TEST("a key written as vkey reads back the same")
    {
        CHECK_EQ(note_key_init(name, NOTE_ED25519, signer.pub.pub, &key), ERR_OK);
        CHECK_EQ(note_key_text(&key, vkey), ERR_OK);
        CHECK_EQ(note_key_parse(span_str(vkey), &again), ERR_OK);
        CHECK(memcmp(&key, &again, sizeof(key)) == 0);
    }
    TEST("a vkey with a wrong id, type, name or length is refused")
    {
        CHECK_EQ(note_key_text(&key, vkey), ERR_OK);
        char *plus = strchr(vkey, '+');
        plus[1] = plus[1] == '0' ? '1' : '0';
        CHECK_EQ(note_key_parse(span_str(vkey), &again), ERR_KEY_UNKNOWN);
        CHECK_EQ(note_key_init(name, 0x06, signer.pub.pub, &again), ERR_UNSUPPORTED);
        CHECK_EQ(note_key_init(SPAN_LIT("a b"), 1, signer.pub.pub, &again), ERR_SYNTAX);
        CHECK_EQ(note_key_init(SPAN_LIT("a\xe2\x80\x89z"), 1, signer.pub.pub, &again), ERR_SYNTAX);
        CHECK_EQ(note_key_init(SPAN_LIT("a+b"), 1, signer.pub.pub, &again), ERR_SYNTAX);
        CHECK_EQ(note_key_init(SPAN_LIT(""), 1, signer.pub.pub, &again), ERR_SYNTAX);
        CHECK_EQ(note_key_parse(SPAN_LIT("a+12345678+AAAA"), &again), ERR_SYNTAX);
        CHECK_EQ(note_key_parse(SPAN_LIT("a"), &again), ERR_SYNTAX);
        CHECK_EQ(note_key_parse(SPAN_LIT(""), &again), ERR_SYNTAX);
        CHECK_EQ(note_key_parse(SPAN_LIT("a+1234567g+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
                                &again),
                 ERR_SYNTAX);
        CHECK_EQ(note_key_parse(SPAN_LIT("a+12345678+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2kA"
                                         "ekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
                                &again),
                 ERR_UNSUPPORTED);
    }
    TEST("a note signed here verifies, ignores foreign lines and names its signers with times")
    {
        char lines[4 * NOTE_LINE_MAX];
        char out[2048];
        uint8_t sig[64];
        uint8_t message[COSIGN_MESSAGE_MAX];
        struct span to_sign;
        struct note_key keys[2];
        struct note note;
        struct note_signers by;
        size_t len = 0;
        size_t used = 0;
        const struct span text = SPAN_LIT("first\n\nsecond \xe2\x80\x94 x\n");
        CHECK_EQ(note_key_init(SPAN_LIT("cn/w"), NOTE_COSIGNATURE, signer.pub.pub, &keys[0]), 0);
        keys[1] = key;
        used = (size_t)snprintf(lines, sizeof(lines), "\xe2\x80\x94 who.knows/x AAAAAAAA\n");
        CHECK_EQ(sign_ed25519(&signer, text, sig), ERR_OK);
        CHECK_EQ(note_line(&key, span_of(sig, 64), lines + used, &len), ERR_OK);
        used += len;
        CHECK_EQ(cosign_message(1767139200, text, message, &to_sign), ERR_OK);
        CHECK_EQ(sign_ed25519(&signer, to_sign, sig), ERR_OK);
        CHECK_EQ(cosign_line(&keys[0], 1767139200, sig, lines + used, &len), ERR_OK);
        used += len;
        CHECK_EQ(note_join(text, span_of(lines, used), out, sizeof(out), &len), ERR_OK);
        CHECK_EQ(note_parse(span_of(out, len), &note), ERR_OK);
        CHECK(span_eq(note.text, text) && note.sig_count == 3);
        CHECK_EQ(note_verify(&note, keys, 2, &by), ERR_OK);
        CHECK(by.count == 2 && by.by[0].key == 1 && by.by[0].time == 0 && by.by[1].key == 0 &&
              by.by[1].time == 1767139200);
        CHECK_EQ(note_verify(&note, keys, 0, &by), ERR_KEY_UNKNOWN);
        const struct note_key twice[2] = {key, key};
        CHECK_EQ(note_verify(&note, twice, 2, &by), ERR_DUPLICATE);
        CHECK_EQ(note_join(text, span_of(lines, used), out, len, &len), ERR_FULL);
        CHECK_EQ(note_line(&key, span_of(sig, 63), out, &len), ERR_RANGE);
        CHECK_EQ(cosign_line(&key, 1, sig, out, &len), ERR_TYPE);
        CHECK_EQ(cosign_message(UINT64_MAX, text, message, &to_sign), ERR_RANGE);
        static const uint8_t big[COSIGN_TEXT_MAX + 1];
        CHECK_EQ(cosign_message(1, span_of(big, sizeof(big)), message, &to_sign), ERR_TOO_LARGE);
    }
}

/* Key ids are hashes of name and key: another of either is another id. */
static struct note_key
key_of(const char *name, uint8_t byte)
{
    uint8_t pub[NOTE_PUB_LEN];
    struct note_key key = {.type = 0};
    memset(pub, byte, sizeof(pub));
    CHECK_EQ(note_key_init(span_str(name), NOTE_ED25519, pub, &key), ERR_OK);
    return key;
}

static void
whose_line(void)
{
    static const uint8_t sig[64];
    const struct note_key amal = key_of("amal", 1);
    const struct note_key other_pub = key_of("amal", 2);
    const struct note_key budi = key_of("budi", 1);
    struct note_key other_name = budi;
    struct note_key keys[NOTE_SIGS_MAX];
    struct note note;
    char lines[2 * NOTE_LINE_MAX];
    char out[1024];
    size_t count = 0;
    size_t used = 0;
    size_t len = 0;
    memcpy(other_name.id, amal.id, sizeof(other_name.id));
    CHECK_EQ(note_line(&amal, span_of(sig, 64), lines, &used), ERR_OK);
    CHECK_EQ(note_line(&budi, span_of(sig, 64), lines + used, &len), ERR_OK);
    CHECK_EQ(note_join(SPAN_LIT("text\n"), span_of(lines, used + len), out, sizeof(out), &len), 0);
    CHECK_EQ(note_parse(span_of(out, len), &note), ERR_OK);

    TEST("a line names a key by name and id together")
    {
        CHECK(note_sig_names(&note.sig[0], &amal) && note_sig_names(&note.sig[1], &budi));
        CHECK(!note_sig_names(&note.sig[0], &budi) && !note_sig_names(&note.sig[1], &amal));
        CHECK(!note_sig_names(&note.sig[0], &other_pub));
        CHECK(!note_sig_names(&note.sig[0], &other_name));
        CHECK(note_has_line(&note, &amal) && note_has_line(&note, &budi));
        CHECK(!note_has_line(&note, &other_pub) && !note_has_line(&note, &other_name));
    }
    TEST("a key is taken for its line, once and while there is room")
    {
        CHECK(note_keys_add(&note, &amal, keys, &count));
        CHECK(!note_keys_add(&note, &amal, keys, &count));
        CHECK(!note_keys_add(&note, &other_pub, keys, &count));
        CHECK_EQ(count, 1);
        CHECK(note_keys_add(&note, &budi, keys, &count));
        CHECK_EQ(count, 2);
        CHECK(memcmp(&keys[0], &amal, sizeof(amal)) == 0);
        CHECK(memcmp(&keys[1], &budi, sizeof(budi)) == 0);
        for (size_t i = 0; i < NOTE_SIGS_MAX; i++)
            keys[i] = other_pub;
        count = NOTE_SIGS_MAX;
        CHECK(!note_keys_add(&note, &amal, keys, &count));
        CHECK_EQ(count, NOTE_SIGS_MAX);
        count = NOTE_SIGS_MAX - 1;
        CHECK(note_keys_add(&note, &amal, keys, &count));
    }
}

static const struct {
    const char *input;
    enum err err;
} bad[] = {
    {"", ERR_SYNTAX},
    {"text\n", ERR_SYNTAX},
    {"text\n\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94 a AAAAAAA=", ERR_SYNTAX},
    {"text\n\n- a AAAAAAA=\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94 a+b AAAAAAA=\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94  AAAAAAA=\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94 a AAAAAA==\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94 a AAAAAA\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94 a AAA=AAA=\n", ERR_SYNTAX},
    {"text\n\n\xe2\x80\x94 a\n", ERR_SYNTAX},
    {"te\txt\n\n\xe2\x80\x94 a AAAAAAA=\n", ERR_SYNTAX},
    {"te\xffxt\n\n\xe2\x80\x94 a AAAAAAA=\n", ERR_UTF8},
};

static void
malformed(void)
{
    struct note note;
    TEST("malformed notes are refused")
    {
        CHECK_EQ(note_parse(SPAN_LIT("text\n\n\xe2\x80\x94 a AAAAAAA=\n"), &note), ERR_OK);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            const enum err err = note_parse(span_str(bad[i].input), &note);
            if (err != bad[i].err)
                printf("# case %zu: %s\n", i, error_name(err));
            CHECK_EQ(err, bad[i].err);
        }
    }
    TEST("sixteen signatures are read, a seventeenth and a note beyond the limit are refused")
    {
        char many[1024] = "t\n\n";
        size_t len = 3;
        for (int i = 0; i < 17; i++) {
            len += (size_t)snprintf(many + len, sizeof(many) - len, "\xe2\x80\x94 a AAAAAAA=\n");
            CHECK_EQ(note_parse(span_of(many, len), &note), i < 16 ? ERR_OK : ERR_FULL);
        }
        uint8_t *big = malloc(NOTE_BYTES_MAX + 1);
        memset(big, 'x', NOTE_BYTES_MAX + 1);
        CHECK_EQ(note_parse(span_of(big, NOTE_BYTES_MAX + 1), &note), ERR_TOO_LARGE);
        free(big);
    }
    TEST("a long post-quantum line is carried, not understood")
    {
        static char big[8192] = "t\n\n\xe2\x80\x94 a ";
        size_t len = strlen(big);
        memset(big + len, 'A', 3236);
        len += 3236;
        big[len++] = '\n';
        CHECK_EQ(note_parse(span_of(big, len), &note), ERR_OK);
        CHECK_EQ(note.sig[0].len, 2427 - 4);
    }
}

static void
vectors(const char *base)
{
    struct note note;
    struct note_signers by;
    const struct note_key key = read_key(base, "c2sp-examples/signed-note-example.vkey");
    TEST("the specification's example note verifies under its vkey")
    {
        const struct span in =
            slurp(buf, sizeof(buf), base, "c2sp-examples/signed-note-example.txt");
        CHECK_EQ(note_parse(in, &note), ERR_OK);
        CHECK_EQ(note_verify(&note, &key, 1, &by), ERR_OK);
        CHECK(span_eq_str(note.text, "This is an example message.\n"));
    }
    TEST("no bit of it can be flipped")
    {
        const struct span in =
            slurp(buf, sizeof(buf), base, "c2sp-examples/signed-note-example.txt");
        for (size_t bit = 0; bit < in.len * 8; bit++) {
            buf[bit / 8] = (uint8_t)(buf[bit / 8] ^ (1U << (bit % 8)));
            const bool ok =
                note_parse(in, &note) == ERR_OK && note_verify(&note, &key, 1, &by) == ERR_OK;
            if (ok)
                printf("# bit %zu\n", bit);
            CHECK(!ok);
            buf[bit / 8] = (uint8_t)(buf[bit / 8] ^ (1U << (bit % 8)));
        }
    }
    TEST("a line of a known key with a wrong signature or length fails the whole note")
    {
        struct span in = slurp(buf, sizeof(buf), base, "c2sp-examples/signed-note-example.txt");
        buf[in.len - 10] ^= 1;
        CHECK_EQ(note_parse(in, &note), ERR_OK);
        CHECK_EQ(note_verify(&note, &key, 1, &by), ERR_SIGNATURE);
        CHECK_EQ(note_parse(SPAN_LIT("x\n\n\xe2\x80\x94 example.com/foo Uw2QOkn8\n"), &note),
                 ERR_OK);
        CHECK_EQ(note_verify(&note, &key, 1, &by), ERR_SIGNATURE);
    }
}

int
main(int argc, char **argv)
{
    char base[1024];
    if (argc != 2 || digest_init() != ERR_OK || sign_init() != ERR_OK)
        return 2;
    (void)snprintf(base, sizeof(base), "%s/tlog", argv[1]);
    keys_and_lines();
    whose_line();
    malformed();
    vectors(base);
    return test_end();
}
