/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: note_parse note_verify note_key_parse note_key_text */
/* What is read as a note is made of pieces of the input in their order; nothing verifies under a
 * key that signed nothing; a vkey that is read is written back the same. */
#include "crypto/digest.h"
#include "crypto/note.h"
#include "crypto/sign.h"
#include "fuzz/fuzz.h"

static void
check_vkey(struct span input)
{
    struct note_key key;
    char text[NOTE_VKEY_MAX];
    if (note_key_parse(input, &key) != ERR_OK)
        return;
    FUZZ_MUST(note_key_text(&key, text) == ERR_OK);
    FUZZ_MUST(span_eq_str(input, text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t pub[NOTE_PUB_LEN] = {0xd7, 0x5a, 0x98, 0x01};
    struct note note;
    struct note_key keys[NOTE_SIGS_MAX];
    struct note_signers by;
    const struct span input = span_of(data, len);
    FUZZ_MUST(digest_init() == ERR_OK && sign_init() == ERR_OK);
    check_vkey(input);
    if (note_parse(input, &note) != ERR_OK)
        return 0;
    FUZZ_MUST(note.text.ptr == data && note.text.len + 2 < len);
    FUZZ_MUST(note.sig_count > 0 && note.sig_count <= NOTE_SIGS_MAX);
    for (size_t i = 0; i < note.sig_count; i++) {
        const struct note_sig *sig = &note.sig[i];
        FUZZ_MUST(sig->name.ptr > data && sig->base64.ptr + sig->base64.len < data + len);
        const uint8_t type = i % 2 == 0 ? NOTE_ED25519 : NOTE_COSIGNATURE;
        keys[i] = (struct note_key){.type = type};
        if (sig->name.len <= NOTE_NAME_MAX)
            memcpy(keys[i].name, sig->name.ptr, sig->name.len);
        memcpy(keys[i].id, sig->id, NOTE_ID_LEN);
        memcpy(keys[i].pub, pub, sizeof(pub));
    }
    FUZZ_MUST(note_verify(&note, keys, note.sig_count, &by) != ERR_OK);
    return 0;
}
