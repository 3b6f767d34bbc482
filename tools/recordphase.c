/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/recordphase.h"

#include <stdio.h>

#include "crypto/th.h"
#include "schemas/text.h"

static enum err
recordphase_of(const struct evidence_entry *have, const struct evidence_salt *salt,
               struct entry_scratch *scratch, char ret[static RECORDPHASE_MAX])
{
    struct entry entry;
    struct span word = SPAN_LIT("final");
    uint8_t commit[32];
    uint8_t want[32];
    TRY(entry_read(have->leaf, false, scratch, &entry, NULL));
    TRY(entry_get_commit(&entry, "record", commit));
    TRY(TH(want, "tdz/v1/commit", span_str("record"), span_of(salt->salt, 32), salt->value));
    if (memcmp(commit, want, 32) != 0)
        return ERR_PROOF;
    if (entry.kind == ENTRY_DECISION)
        TRY(entry_get_str(&entry, "phase", &word));
    (void)snprintf(ret, RECORDPHASE_MAX, "%.*s", (int)word.len, (const char *)word.ptr);
    return ERR_OK;
}

enum err
recordphase_find(const struct evidence *e, const uint8_t sha256[static 32],
                 struct entry_scratch *scratch, char ret[static RECORDPHASE_MAX])
{
    char value[7 + 65] = "sha256:";
    TRY(text_hex(span_of(sha256, 32), value + 7, sizeof(value) - 7));
    for (size_t i = 0; i < e->salt_count; i++) {
        const struct evidence_salt *salt = &e->salts[i];
        if (!span_eq_str(salt->field, "record") || !span_eq_str(salt->value, value))
            continue;
        for (size_t k = 0; k < e->entry_count; k++)
            if (e->entries[k].index == salt->index && span_eq(e->entries[k].zone, salt->zone))
                return recordphase_of(&e->entries[k], salt, scratch, ret);
    }
    return ERR_NOT_FOUND;
}
