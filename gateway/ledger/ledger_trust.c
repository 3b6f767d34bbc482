/* SPDX-License-Identifier: Apache-2.0 */
/* What ledger needs of the trust file: logs, cosigners, gateway and release keys by zone. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/ledger/ledger_part.h"
#include "schemas/text.h"

static enum err
trust_sign_key(const struct trust_key *in, struct ledger_sign_key *keys, size_t *count)
{
    uint8_t raw[SIGN_P256_PUB_BYTES];
    struct ledger_sign_key *out = &keys[*count];
    const bool ed25519 = span_eq_str(in->alg, "ed25519");
    if (!ed25519 && !span_eq_str(in->alg, "ecdsa-p256"))
        return ERR_OK; /* of a later version: nothing it signs will verify here */
    const size_t len = ed25519 ? SIGN_ED25519_PUB_BYTES : SIGN_P256_PUB_BYTES;
    TRY(text_unhex(in->pub, true, raw, len));
    TRY(sign_pub_init(&out->pub, ed25519 ? SIGN_ED25519 : SIGN_ECDSA_P256, span_of(raw, len)));
    out->not_before = in->not_before;
    out->not_after = in->not_after;
    (*count)++;
    return ERR_OK;
}

/* A revoked key says nothing any more. */
static enum err
trust_key_take(const struct trust_key *in, struct ledger_zone *zone)
{
    if (in->status == TRUST_REVOKED)
        return ERR_OK;
    if (in->role == TRUST_GATEWAY)
        return trust_sign_key(in, zone->gateways, &zone->gateway_count);
    return in->role == TRUST_RELEASE ? trust_sign_key(in, zone->releases, &zone->release_count)
                                     : ERR_OK;
}

/* Keys of types that this build does not know are left out. */
static enum err
trust_note_key(struct span vkey, uint8_t type, struct note_key *keys, size_t *count)
{
    const enum err err = note_key_parse(vkey, &keys[*count]);
    if (err == ERR_UNSUPPORTED)
        return ERR_OK;
    TRY(err);
    *count += keys[*count].type == type ? 1 : 0;
    return ERR_OK;
}

static enum err
trust_zone_take(const struct trust_zone *in, struct ledger_zone *out)
{
    if (in->name.len >= sizeof(out->name))
        return ERR_RANGE;
    memcpy(out->name, in->name.ptr, in->name.len);
    for (size_t i = 0; i < in->log_count; i++)
        TRY(trust_note_key(in->logs[i], NOTE_ED25519, out->logs, &out->log_count));
    for (size_t i = 0; i < in->witness_count; i++)
        TRY(trust_note_key(in->witnesses[i], NOTE_COSIGNATURE, out->witnesses,
                           &out->witness_count));
    for (size_t i = 0; i < in->key_count; i++)
        TRY(trust_key_take(&in->keys[i], out));
    return ERR_OK;
}

static enum err
trust_take(const struct trust *in, const char *own_zone, const char *origin,
           struct ledger_trust *out)
{
    for (size_t i = 0; i < in->zone_count; i++) {
        struct ledger_zone *zone = &out->zones[out->zone_count++];
        TRY(trust_zone_take(&in->zones[i], zone));
        for (size_t k = 0; k < zone->log_count && strcmp(zone->name, own_zone) != 0; k++)
            if (strcmp(zone->logs[k].name, origin) == 0)
                return ERR_CONFLICT;
    }
    return ERR_OK;
}

enum err
ledger_trust_load(struct span input, const char *own_zone, const char *origin,
                  struct ledger_trust **ret)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    struct ledger_trust *out = calloc(1, sizeof(*out));
    enum err err = trust == NULL || out == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = trust_load(input, trust, NULL);
    if (err == ERR_OK) {
        err = trust_take(trust, own_zone, origin, out);
        trust_free(trust);
    }
    free(trust);
    if (err != ERR_OK) {
        free(out);
        return err;
    }
    *ret = out;
    return ERR_OK;
}

const struct ledger_zone *
ledger_trust_zone(const struct ledger_trust *trust, struct span name)
{
    for (size_t i = 0; i < trust->zone_count; i++)
        if (span_eq_str(name, trust->zones[i].name))
            return &trust->zones[i];
    return NULL;
}

enum err
ledger_trust_log(const struct ledger_zone *zone, struct span origin, struct note_key *ret)
{
    for (size_t i = 0; i < zone->log_count; i++) {
        if (!span_eq_str(origin, zone->logs[i].name))
            continue;
        *ret = zone->logs[i];
        return ERR_OK;
    }
    return ERR_KEY_UNKNOWN;
}
