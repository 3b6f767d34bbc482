/* SPDX-License-Identifier: Apache-2.0 */
/* For known-answer tests only: release_wrap with a given ephemeral key. Only tests include it. */
#ifndef TDZ_CRYPTO_RELEASE_KAT_H
#define TDZ_CRYPTO_RELEASE_KAT_H

#include "crypto/release.h"

MUST_USE enum err release_kat_wrap(struct release *release, const struct seal *seal,
                                   const struct secret32 *dek, const uint8_t pk[static 32],
                                   const struct release_psk *psk, const struct secret32 *ephemeral);

#endif
