/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticated encryption by OpenSSL: AES-256-GCM and ChaCha20-Poly1305, with contexts made once
 * and re-used: a new message sets the nonce only, never the key again. */
#ifndef TDZ_CRYPTO_AEAD_H
#define TDZ_CRYPTO_AEAD_H

#include "crypto/key.h"

enum aead_alg { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };
enum aead_use { AEAD_SEAL, AEAD_OPEN };

enum {
    AEAD_KEY_BYTES = 32,
    AEAD_NONCE_BYTES = 12,
    AEAD_TAG_BYTES = 16,
    AEAD_BYTES_MAX = 1 << 30, /* of one message; OpenSSL counts in int */
};

/* Fetches the ciphers; once a process, before the sandbox. Again does nothing. ERR_CRYPTO. */
MUST_USE enum err aead_init(void);

/* A context for one algorithm and one direction; opaque, on the heap, for set-up and re-use. */
struct aead;

/* ERR_STATE before aead_init, ERR_NOMEM, ERR_CRYPTO. The caller frees *ret with aead_free, which
 * wipes the key inside. */
MUST_USE enum err aead_new(enum aead_alg alg, enum aead_use use, struct aead **ret);
void aead_free(struct aead *a);

/* Takes key[32]; the context keeps its own copy until the next aead_key or aead_free. */
MUST_USE enum err aead_key(struct aead *a, const uint8_t key[static 32]);

/* Forgets the key; the context can be given another. */
void aead_forget(struct aead *a);

/* Writes in.len + AEAD_TAG_BYTES bytes to out, whose room is cap (ERR_FULL); out may be in.ptr but
 * not overlap it otherwise. A nonce must never repeat under one key: that is the caller's duty.
 * ERR_STATE without a key or for an opening context, ERR_RANGE (in or aad too long), ERR_CRYPTO. */
MUST_USE enum err aead_seal(struct aead *a, const uint8_t nonce[static 12], struct span aad,
                            struct span in, uint8_t *out, size_t cap);

/* The inverse: in is ciphertext and tag; writes in.len - AEAD_TAG_BYTES bytes. ERR_AUTH when the
 * tag does not fit or in is shorter than a tag: then what was written to out is wiped. Other errors
 * as aead_seal. */
MUST_USE enum err aead_open(struct aead *a, const uint8_t nonce[static 12], struct span aad,
                            struct span in, uint8_t *out, size_t cap);

#endif
