/* SPDX-License-Identifier: Apache-2.0 */
/* For known-answer tests only: HPKE with a given ephemeral key. Using one ephemeral key twice in
 * production would repeat a nonce; only tests include this header. */
#ifndef TDZ_CRYPTO_HPKE_KAT_H
#define TDZ_CRYPTO_HPKE_KAT_H

#include "crypto/hpke.h"

MUST_USE enum err hpke_kat_seal(const struct secret32 *ephemeral, const uint8_t pk[static 32],
                                struct span info, const struct hpke_psk *psk, struct span aad,
                                struct span text, uint8_t ret_enc[static 32], uint8_t *ct,
                                size_t cap);

#endif
