/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: trust_load trust_find */
/* Counts stay within their maxima and every quorum names a zone that is there. */
#include "fuzz/fuzz.h"
#include "schemas/trust.h"

static struct trust trust;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fault fault = {.code = ERR_OK};
    const enum err err = trust_load(span_of(data, len), &trust, &fault);
    FUZZ_MUST((err == ERR_OK) == (fault.code == ERR_OK) || err == ERR_NOMEM);
    if (err != ERR_OK)
        return 0;
    FUZZ_MUST(trust.zone_count <= TRUST_ZONES_MAX);
    for (size_t i = 0; i < trust.zone_count; i++) {
        const struct trust_zone *zone = &trust.zones[i];
        FUZZ_MUST(trust_find(&trust, zone->name) == zone);
        FUZZ_MUST(zone->log_count <= TRUST_LOGS_MAX && zone->key_count <= TRUST_KEYS_MAX &&
                  zone->witness_count <= TRUST_WITNESSES_MAX);
        for (size_t k = 0; k < zone->quorum_count; k++)
            FUZZ_MUST(zone->quorum[k] < trust.zone_count);
    }
    trust_free(&trust);
    return 0;
}
