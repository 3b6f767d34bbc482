/* SPDX-License-Identifier: Apache-2.0 */
/* The encrypted body of a container: C2SP chunked-encryption, 16 KiB chunks, the last one short.
 *
 *   key(32) || base_nonce(12) || commit(32) = HKDF-Expand-SHA-512(DEK, info)
 *   BODY = salt(24) || commit(32) || C_0 || ... || C_{n-1}
 *   C_k  = AEAD(key, base_nonce XOR be96(k), "", P_k), |P_k| = 16384 for k < n-1, else 0..16383
 *
 * n = plaintext_len / 16384 + 1, so a last chunk always exists and is always short: a stream cut at
 * a chunk border, or one that goes on after its end, is seen. A sealer seals each index once and
 * ascending; to seal again after a doubt means a new data key and a new salt.
 * Sealers and openers allocate one cipher context at init and nothing later.
 * Spec: container-and-keys.md 2.3. */
#ifndef TDZ_CRYPTO_BODY_H
#define TDZ_CRYPTO_BODY_H

#include "crypto/suite.h"

enum {
    BODY_CHUNK_BYTES = 16384,
    BODY_TAG_BYTES = AEAD_TAG_BYTES,
    BODY_SEALED_BYTES = BODY_CHUNK_BYTES + BODY_TAG_BYTES,
    BODY_SALT_BYTES = 24,
    BODY_COMMIT_BYTES = 32,
    BODY_PREFIX_BYTES = BODY_SALT_BYTES + BODY_COMMIT_BYTES,
    BODY_GROUP_CHUNKS = 64, /* the unit of resume and of the group list */
    BODY_GROUP_BYTES = BODY_GROUP_CHUNKS * BODY_SEALED_BYTES,
};
#define BODY_CHUNKS_MAX (UINT64_C(1) << 32)
#define BODY_PLAIN_MAX (BODY_CHUNKS_MAX * BODY_CHUNK_BYTES - 1)

/* Chunks of a plaintext of plain_len bytes (at most BODY_PLAIN_MAX, asserted). */
uint64_t body_chunk_count(uint64_t plain_len);

/* Bytes of the whole BODY: prefix and chunks. plain_len as above. */
uint64_t body_bytes(uint64_t plain_len);

/* Offset of chunk index in BODY. index < BODY_CHUNKS_MAX, asserted. */
uint64_t body_chunk_offset(uint64_t index);

/* Bytes of sealed chunk index of a body of plain_len. ERR_RANGE when there is no such chunk. */
MUST_USE enum err body_chunk_sealed_len(uint64_t plain_len, uint64_t index, size_t *ret);

/* What the data key gives. The caller wipes it with body_keys_wipe. */
struct body_keys {
    struct secret32 key;
    uint8_t base_nonce[AEAD_NONCE_BYTES];
    uint8_t commit[BODY_COMMIT_BYTES];
};
void body_keys_wipe(struct body_keys *keys);

/* ERR_STATE before mac_init, ERR_CRYPTO. */
MUST_USE enum err body_derive(enum suite suite, const struct secret32 *dek,
                              const uint8_t salt[static 24], const uint8_t offer_hash[static 32],
                              struct body_keys *ret);

struct body_sealer {
    struct aead *aead;
    uint8_t base_nonce[AEAD_NONCE_BYTES];
    uint8_t prefix[BODY_PREFIX_BYTES]; /* salt || commit: the first bytes of BODY */
    uint64_t next;                     /* index of the next chunk = chunks sealed */
    uint64_t plain_len;                /* bytes sealed */
    bool done;                         /* the short chunk is sealed */
};

/* Keys a sealer for one container. The caller ends it with body_sealer_finish, also after an error
 * of body_seal_chunk. ERR_STATE before aead_init or mac_init, ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err body_sealer_init(struct body_sealer *s, enum suite suite,
                                   const struct secret32 *dek, const uint8_t salt[static 24],
                                   const uint8_t offer_hash[static 32]);
void body_sealer_finish(struct body_sealer *s);

/* Seals the next chunk: 16384 bytes, or fewer (also none) for the last, after which nothing more
 * can be sealed. Writes plain.len + 16 bytes to out, whose room is cap; out may be plain.ptr.
 * ERR_STATE after the last chunk or an earlier failure, ERR_RANGE (chunk too long, or more than
 * BODY_CHUNKS_MAX chunks), ERR_FULL, ERR_CRYPTO. */
MUST_USE enum err body_seal_chunk(struct body_sealer *s, struct span plain, uint8_t *out,
                                  size_t cap);

struct body_opener {
    struct aead *aead;
    uint8_t base_nonce[AEAD_NONCE_BYTES];
    uint64_t plain_len;
};

/* Keys an opener for one container of plain_len bytes (from its verified SEAL) whose BODY begins
 * with prefix[56]. ERR_AUTH when the data key, salt, suite or offer is not the one that prefix
 * commits to: compared in constant time, before any chunk. ERR_RANGE for plain_len beyond
 * BODY_PLAIN_MAX. Else as body_sealer_init. End it with body_opener_finish. */
MUST_USE enum err body_opener_init(struct body_opener *o, enum suite suite,
                                   const struct secret32 *dek, const uint8_t prefix[static 56],
                                   const uint8_t offer_hash[static 32], uint64_t plain_len);
void body_opener_finish(struct body_opener *o);

/* Opens chunk index, in any order. leaf[32] is what the tree says the chunk hashes to, or NULL when
 * the caller has compared the leaf already. Writes the plaintext to out (cap >= its length), which
 * may be sealed.ptr. ERR_RANGE (no such chunk), ERR_SHORT or ERR_TRAILING (length is not that of
 * the chunk at this index), ERR_PROOF (leaf differs), ERR_AUTH (then out is wiped), ERR_FULL,
 * ERR_CRYPTO. */
MUST_USE enum err body_open_chunk(struct body_opener *o, uint64_t index, struct span sealed,
                                  const uint8_t *leaf, uint8_t *out, size_t cap, size_t *ret_len);

#endif
