/* SPDX-License-Identifier: Apache-2.0 */
/* TH(label, x1..xn) = SHA-256(u8 len(label) || label || for each x: u64 len(x) || x): the hash with
 * domain separation and unambiguous framing from which every record digest is made.
 * Spec: container-and-keys.md 2.2. */
#ifndef TDZ_CRYPTO_TH_H
#define TDZ_CRYPTO_TH_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { TH_PARTS_MAX = 8, TH_LABEL_MAX = 255 };

/* label is our own text of 1 to 255 bytes; part_count <= TH_PARTS_MAX (both asserted). ERR_STATE
 * before digest_init, ERR_CRYPTO. */
MUST_USE enum err th_hash(const char *label, const struct span *parts, size_t part_count,
                          uint8_t ret_digest[static 32]);

/* th_hash with the parts written out: TH(out, "tdz/v1/offer", manifest). */
#define TH(ret_digest, label, ...)                       \
    th_hash((label), (const struct span[]){__VA_ARGS__}, \
            sizeof((const struct span[]){__VA_ARGS__}) / sizeof(struct span), (ret_digest))

#endif
