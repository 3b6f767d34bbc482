/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/attest.h"

#include "crypto/mac.h"
#include "schemas/wire.h"

enum { ATTEST_SALT_COMMIT_BYTES = 56 };

enum err
attest_sealed(const struct secret32 *key, const struct p_sealed *p, uint8_t ret_mac[static 32])
{
    uint8_t buf[256];
    struct wire_writer w;
    struct span bytes;
    if (p->salt_commit.len != ATTEST_SALT_COMMIT_BYTES)
        return ERR_RANGE;
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u8(&w, p->suite);
    wire_put_bytes(&w, span_of(p->offer_hash, 32));
    wire_put_bytes(&w, p->salt_commit);
    wire_put_u64(&w, p->chunks);
    wire_put_u64(&w, p->plaintext_len);
    wire_put_bytes(&w, span_of(p->root, 32));
    wire_put_u64(&w, p->sealed_at);
    TRY(wire_writer_finish(&w, &bytes));
    const struct span parts[2] = {SPAN_LIT("sealed\0"), bytes};
    return mac_sha256(span_of(key->bytes, sizeof(key->bytes)), parts, 2, ret_mac);
}

enum err
attest_findings(const struct secret32 *key, const uint8_t findings_hash[static 32],
                uint8_t ret_mac[static 32])
{
    const struct span parts[2] = {SPAN_LIT("findings\0"), span_of(findings_hash, 32)};
    return mac_sha256(span_of(key->bytes, sizeof(key->bytes)), parts, 2, ret_mac);
}

enum err
attest_sealed_check(const struct secret32 *key, const struct p_sealed *p)
{
    uint8_t mac[32];
    TRY(attest_sealed(key, p, mac));
    return key_equal(span_of(mac, sizeof(mac)), span_of(p->mac, 32)) ? ERR_OK : ERR_AUTH;
}
