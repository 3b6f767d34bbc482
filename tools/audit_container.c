/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_container.h"

#include "crypto/digest.h"
#include "crypto/offer.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "crypto/tlog.h"
#include "schemas/text.h"

/* One container while it is verified; a hash counts when its record could be read. */
struct container {
    const struct evidence *e;
    const struct audit_keys *keys;
    struct entry_scratch *scratch;
    bool has_offer;
    bool has_seal;
    bool has_release;
    uint8_t offer_hash[32];
    uint8_t seal_hash[32];
    uint8_t release_hash[32];
    struct span exporter; /* of the manifest */
    struct span importer;
    size_t pub_count;
    struct sign_pub pubs[TRUST_KEYS_MAX];
    bool revoked[TRUST_KEYS_MAX];
};

/* The keys of that zone and role, in c->pubs. ERR_KEY_UNKNOWN: the trust file has none. */
static enum err
container_keys(struct container *c, struct span zone_name, enum trust_role role)
{
    const struct trust_zone *zone = trust_find(&c->keys->trust, zone_name);
    c->pub_count = 0;
    for (size_t i = 0; zone != NULL && i < zone->key_count; i++) {
        uint8_t raw[SIGN_P256_PUB_BYTES];
        const struct trust_key *key = &zone->keys[i];
        const size_t len = key->pub.len / 2;
        const enum sign_alg alg = len == 32 ? SIGN_ED25519 : SIGN_ECDSA_P256;
        if (key->role == role && len <= sizeof(raw) &&
            text_unhex(key->pub, false, raw, len) == ERR_OK &&
            sign_pub_init(&c->pubs[c->pub_count], alg, span_of(raw, len)) == ERR_OK)
            c->revoked[c->pub_count++] = key->status == TRUST_REVOKED;
    }
    return c->pub_count == 0 ? ERR_KEY_UNKNOWN : ERR_OK;
}

/* A record that verifies under key which: whoever got hold of a revoked key can have made it. */
static enum err
container_signed(const struct container *c, size_t which)
{
    return c->revoked[which] ? ERR_KEY_REVOKED : ERR_OK;
}

static enum err
container_offer(struct container *c)
{
    static struct offer_scratch scratch; /* its text is what exporter and importer view */
    struct offer offer;
    struct json_doc doc;
    struct span id;
    uint8_t transfer[16];
    enum suite suite;
    int64_t number = 0;
    size_t which = 0;
    TRY(offer_decode(c->e->offer, &offer));
    TRY(offer_hash(offer.manifest, c->offer_hash));
    c->has_offer = true;
    TRY(offer_manifest(offer.manifest, &scratch, &doc, NULL));
    TRY(json_need_str(&doc, &doc.nodes[0], "src", 64, &c->exporter, NULL));
    TRY(json_need_str(&doc, &doc.nodes[0], "dst", 64, &c->importer, NULL));
    TRY(json_need_str(&doc, &doc.nodes[0], "transfer", 32, &id, NULL));
    TRY(json_need_int(&doc, &doc.nodes[0], "suite", 1, 2, &number, NULL));
    TRY(text_unhex(id, false, transfer, sizeof(transfer)));
    if (memcmp(transfer, c->e->transfer, sizeof(transfer)) != 0)
        return ERR_CONFLICT;
    if (!c->keys->pinned)
        return ERR_OK;
    TRY(suite_from_u8((uint8_t)number, &suite));
    TRY(container_keys(c, c->exporter, TRUST_GATEWAY));
    TRY(offer_verify(&offer, suite, c->pubs, c->pub_count, &which));
    return container_signed(c, which);
}

static enum err
container_seal(struct container *c)
{
    struct seal seal;
    size_t which = 0;
    TRY(seal_decode(c->e->seal, &seal));
    TRY(seal_hash(&seal, c->seal_hash));
    c->has_seal = true;
    if (!c->has_offer || memcmp(seal.offer_hash, c->offer_hash, 32) != 0)
        return ERR_CONFLICT;
    if (!c->keys->pinned)
        return ERR_OK;
    TRY(container_keys(c, c->exporter, TRUST_GATEWAY));
    TRY(seal_verify(&seal, c->pubs, c->pub_count, &which));
    return container_signed(c, which);
}

static enum err
container_release(struct container *c)
{
    struct release release;
    size_t which = 0;
    TRY(release_decode(c->e->release, &release));
    TRY(release_hash(&release, c->release_hash));
    c->has_release = true;
    if (!c->has_seal || memcmp(release.seal_hash, c->seal_hash, 32) != 0)
        return ERR_CONFLICT;
    if (!c->keys->pinned)
        return ERR_OK;
    TRY(container_keys(c, c->exporter, TRUST_RELEASE));
    TRY(release_verify(&release, c->pubs, c->pub_count, &which));
    return container_signed(c, which);
}

/* The entry the receipt stands on, where it is part of this file. */
static enum err
container_receipt_entry(const struct container *c, const struct receipt *r)
{
    for (size_t i = 0; i < c->e->entry_count; i++) {
        const struct evidence_entry *item = &c->e->entries[i];
        struct tlog_hash leaf;
        uint8_t origin[32];
        TRY(digest_sha256(item->origin, origin));
        if (item->index != r->log_index || memcmp(origin, r->origin_hash, 32) != 0)
            continue;
        TRY(tlog_leaf_hash(item->leaf, &leaf));
        return memcmp(leaf.b, r->leaf_hash, 32) == 0 ? ERR_OK : ERR_PROOF;
    }
    return ERR_OK;
}

static enum err
container_receipt(struct container *c)
{
    struct receipt r;
    size_t which = 0;
    TRY(receipt_decode(c->e->receipt, &r));
    const bool refused = r.status == RECEIPT_OFFER_REFUSED;
    if (memcmp(r.transfer, c->e->transfer, sizeof(r.transfer)) != 0 ||
        !(refused ? c->has_offer : c->has_seal) ||
        memcmp(r.seal_hash, refused ? c->offer_hash : c->seal_hash, 32) != 0 ||
        (c->has_release && !refused && memcmp(r.release_hash, c->release_hash, 32) != 0))
        return ERR_CONFLICT;
    TRY(container_receipt_entry(c, &r));
    if (!c->keys->pinned)
        return ERR_OK;
    TRY(container_keys(c, c->importer, TRUST_GATEWAY));
    TRY(receipt_verify(&r, c->pubs, c->pub_count, &which));
    return container_signed(c, which);
}

/* An entry that names a record of this container names the one that is here. */
static bool
container_names(const struct entry *entry, const char *field, bool has,
                const uint8_t hash[static 32])
{
    uint8_t named[32];
    return !has || json_get(entry->doc, entry->data, field) == NULL ||
           (entry_get_hash(entry, field, named) == ERR_OK && memcmp(named, hash, 32) == 0);
}

static void
container_entries(struct container *c, const char *path, struct audit_report *report)
{
    for (size_t i = 0; i < c->e->entry_count; i++) {
        const struct evidence_entry *item = &c->e->entries[i];
        struct entry entry;
        if (entry_read(item->leaf, false, c->scratch, &entry, NULL) != ERR_OK)
            continue; /* said already */
        const bool is_ours = entry.kind == ENTRY_DECISION || entry.kind == ENTRY_RECEIVED;
        if (is_ours && (!container_names(&entry, "offer", c->has_offer, c->offer_hash) ||
                        !container_names(&entry, "seal", c->has_seal, c->seal_hash) ||
                        !container_names(&entry, "release", c->has_release, c->release_hash)))
            audit_report_fail(report, path, (int64_t)item->index, "container",
                              "the entry names another record than the one in this file");
    }
}

void
audit_container_verify(const struct evidence *e, struct entry_scratch *scratch, const char *path,
                       const struct audit_keys *keys, struct audit_report *report)
{
    static struct container c;
    const struct {
        const char *code;
        struct span bytes;
        enum err (*check)(struct container *c);
    } parts[] = {
        {"offer", e->offer, container_offer},
        {"seal", e->seal, container_seal},
        {"release", e->release, container_release},
        {"receipt", e->receipt, container_receipt},
    };
    memset(&c, 0, sizeof(c));
    c.e = e;
    c.keys = keys;
    c.scratch = scratch;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const enum err err = span_is_empty(parts[i].bytes) ? ERR_OK : parts[i].check(&c);
        if (err != ERR_OK)
            audit_report_err(report, path, AUDIT_NO_INDEX, parts[i].code, err);
    }
    container_entries(&c, path, report);
}
