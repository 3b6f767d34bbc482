/* SPDX-License-Identifier: Apache-2.0 */
/* Leaf hashes of many chunks at once. SHA-256 of the ciphertext is the slowest stage of sealing,
 * but the leaves are independent, so 16 of them run in the lanes of AVX-512 where the processor has
 * it; everywhere else, and for what does not fill the lanes, it is digest_leaf. The kernel is
 * chosen when the program runs and gives the same hashes. Spec: container-and-keys.md 2.4, 6.1. */
#ifndef TDZ_CRYPTO_LEAFHASH_H
#define TDZ_CRYPTO_LEAFHASH_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { LEAFHASH_LANES = 16 };

enum leafhash_kernel { LEAFHASH_PORTABLE, LEAFHASH_AVX512 };

/* The best kernel of this processor. */
enum leafhash_kernel leafhash_best(void);

/* ret_hash[i] = SHA-256(0x00 || leaves[i]). Runs of leaves of one length go through the lanes.
 * kernel is LEAFHASH_PORTABLE or what leafhash_best returned. ERR_STATE before digest_init,
 * ERR_CRYPTO. */
MUST_USE enum err leafhash_many(enum leafhash_kernel kernel, const struct span *leaves,
                                size_t leaf_count, uint8_t (*ret_hash)[32]);

#endif
