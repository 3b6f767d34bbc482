/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/permit.h"

#include "crypto/mac.h"

enum { PERMIT_MAC_BYTES = 32 };

static enum err
permit_mac(const struct secret32 *key, const uint8_t transfer[static 16], struct span payload,
           uint8_t ret_mac[static 32])
{
    const struct span parts[3] = {SPAN_LIT("tdz/v1/permit\0"), span_of(transfer, 16), payload};
    return mac_sha256(span_of(key->bytes, sizeof(key->bytes)), parts, 3, ret_mac);
}

enum err
permit_make(const struct secret32 *key, const uint8_t transfer[static 16], const struct p_permit *p,
            uint8_t *buf, size_t cap, struct span *ret)
{
    if (cap < PERMIT_MAC_BYTES)
        return ERR_FULL;
    struct span payload;
    TRY(payload_permit_put(p, buf + PERMIT_MAC_BYTES, cap - PERMIT_MAC_BYTES, &payload));
    TRY(permit_mac(key, transfer, payload, buf));
    *ret = span_of(buf, PERMIT_MAC_BYTES + payload.len);
    return ERR_OK;
}

enum err
permit_open(const struct secret32 *key, const uint8_t transfer[static 16], struct span token,
            struct p_permit *ret)
{
    uint8_t mac[PERMIT_MAC_BYTES];
    if (token.len < PERMIT_MAC_BYTES)
        return ERR_SHORT;
    const struct span payload = span_from(token, PERMIT_MAC_BYTES);
    TRY(permit_mac(key, transfer, payload, mac));
    if (!key_equal(span_of(mac, sizeof(mac)), span_of(token.ptr, PERMIT_MAC_BYTES)))
        return ERR_AUTH;
    return payload_permit_get(payload, ret);
}
