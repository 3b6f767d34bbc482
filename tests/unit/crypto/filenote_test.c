/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/filenote.h"

#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "tests/test.h"

int
main(void)
{
    static const uint8_t seed[32] = {1};
    struct sign_key key;
    struct note_key vkey;
    char text[FILENOTE_TEXT_MAX];
    char line[NOTE_LINE_MAX];
    char note[2048];
    size_t text_len = 0;
    size_t line_len = 0;
    size_t note_len = 0;
    uint8_t sig[64];
    struct note_signers signers;

    TEST("a note about a file is accepted for that file, name and format")
    {
        CHECK_EQ(crypto_init(), ERR_OK);
        CHECK_EQ(sign_key_init(&key, seed), ERR_OK);
        CHECK_EQ(note_key_init(SPAN_LIT("op-my-1"), NOTE_ED25519, key.pub.pub, &vkey), ERR_OK);
        CHECK_EQ(filenote_text("tdz.agreement/1", SPAN_LIT("open-data.json"), SPAN_LIT("{}"), text,
                               &text_len),
                 ERR_OK);
        CHECK_EQ(sign_ed25519(&key, span_of(text, text_len), sig), ERR_OK);
        CHECK_EQ(note_line(&vkey, span_of(sig, 64), line, &line_len), ERR_OK);
        CHECK_EQ(note_join(span_of(text, text_len), span_of(line, line_len), note, sizeof(note),
                           &note_len),
                 ERR_OK);
        CHECK_EQ(filenote_check(span_of(note, note_len), "tdz.agreement/1",
                                SPAN_LIT("open-data.json"), SPAN_LIT("{}"), &vkey, 1, &signers),
                 ERR_OK);
        CHECK_EQ(signers.count, 1);
    }
    TEST("a note is refused for another file, another name and another format")
    {
        const struct span n = span_of(note, note_len);
        CHECK_EQ(filenote_check(n, "tdz.agreement/1", SPAN_LIT("open-data.json"), SPAN_LIT("{ }"),
                                &vkey, 1, &signers),
                 ERR_CONFLICT);
        CHECK_EQ(filenote_check(n, "tdz.agreement/1", SPAN_LIT("other.json"), SPAN_LIT("{}"), &vkey,
                                1, &signers),
                 ERR_CONFLICT);
        CHECK_EQ(filenote_check(n, "tdz.partner/1", SPAN_LIT("open-data.json"), SPAN_LIT("{}"),
                                &vkey, 1, &signers),
                 ERR_CONFLICT);
    }
    TEST("a note by nobody known and a damaged signature are refused")
    {
        const struct span n = span_of(note, note_len);
        CHECK_EQ(filenote_check(n, "tdz.agreement/1", SPAN_LIT("open-data.json"), SPAN_LIT("{}"),
                                &vkey, 0, &signers),
                 ERR_KEY_UNKNOWN);
        note[note_len - 6] = note[note_len - 6] == 'A' ? 'B' : 'A';
        CHECK_EQ(filenote_check(n, "tdz.agreement/1", SPAN_LIT("open-data.json"), SPAN_LIT("{}"),
                                &vkey, 1, &signers),
                 ERR_SIGNATURE);
    }
    TEST("names that could leave a folder are refused")
    {
        CHECK_EQ(filenote_text("x", SPAN_LIT("../a"), SPAN_LIT(""), text, &text_len), ERR_SYNTAX);
        CHECK_EQ(filenote_text("x", SPAN_LIT(".a"), SPAN_LIT(""), text, &text_len), ERR_SYNTAX);
        CHECK_EQ(filenote_text("x", SPAN_LIT(""), SPAN_LIT(""), text, &text_len), ERR_SYNTAX);
    }
    return test_end();
}
