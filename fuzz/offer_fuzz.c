/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: offer_decode offer_encode offer_manifest */
/* What offer_decode accepts has one form, and a manifest that is accepted is an object whose
 * nesting is within the limit. */
#include "crypto/offer.h"
#include "fuzz/fuzz.h"

static struct offer_scratch scratch;
static uint8_t again[OFFER_BYTES_MAX];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct offer offer;
    struct span bytes;
    struct json_doc doc;
    if (offer_decode(span_of(data, len), &offer) != ERR_OK)
        return 0;
    FUZZ_MUST(offer.sigs.count >= 1 && offer.sigs.count <= SIGS_MAX);
    FUZZ_MUST(offer_encode(&offer, again, sizeof(again), &bytes) == ERR_OK);
    FUZZ_MUST(span_eq(bytes, span_of(data, len)));
    if (offer_manifest(offer.manifest, &scratch, &doc, NULL) != ERR_OK)
        return 0;
    FUZZ_MUST(doc.nodes[0].type == JSON_OBJECT && doc.nodes[0].next == doc.node_count);
    size_t depth = 0;
    size_t most = 0;
    bool in_string = false;
    for (size_t i = 0; i < offer.manifest.len; i++) {
        const uint8_t c = offer.manifest.ptr[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        most = depth > most ? depth : most;
    }
    FUZZ_MUST(depth == 0 && most <= OFFER_DEPTH_MAX);
    return 0;
}
