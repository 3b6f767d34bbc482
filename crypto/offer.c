/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/offer.h"

#include "crypto/th.h"
#include "schemas/canon.h"

enum err
offer_hash(struct span manifest, uint8_t ret_hash[static 32])
{
    return TH(ret_hash, "tdz/v1/offer", manifest);
}

enum err
offer_decode(struct span in, struct offer *ret)
{
    struct wire_reader r;
    struct offer got;
    wire_reader_init(&r, in);
    got.manifest = wire_get_vec32(&r, OFFER_MANIFEST_MAX);
    sigs_get(&r, &got.sigs);
    TRY(wire_reader_finish(&r));
    *ret = got;
    return ERR_OK;
}

enum err
offer_encode(const struct offer *offer, uint8_t *buf, size_t cap, struct span *ret_bytes)
{
    struct wire_writer w;
    if (offer->manifest.len > OFFER_MANIFEST_MAX)
        return ERR_TOO_LARGE;
    wire_writer_init(&w, buf, cap);
    wire_put_vec32(&w, offer->manifest);
    sigs_put(&w, &offer->sigs);
    return wire_writer_finish(&w, ret_bytes);
}

/* Levels of nesting: a scalar has none, {} and [] one. The ends of the open containers are kept
 * on a small stack; node->next is where a container ends. */
static size_t
offer_depth(const struct json_doc *doc)
{
    uint32_t ends[JSON_DEPTH_MAX + 1];
    size_t open = 0;
    size_t most = 0;
    for (uint32_t i = 0; i < doc->node_count; i++) {
        const struct json_node *node = &doc->nodes[i];
        while (open > 0 && ends[open - 1] <= i)
            open--;
        if (node->type != JSON_OBJECT && node->type != JSON_ARRAY)
            continue;
        if (open == JSON_DEPTH_MAX + 1)
            return open + 1;
        ends[open++] = node->next;
        most = open > most ? open : most;
    }
    return most;
}

enum err
offer_manifest(struct span manifest, struct offer_scratch *scratch, struct json_doc *ret_doc,
               struct fault *ret_fault)
{
    struct json_doc doc = {.nodes = scratch->nodes,
                           .node_cap = OFFER_NODES_MAX,
                           .text = scratch->text,
                           .text_cap = sizeof(scratch->text)};
    if (manifest.len > OFFER_MANIFEST_MAX)
        return ERR_TOO_LARGE;
    TRY(json_read(&doc, manifest, ret_fault));
    if (doc.nodes[0].type != JSON_OBJECT)
        return json_fail(&doc, &doc.nodes[0], ERR_TYPE, "manifest", ret_fault);
    if (offer_depth(&doc) > OFFER_DEPTH_MAX)
        return json_fail(&doc, &doc.nodes[0], ERR_DEPTH, "manifest", ret_fault);
    /* A canonical form that does not fit is longer than the manifest, hence not the manifest. */
    const enum err err = canon_check(&doc, scratch->canon, sizeof(scratch->canon));
    if (err != ERR_OK)
        return json_fail(&doc, &doc.nodes[0], ERR_NOT_CANONICAL, "manifest", ret_fault);
    *ret_doc = doc;
    return ERR_OK;
}

enum err
offer_sign(struct offer *offer, enum suite suite, const struct sign_key *key)
{
    uint8_t hash[32];
    TRY(offer_hash(offer->manifest, hash));
    return sigs_add(&offer->sigs, SIGS_OFFER, suite, hash, key);
}

enum err
offer_verify(const struct offer *offer, enum suite suite, const struct sign_pub *keys,
             size_t key_count, size_t *ret_key)
{
    uint8_t hash[32];
    TRY(offer_hash(offer->manifest, hash));
    return sigs_verify(&offer->sigs, SIGS_OFFER, suite, hash, keys, key_count, ret_key);
}
