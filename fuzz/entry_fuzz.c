/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: entry_read entry_get_str entry_get_hash entry_get_commit */
/* What this build may append, an auditor may read; a leaf is canonical, small and of our format. */
#include "fuzz/fuzz.h"
#include "schemas/entry.h"

static struct entry_scratch scratch;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entry own;
    struct entry read;
    struct fault fault = {.code = ERR_OK};
    uint8_t hash[ENTRY_HASH_LEN];
    struct span text;
    const struct span leaf = span_of(data, len);
    const bool good = entry_read(leaf, true, &scratch, &own, &fault) == ERR_OK;
    FUZZ_MUST(good || fault.code != ERR_OK);
    const enum err err = entry_read(leaf, false, &scratch, &read, &fault);
    FUZZ_MUST(!good || err == ERR_OK);
    if (err != ERR_OK)
        return 0;
    FUZZ_MUST(len <= ENTRY_BYTES_MAX && data[0] == '{' && data[len - 1] == '}');
    FUZZ_MUST(read.kind < ENTRY_KIND_END && read.n <= ENTRY_N_MAX && read.time_ms >= 0);
    FUZZ_MUST(read.kind == ENTRY_OTHER || span_eq_str(read.kind_text, entry_kind_name(read.kind)));
    if (read.kind == ENTRY_DECISION)
        FUZZ_MUST(entry_get_str(&read, "verdict", &text) == ERR_OK &&
                  entry_get_hash(&read, "record", hash) == ERR_OK);
    (void)(entry_get_commit(&read, "sender", hash) == ERR_OK);
    return 0;
}
