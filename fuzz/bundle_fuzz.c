/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: tile_entry_next tile_entry_put tile_bundle_check tile_parse_path */
/* The entries of a bundle, put together again, are the bundle; a path that is read is written back
 * the same. */
#include "crypto/tile.h"
#include "fuzz/fuzz.h"

static uint8_t again[1 << 20];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tile tile;
    char path[TILE_PATH_MAX];
    struct span entry;
    size_t at = 0;
    size_t put = 0;
    unsigned count = 0;
    const struct span input = span_of(data, len);
    if (tile_parse_path(input, &tile) == ERR_OK) {
        FUZZ_MUST(tile_path(&tile, path) == ERR_OK);
        FUZZ_MUST(span_eq_str(input, path));
    }
    if (len > sizeof(again))
        return 0;
    while (at < len && tile_entry_next(input, &at, &entry) == ERR_OK) {
        FUZZ_MUST(tile_entry_put(entry, again, sizeof(again), &put) == ERR_OK);
        FUZZ_MUST(put == at);
        count++;
    }
    FUZZ_MUST(put == 0 || memcmp(again, data, put) == 0);
    FUZZ_MUST((tile_bundle_check(input, count) == ERR_OK) == (at == len));
    return 0;
}
