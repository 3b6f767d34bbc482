/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_keys.h"

#include <stdio.h>

enum err
audit_keys_add(struct audit_keys *keys, struct span vkey)
{
    while (vkey.len > 0 && (vkey.ptr[vkey.len - 1] == '\n' || vkey.ptr[vkey.len - 1] == '\r'))
        vkey.len--;
    if (keys->count == AUDIT_KEYS_MAX)
        return ERR_FULL;
    struct note_key *key = &keys->key[keys->count];
    const enum err err = note_key_parse(vkey, key);
    if (err == ERR_UNSUPPORTED)
        return ERR_OK;
    TRY(err);
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(&keys->key[i], key, sizeof(*key)) == 0)
            return ERR_OK;
    keys->count++;
    return ERR_OK;
}

enum err
audit_keys_pin(struct audit_keys *keys)
{
    keys->pinned = true;
    for (size_t z = 0; z < keys->trust.zone_count; z++) {
        const struct trust_zone *zone = &keys->trust.zones[z];
        for (size_t i = 0; i < zone->log_count + zone->witness_count; i++) {
            const size_t before = keys->count;
            TRY(audit_keys_add(keys, i < zone->log_count ? zone->logs[i]
                                                         : zone->witnesses[i - zone->log_count]));
            if (keys->count > before)
                keys->zone[before] = z;
        }
    }
    return ERR_OK;
}

/* The zone whose log has that origin; zone_count when there is none. */
static size_t
zone_of(const struct audit_keys *keys, struct span origin)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i].type == NOTE_ED25519 && span_eq_str(origin, keys->key[i].name))
            return keys->zone[i];
    return keys->trust.zone_count;
}

void
audit_keys_quorum(const struct audit_keys *keys, struct span origin, const struct note_signers *by,
                  const char *file, struct audit_report *report)
{
    bool cosigned[TRUST_ZONES_MAX] = {false};
    for (size_t i = 0; i < by->count; i++) {
        if (keys->key[by->by[i].key].type != NOTE_COSIGNATURE)
            continue;
        report->cosignatures++;
        cosigned[keys->zone[by->by[i].key]] = true;
    }
    const size_t zone = keys->pinned ? zone_of(keys, origin) : 0;
    if (!keys->pinned || zone == keys->trust.zone_count)
        return;
    for (size_t i = 0; i < keys->trust.zones[zone].quorum_count; i++) {
        const size_t other = keys->trust.zones[zone].quorum[i];
        char detail[256];
        if (cosigned[other])
            continue;
        const struct span name = keys->trust.zones[other].name;
        (void)snprintf(detail, sizeof(detail), "no witness of zone %.*s has cosigned",
                       (int)(name.len < 160 ? name.len : 160), (const char *)name.ptr);
        audit_report_fail(report, file, AUDIT_NO_INDEX, "quorum", detail);
    }
}
