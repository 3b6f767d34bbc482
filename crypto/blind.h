/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudonyms of persons: 64 bits of keyed BLAKE2b, so that distinct persons can be counted exactly
 * without keeping who they are. The key space of identifiers is small, hence the key is a secret
 * and the pseudonyms are personal data. Spec: classification.md 5. */
#ifndef TDZ_CRYPTO_BLIND_H
#define TDZ_CRYPTO_BLIND_H

#include "schemas/span.h"

enum { BLIND_VALUE_MAX = 320 };

/* The pseudonym of value (at most BLIND_VALUE_MAX bytes, asserted) in domain, which separates equal
 * values of different types. Needs no set-up and cannot fail. */
uint64_t blind_u64(const uint8_t key[static 32], uint8_t domain, struct span value);

/* The same for four values at once, about eight times as fast. */
enum { BLIND_LANES = 4, BLIND_SHORT_MAX = 127 };

/* What the key alone decides; as secret as the key. */
struct blind_state {
    uint64_t h[8];
};

void blind_begin(const uint8_t key[static 32], struct blind_state *ret);

/* blind_u64 of values[k] (at most BLIND_SHORT_MAX bytes, asserted) in domains[k], for every k. */
void blind_lanes(const struct blind_state *s, const uint8_t domains[static BLIND_LANES],
                 const struct span values[static BLIND_LANES], uint64_t ret[static BLIND_LANES]);

#endif
