/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes: a text and signature lines under it. The type byte of a key is open: Ed25519 and
 * cosignature/v1 are checked here, lines of every other key or type are ignored, never an error.
 * Spec: C2SP signed-note v1.0.0, tlog-cosignature v1.0.1. */
#ifndef TDZ_CRYPTO_NOTE_H
#define TDZ_CRYPTO_NOTE_H

#include "schemas/error.h"
#include "schemas/span.h"

/* The specification wants 16 signatures accepted; a JSON body may be 1 MiB. */
enum { NOTE_SIGS_MAX = 16, NOTE_BYTES_MAX = (1 << 20) + (1 << 16) };
enum { NOTE_NAME_MAX = 160, NOTE_ID_LEN = 4, NOTE_PUB_LEN = 32 };
enum { NOTE_ED25519 = 0x01, NOTE_COSIGNATURE = 0x04 };
/* "name+12345678+base64(type || pub)" and NUL. */
enum { NOTE_VKEY_MAX = NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1 };
/* The longest line written here: em dash, name, id with timestamp and signature, newline, NUL. */
enum { NOTE_LINE_MAX = 4 + NOTE_NAME_MAX + 1 + 104 + 1 + 1 };

/* One key that may sign notes: whose name it is and what its signatures mean. */
struct note_key {
    char name[NOTE_NAME_MAX + 1];
    uint8_t type;
    uint8_t id[NOTE_ID_LEN];
    uint8_t pub[NOTE_PUB_LEN];
};

/* Views into the note. base64 is the whole field: id and signature. */
struct note_sig {
    struct span name;
    struct span base64;
    uint8_t id[NOTE_ID_LEN];
    size_t len; /* of the signature behind the id */
};

/* text ends in a newline. Everything points into the input. */
struct note {
    struct span text;
    size_t sig_count;
    struct note_sig sig[NOTE_SIGS_MAX];
};

/* keys[key] signed; time is Unix seconds of a cosignature, else 0. */
struct note_signer {
    size_t key;
    uint64_t time;
};

struct note_signers {
    size_t count;
    struct note_signer by[NOTE_SIGS_MAX];
};

/* True if name can be a key name: 1 to NOTE_NAME_MAX bytes of UTF-8 without white space, control
 * characters and '+'. */
bool note_name_ok(struct span name);

/* A key with its id computed. ERR_SYNTAX on a bad name; ERR_UNSUPPORTED on another type. */
MUST_USE enum err note_key_init(struct span name, uint8_t type, const uint8_t pub[NOTE_PUB_LEN],
                                struct note_key *ret);

/* Reads a vkey. ERR_SYNTAX; ERR_UNSUPPORTED on a type other than the two above; ERR_KEY_UNKNOWN
 * when the id is not that of the key. */
MUST_USE enum err note_key_parse(struct span vkey, struct note_key *ret);

/* Writes the vkey, NUL terminated. */
MUST_USE enum err note_key_text(const struct note_key *key, char out[static NOTE_VKEY_MAX]);

/* Splits a note. ERR_UTF8, ERR_SYNTAX (control character, no blank line, bad line), ERR_FULL (more
 * than NOTE_SIGS_MAX lines), ERR_TOO_LARGE. Nothing is verified. */
MUST_USE enum err note_parse(struct span input, struct note *ret);

/* True if sig says that it is by key: its name and its id. Nothing is verified. */
bool note_sig_names(const struct note_sig *sig, const struct note_key *key);

/* True if a line of note says so. */
bool note_has_line(const struct note *note, const struct note_key *key);

/* Appends key to keys[0..*io_count) if note has a line that says to be by it, no key there has its
 * name and id, and there is room. True if it did: what note_verify is to check. */
bool note_keys_add(const struct note *note, const struct note_key *key,
                   struct note_key keys[static NOTE_SIGS_MAX], size_t *io_count);

/* Checks the lines of keys[0..key_count) and ignores all others; a second line of one key is
 * ignored too. ERR_SIGNATURE: a line of a known key does not verify; ERR_KEY_UNKNOWN: no line is by
 * a known key; ERR_DUPLICATE: two of keys have one name and id; ERR_TOO_LARGE: a cosigned text
 * beyond COSIGN_TEXT_MAX. */
MUST_USE enum err note_verify(const struct note *note, const struct note_key *keys,
                              size_t key_count, struct note_signers *ret);

/* The signature line of key over sig (64 bytes of Ed25519; with its 8 bytes of time before it for a
 * cosignature). NUL terminated. ERR_RANGE on another length for the key's type. */
MUST_USE enum err note_line(const struct note_key *key, struct span sig,
                            char out[static NOTE_LINE_MAX], size_t *ret_len);

/* Writes text, a blank line and lines (any number of whole signature lines); out may not overlap.
 * ERR_FULL. */
MUST_USE enum err note_join(struct span text, struct span lines, char *out, size_t cap,
                            size_t *ret_len);

#endif
