/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/keyring.h"

#include <assert.h>

#include "schemas/wire.h"

enum { KEYRING_VERSION = 1 };

enum err
keyring_add(struct keyring *ring, const struct keyring_key *key)
{
    assert(key->pub_len <= sizeof(key->pub));
    if (ring->count == KEYRING_KEYS_MAX)
        return ERR_FULL;
    ring->keys[ring->count++] = *key;
    return ERR_OK;
}

enum err
keyring_encode(const struct keyring *ring, uint8_t *buf, size_t cap, struct span *ret)
{
    struct wire_writer w;
    assert(ring->count <= KEYRING_KEYS_MAX);
    wire_writer_init(&w, buf, cap);
    wire_put_u8(&w, KEYRING_VERSION);
    wire_put_u16(&w, (uint16_t)ring->count);
    for (size_t i = 0; i < ring->count; i++) {
        const struct keyring_key *key = &ring->keys[i];
        wire_put_vec16(&w, span_str(key->zone));
        wire_put_u8(&w, (uint8_t)key->role);
        wire_put_u8(&w, key->alg);
        wire_put_u8(&w, key->active ? 1 : 0);
        wire_put_bytes(&w, span_of(key->keyid, 32));
        wire_put_vec16(&w, span_of(key->pub, key->pub_len));
        wire_put_u64(&w, key->not_before);
        wire_put_u64(&w, key->not_after);
    }
    return wire_writer_finish(&w, ret);
}

static enum err
keyring_row(struct wire_reader *r, struct keyring_key *ret)
{
    struct keyring_key key = {0};
    const struct span zone = wire_get_vec16(r, KEYRING_ZONE_MAX);
    const uint8_t role = wire_get_u8(r);
    key.alg = wire_get_u8(r);
    const uint8_t active = wire_get_u8(r);
    wire_get_copy(r, key.keyid, sizeof(key.keyid));
    const struct span pub = wire_get_vec16(r, sizeof(key.pub));
    key.not_before = wire_get_u64(r);
    key.not_after = wire_get_u64(r);
    TRY(r->err);
    if (role < KEYRING_GATEWAY || role > KEYRING_KEM || active > 1 || key.alg > 2)
        return ERR_RANGE;
    if (zone.len == 0 || memchr(zone.ptr, 0, zone.len) != NULL)
        return ERR_RANGE;
    memcpy(key.zone, zone.ptr, zone.len);
    memcpy(key.pub, pub.ptr, pub.len);
    key.pub_len = (uint8_t)pub.len;
    key.role = (enum keyring_role)role;
    key.active = active == 1;
    *ret = key;
    return ERR_OK;
}

enum err
keyring_decode(struct span in, struct keyring *ret)
{
    struct wire_reader r;
    wire_reader_init(&r, in);
    const uint8_t version = wire_get_u8(&r);
    const uint16_t count = wire_get_u16(&r);
    TRY(r.err);
    if (version != KEYRING_VERSION)
        return ERR_VERSION;
    if (count > KEYRING_KEYS_MAX)
        return ERR_FULL;
    ret->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct keyring_key key;
        TRY(keyring_row(&r, &key));
        TRY(keyring_add(ret, &key));
    }
    return wire_reader_finish(&r);
}

const struct keyring_key *
keyring_find(const struct keyring *ring, struct span zone, enum keyring_role role,
             const uint8_t keyid[static 32], uint64_t now_s, bool active_only)
{
    for (size_t i = 0; i < ring->count; i++) {
        const struct keyring_key *key = &ring->keys[i];
        if (key->role != role || !span_eq_str(zone, key->zone))
            continue;
        if (!span_eq(span_of(key->keyid, 32), span_of(keyid, 32)))
            continue;
        if (now_s < key->not_before || now_s >= key->not_after)
            continue;
        if (active_only && !key->active)
            continue;
        return key;
    }
    return NULL;
}
