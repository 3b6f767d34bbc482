/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints and successions as logs, witnesses and operators sign them, for tests. */
#ifndef TDZ_TESTS_SUCCEEDED_H
#define TDZ_TESTS_SUCCEEDED_H

#include "crypto/cosign.h"
#include "crypto/sign.h"
#include "policy/succession.h"
#include "tests/test.h"

struct succeeded_key {
    const char *name;
    struct sign_key key;
};

__attribute__((unused)) static void
succeeded_key(struct succeeded_key *k, const char *name, uint8_t seed)
{
    const uint8_t bytes[32] = {seed, 7};
    k->name = name;
    CHECK_EQ(sign_key_init(&k->key, bytes), ERR_OK);
}

/* Its vkey, in memory that stays. */
__attribute__((unused)) static struct span
succeeded_vkey(const struct succeeded_key *k, uint8_t type)
{
    static char texts[32][NOTE_VKEY_MAX];
    static size_t used;
    char *text = texts[used++ % 32];
    struct note_key key;
    CHECK_EQ(note_key_init(span_str(k->name), type, k->key.pub.pub, &key), ERR_OK);
    CHECK_EQ(note_key_text(&key, text), ERR_OK);
    return span_str(text);
}

static size_t
succeeded_line(const struct succeeded_key *k, struct span text, char out[static NOTE_LINE_MAX])
{
    struct note_key key;
    uint8_t sig[64];
    size_t len = 0;
    CHECK_EQ(note_key_init(span_str(k->name), NOTE_ED25519, k->key.pub.pub, &key), ERR_OK);
    CHECK_EQ(sign_ed25519(&k->key, text, sig), ERR_OK);
    CHECK_EQ(note_line(&key, span_of(sig, 64), out, &len), ERR_OK);
    return len;
}

static size_t
succeeded_cosign(const struct succeeded_key *k, struct span text, uint64_t time,
                 char out[static NOTE_LINE_MAX])
{
    struct note_key key;
    uint8_t message[COSIGN_MESSAGE_MAX];
    uint8_t sig[64];
    struct span to_sign;
    size_t len = 0;
    CHECK_EQ(note_key_init(span_str(k->name), NOTE_COSIGNATURE, k->key.pub.pub, &key), ERR_OK);
    CHECK_EQ(cosign_message(time, text, message, &to_sign), ERR_OK);
    CHECK_EQ(sign_ed25519(&k->key, to_sign, sig), ERR_OK);
    CHECK_EQ(cosign_line(&key, time, sig, out, &len), ERR_OK);
    return len;
}

/* A checkpoint of log, cosigned when witness is not NULL; a view of out. */
static struct span
succeeded_checkpoint(const struct succeeded_key *log, const struct succeeded_key *witness,
                     uint64_t size, const struct tlog_hash *root, uint64_t time,
                     char out[static CHECKPOINT_MAX])
{
    char text[CHECKPOINT_TEXT_MAX];
    char lines[2 * NOTE_LINE_MAX];
    size_t text_len = 0;
    size_t len = 0;
    CHECK_EQ(checkpoint_text(span_str(log->name), size, root, text, &text_len), ERR_OK);
    size_t at = succeeded_line(log, span_of(text, text_len), lines);
    if (witness != NULL)
        at += succeeded_cosign(witness, span_of(text, text_len), time, lines + at);
    CHECK_EQ(note_join(span_of(text, text_len), span_of(lines, at), out, CHECKPOINT_MAX, &len),
             ERR_OK);
    return span_of(out, len);
}

/* The note of s with a line of each person; a view of out. */
static struct span
succeeded_note(const struct succession *s, const struct succeeded_key *const *people, size_t count,
               char out[static SUCCESSION_NOTE_MAX])
{
    char text[SUCCESSION_TEXT_MAX];
    char lines[4 * NOTE_LINE_MAX];
    size_t text_len = 0;
    size_t at = 0;
    size_t len = 0;
    CHECK_EQ(succession_text(s, text, &text_len), ERR_OK);
    for (size_t i = 0; i < count; i++)
        at += succeeded_line(people[i], span_of(text, text_len), lines + at);
    CHECK_EQ(note_join(span_of(text, text_len), span_of(lines, at), out, SUCCESSION_NOTE_MAX, &len),
             ERR_OK);
    return span_of(out, len);
}

#endif
