/* SPDX-License-Identifier: Apache-2.0 */
/* Names and contents of the files of a tiled log. A hash tile holds up to 256 hashes of 32 bytes;
 * an entry bundle holds up to 256 entries, each behind a big-endian u16 length. Pure functions on
 * caller's memory. Spec: C2SP tlog-tiles v0.1. */
#ifndef TDZ_CRYPTO_TILE_H
#define TDZ_CRYPTO_TILE_H

#include "crypto/tlog.h"
#include "schemas/error.h"
#include "schemas/span.h"

enum { TILE_HEIGHT = 8, TILE_WIDTH = 256, TILE_BYTES = TILE_WIDTH * TLOG_HASH_LEN };
/* Level of an entry bundle; hash tiles have levels 0 to TILE_LEVEL_MAX (8 * 8 bits of index). */
enum { TILE_ENTRIES = -1, TILE_LEVEL_MAX = 7 };
/* "tile/entries/" and seven groups "x123/" and ".p/255" and NUL. */
enum { TILE_PATH_MAX = 64 };
/* An entry's length is a u16. */
enum { TILE_ENTRY_MAX = 65535 };

/* width 1..255 names a partial tile, 256 a full one. */
struct tile {
    int level;
    uint64_t index;
    unsigned width;
};

/* "tile/0/x001/x234/067.p/8", NUL terminated. ERR_RANGE on a level, index (>= 2^56) or width
 * outside its range. */
MUST_USE enum err tile_path(const struct tile *tile, char out[static TILE_PATH_MAX]);

/* The reverse; accepts only what tile_path writes. ERR_SYNTAX. */
MUST_USE enum err tile_parse_path(struct span path, struct tile *ret);

/* The tile of level (hash levels) that holds complete node index of that level, in its width for
 * a tree of size leaves. ERR_RANGE when the tree has no such node. */
MUST_USE enum err tile_for_node(int level, uint64_t index, uint64_t size, struct tile *ret);

/* How many hashes (or, for TILE_ENTRIES, entries) a tree of size leaves has at tile level. */
uint64_t tile_nodes(int level, uint64_t size);

/* The hash of the subtree of height rise (0..8) whose 2^rise leaves are the hashes of tile bytes
 * from first on. ERR_RANGE when bytes hold fewer. */
MUST_USE enum err tile_subtree(struct span bytes, unsigned first, unsigned rise,
                               struct tlog_hash *ret);

/* The next entry of a bundle at *at, which moves past it; a view of bundle. ERR_SHORT. */
MUST_USE enum err tile_entry_next(struct span bundle, size_t *at, struct span *ret);

/* Appends an entry at out[*len]; ERR_TOO_LARGE beyond TILE_ENTRY_MAX, ERR_FULL beyond cap. */
MUST_USE enum err tile_entry_put(struct span entry, uint8_t *out, size_t cap, size_t *len);

/* ERR_OK if bundle is exactly width entries: ERR_SHORT, ERR_TRAILING otherwise. */
MUST_USE enum err tile_bundle_check(struct span bundle, unsigned width);

#endif
