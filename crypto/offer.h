/* SPDX-License-Identifier: Apache-2.0 */
/* OFFER, the first record of a container: u32 mlen || manifest || sigs. The manifest is canonical
 * JSON (keys sorted, no white space, integers only); what its fields mean is for upper layers.
 * Spec: container-and-keys.md 2.2. */
#ifndef TDZ_CRYPTO_OFFER_H
#define TDZ_CRYPTO_OFFER_H

#include "crypto/sigs.h"
#include "schemas/json.h"

enum {
    OFFER_MANIFEST_MAX = 65536,
    OFFER_BYTES_MAX = 4 + OFFER_MANIFEST_MAX + SIGS_BYTES_MAX,
    OFFER_DEPTH_MAX = 8,
    OFFER_NODES_MAX = 8192, /* values of a manifest; with keys and separators 8 bytes each */
};

struct offer {
    struct span manifest; /* a view: of the decoded bytes, or of the caller's when encoding */
    struct sigs sigs;
};

/* TH("tdz/v1/offer", manifest). */
MUST_USE enum err offer_hash(struct span manifest, uint8_t ret_hash[static 32]);

/* Framing only, for roles that never parse JSON; in must outlive *ret. ERR_SHORT, ERR_TRAILING,
 * ERR_TOO_LARGE (manifest), and as sigs_get. */
MUST_USE enum err offer_decode(struct span in, struct offer *ret);

/* ERR_TOO_LARGE (manifest), ERR_RANGE (no signature), ERR_FULL. *ret_bytes is a view of buf. */
MUST_USE enum err offer_encode(const struct offer *offer, uint8_t *buf, size_t cap,
                               struct span *ret_bytes);

/* Room for reading one manifest, the caller's: 600 KiB, so not for a stack. */
struct offer_scratch {
    struct json_node nodes[OFFER_NODES_MAX];
    uint8_t text[OFFER_MANIFEST_MAX];
    char canon[OFFER_MANIFEST_MAX + 1];
};

/* Reads the manifest into *ret_doc, whose memory is scratch's. ERR_NOT_CANONICAL when the bytes are
 * not those the canonical writer makes of it, ERR_TYPE when it is no object, ERR_DEPTH beyond
 * OFFER_DEPTH_MAX, ERR_TOO_LARGE, and the errors of json_read. ret_fault may be NULL. */
MUST_USE enum err offer_manifest(struct span manifest, struct offer_scratch *scratch,
                                 struct json_doc *ret_doc, struct fault *ret_fault);

/* Adds a signature (sigs_add), and checks them (sigs_verify). */
MUST_USE enum err offer_sign(struct offer *offer, enum suite suite, const struct sign_key *key);
MUST_USE enum err offer_verify(const struct offer *offer, enum suite suite,
                               const struct sign_pub *keys, size_t key_count, size_t *ret_key);

#endif
