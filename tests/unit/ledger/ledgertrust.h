/* SPDX-License-Identifier: Apache-2.0 */
/* The trust file of the two zones of ledgerkit.h. */
#ifndef TDZ_TESTS_UNIT_LEDGER_LEDGERTRUST_H
#define TDZ_TESTS_UNIT_LEDGER_LEDGERTRUST_H

#include "tests/unit/ledger/ledgerkit.h"

/* More keys of every zone, each with a comma before it. */
static const char *kit_more_keys = "";

static size_t
kit_trust_key(const char *role, const struct sign_pub *key, const char *status, char *out,
              size_t cap)
{
    char pub[65];
    char keyid[65];
    CHECK_EQ(text_hex(span_of(key->pub, 32), pub, sizeof(pub)), ERR_OK);
    CHECK_EQ(text_hex(span_of(key->keyid, 32), keyid, sizeof(keyid)), ERR_OK);
    return (size_t)snprintf(out, cap,
                            "{\"role\":\"%s\",\"alg\":\"ed25519\",\"keyid\":\"%s\",\"pub\":\"%s\","
                            "\"not_before\":1,\"not_after\":\"2030-01-01\",\"status\":\"%s\"}",
                            role, keyid, pub, status);
}

/* The gateway's key, the release key, and a release key that was revoked. */
static size_t
kit_trust_zone(const struct kit_zone *z, char *out, size_t cap)
{
    char log[NOTE_VKEY_MAX];
    char witness[NOTE_VKEY_MAX];
    char next[NOTE_VKEY_MAX];
    char more[NOTE_VKEY_MAX + 4] = "";
    size_t at = 0;
    CHECK_EQ(note_key_text(&z->k.log_vkey, log), ERR_OK);
    CHECK_EQ(note_key_text(&z->k.witness_vkey, witness), ERR_OK);
    if (z->next[0] != 0) {
        struct note_key other;
        CHECK_EQ(note_key_init(span_str(z->next), NOTE_ED25519, z->k.log_vkey.pub, &other), ERR_OK);
        CHECK_EQ(note_key_text(&other, next), ERR_OK);
        (void)snprintf(more, sizeof(more), ",\"%s\"", next);
    }
    at += (size_t)snprintf(out, cap,
                           "\"%s\":{\"ca_pem\":\"PEM\",\"logs\":[\"%s\"%s],\"witness\":[\"%s\"],"
                           "\"keys\":[",
                           z->name, log, more, witness);
    at += kit_trust_key("gateway", &z->k.secrets->gateway.pub, "active", out + at, cap - at);
    out[at++] = ',';
    at += kit_trust_key("release", &z->k.secrets->release.pub, "active", out + at, cap - at);
    out[at++] = ',';
    at += kit_trust_key("release", &z->revoked.pub, "revoked", out + at, cap - at);
    return at + (size_t)snprintf(out + at, cap - at, "%s]}", kit_more_keys);
}

static void
kit_write_trust(void)
{
    size_t at =
        (size_t)snprintf(kit_trust, sizeof(kit_trust), "{\"format\":\"tdz.trust/1\",\"zones\":{");
    at += kit_trust_zone(&kit_my, kit_trust + at, sizeof(kit_trust) - at);
    kit_trust[at++] = ',';
    at += kit_trust_zone(&kit_cn, kit_trust + at, sizeof(kit_trust) - at);
    (void)snprintf(kit_trust + at, sizeof(kit_trust) - at, "},\"quorum\":{}}");
}

#endif
