/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes of a growing tree: full tiles on disk behind a small cache, the rest in memory. About
 * 700 KiB whatever the tree's size. */
#ifndef TDZ_GATEWAY_LEDGER_LOGTILES_H
#define TDZ_GATEWAY_LEDGER_LOGTILES_H

#include "crypto/tile.h"
#include "crypto/tlog.h"
#include "gateway/ledger/logio.h"

enum { LOGTILES_LEVELS = TILE_LEVEL_MAX + 1, LOGTILES_CACHE = 64 };

/* The hashes of one level from tile first on that are not yet in a full tile on disk. A batch adds
 * at most 256 hashes, so two tiles' worth is enough when full ones are written before it. */
struct logtiles_level {
    uint64_t first;
    unsigned count;
    struct tlog_hash hash[2 * TILE_WIDTH];
};

struct logtiles_cached {
    bool used;
    int level;
    uint64_t index;
    uint64_t stamp;
    uint8_t bytes[TILE_BYTES];
};

struct logtiles {
    const struct logio *io;
    int dir;
    uint64_t clock;
    struct logtiles_level level[LOGTILES_LEVELS];
    struct logtiles_cached cache[LOGTILES_CACHE];
};

/* An empty tree whose tiles are under dir. */
void logtiles_init(struct logtiles *tiles, const struct logio *io, int dir);

/* A tlog_store: keeps hash when its level is one of tiles. ctx is a struct logtiles. */
MUST_USE enum err logtiles_push(void *ctx, unsigned level, uint64_t index,
                                const struct tlog_hash *hash);

/* A tlog_reader's read. ERR_RANGE: the tree has no such node; ERR_IO: a tile is missing or has
 * another length. */
MUST_USE enum err logtiles_node(void *ctx, unsigned level, uint64_t index, struct tlog_hash *ret);

/* The first full tile that waits to be written: its coordinates and bytes. False if none. */
bool logtiles_waiting(const struct logtiles *tiles, struct tile *ret, struct span *ret_bytes);

/* Forgets the tile that logtiles_waiting named, which is on disk now. */
void logtiles_written(struct logtiles *tiles, const struct tile *tile);

/* The bytes of the tile of level that is partial at size (at most the present size), in out. The
 * width is 0 when the level has none. Errors as logtiles_node. */
MUST_USE enum err logtiles_partial(struct logtiles *tiles, int level, uint64_t size,
                                   uint8_t out[static TILE_BYTES], struct tile *ret);

/* The memory of a tree of size leaves as bytes, and back; for a quick start. cap must be at least
 * LOGTILES_SAVE_MAX (asserted). Loading: ERR_SYNTAX. The caller checks the root. */
enum { LOGTILES_SAVE_MAX = 16 + LOGTILES_LEVELS * TILE_BYTES };
void logtiles_save(const struct logtiles *tiles, uint64_t size, uint8_t *out, size_t cap,
                   size_t *ret_len);
MUST_USE enum err logtiles_load(struct logtiles *tiles, uint64_t size, struct span bytes);

#endif
