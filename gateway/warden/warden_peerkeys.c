/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_peerkeys.h"

#include <stdlib.h>

#include "gateway/keeper/keyring.h"
#include "schemas/text.h"
#include "schemas/trust.h"

static enum err
warden_peerkeys_row(const struct trust_zone *zone, const struct trust_key *key,
                    struct keyring_key *ret)
{
    static const struct {
        enum trust_role from;
        enum keyring_role to;
    } roles[] = {{TRUST_GATEWAY, KEYRING_GATEWAY},
                 {TRUST_RELEASE, KEYRING_RELEASE},
                 {TRUST_KEM, KEYRING_KEM}};
    struct keyring_key row = {.not_before = 0};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (roles[i].from == key->role)
            row.role = roles[i].to;
    if (zone->name.len > KEYRING_ZONE_MAX || key->pub.len / 2 > sizeof(row.pub))
        return ERR_RANGE;
    if (span_eq_str(key->alg, "ed25519"))
        row.alg = 1;
    else if (span_eq_str(key->alg, "ecdsa-p256"))
        row.alg = 2;
    else if (!span_eq_str(key->alg, "x25519"))
        return ERR_UNSUPPORTED;
    if (key->not_before < 0 || key->not_after < 0)
        return ERR_RANGE;
    memcpy(row.zone, zone->name.ptr, zone->name.len);
    memcpy(row.keyid, key->keyid, sizeof(row.keyid));
    row.pub_len = (uint8_t)(key->pub.len / 2);
    TRY(text_unhex(key->pub, false, row.pub, row.pub_len));
    row.active = key->status == TRUST_ACTIVE;
    row.not_before = (uint64_t)key->not_before;
    row.not_after = (uint64_t)key->not_after;
    *ret = row;
    return ERR_OK;
}

static enum err
warden_peerkeys_all(const struct trust *trust, struct keyring *ring)
{
    for (size_t z = 0; z < trust->zone_count; z++) {
        const struct trust_zone *zone = &trust->zones[z];
        for (size_t i = 0; i < zone->key_count; i++) {
            struct keyring_key row;
            if (zone->keys[i].role == TRUST_OPERATOR || zone->keys[i].status == TRUST_REVOKED)
                continue;
            TRY(warden_peerkeys_row(zone, &zone->keys[i], &row));
            TRY(keyring_add(ring, &row));
        }
    }
    return ERR_OK;
}

enum err
warden_peerkeys(struct span trust_json, uint8_t *buf, size_t cap, struct span *ret,
                struct fault *ret_fault)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    struct keyring *ring = calloc(1, sizeof(*ring));
    enum err err = trust == NULL || ring == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = trust_load(trust_json, trust, ret_fault);
    if (err == ERR_OK) {
        err = warden_peerkeys_all(trust, ring);
        trust_free(trust);
    }
    if (err == ERR_OK)
        err = keyring_encode(ring, buf, cap, ret);
    free(ring);
    free(trust);
    return err;
}
