/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logtiles.h"

#include <assert.h>

#include "schemas/wire.h"

void
logtiles_init(struct logtiles *tiles, const struct logio *io, int dir)
{
    memset(tiles, 0, sizeof(*tiles));
    tiles->io = io;
    tiles->dir = dir;
}

enum err
logtiles_push(void *ctx, unsigned level, uint64_t index, const struct tlog_hash *hash)
{
    struct logtiles *tiles = ctx;
    if (level % TILE_HEIGHT != 0)
        return ERR_OK;
    assert(level / TILE_HEIGHT < LOGTILES_LEVELS);
    struct logtiles_level *l = &tiles->level[level / TILE_HEIGHT];
    if (l->count == 2 * TILE_WIDTH)
        return ERR_FULL;
    assert(index == l->first * TILE_WIDTH + l->count);
    l->hash[l->count++] = *hash;
    return ERR_OK;
}

/* The bytes of a full tile on disk. */
static enum err
cached_tile(struct logtiles *tiles, int level, uint64_t index, struct span *ret)
{
    struct logtiles_cached *victim = &tiles->cache[0];
    tiles->clock++;
    for (size_t i = 0; i < LOGTILES_CACHE; i++) {
        struct logtiles_cached *c = &tiles->cache[i];
        if (c->used && c->level == level && c->index == index) {
            c->stamp = tiles->clock;
            *ret = span_of(c->bytes, TILE_BYTES);
            return ERR_OK;
        }
        if (!c->used || (victim->used && c->stamp < victim->stamp))
            victim = c;
    }
    char path[TILE_PATH_MAX];
    size_t len = 0;
    const struct tile tile = {.level = level, .index = index, .width = TILE_WIDTH};
    TRY(tile_path(&tile, path));
    victim->used = false;
    const enum err err = logio_load(tiles->dir, path, victim->bytes, TILE_BYTES, &len);
    if (err != ERR_OK || len != TILE_BYTES)
        return ERR_IO;
    victim->used = true;
    victim->level = level;
    victim->index = index;
    victim->stamp = tiles->clock;
    *ret = span_of(victim->bytes, TILE_BYTES);
    return ERR_OK;
}

enum err
logtiles_node(void *ctx, unsigned level, uint64_t index, struct tlog_hash *ret)
{
    struct logtiles *tiles = ctx;
    const unsigned rise = level % TILE_HEIGHT;
    if (level / TILE_HEIGHT >= LOGTILES_LEVELS)
        return ERR_RANGE;
    const struct logtiles_level *l = &tiles->level[level / TILE_HEIGHT];
    const uint64_t at = index << rise;
    const uint64_t tile = at / TILE_WIDTH;
    if (tile < l->first) {
        struct span bytes;
        TRY(cached_tile(tiles, (int)(level / TILE_HEIGHT), tile, &bytes));
        return tile_subtree(bytes, (unsigned)(at % TILE_WIDTH), rise, ret);
    }
    const uint64_t place = at - l->first * TILE_WIDTH;
    if (place + (UINT64_C(1) << rise) > l->count)
        return ERR_RANGE;
    const uint64_t base = place / TILE_WIDTH * TILE_WIDTH;
    const struct span bytes = span_of(l->hash[base].b, (l->count - base) * TLOG_HASH_LEN);
    return tile_subtree(bytes, (unsigned)(place - base), rise, ret);
}

bool
logtiles_waiting(const struct logtiles *tiles, struct tile *ret, struct span *ret_bytes)
{
    for (int i = 0; i < LOGTILES_LEVELS; i++) {
        const struct logtiles_level *l = &tiles->level[i];
        if (l->count >= TILE_WIDTH) {
            *ret = (struct tile){.level = i, .index = l->first, .width = TILE_WIDTH};
            *ret_bytes = span_of(l->hash[0].b, TILE_BYTES);
            return true;
        }
    }
    return false;
}

void
logtiles_written(struct logtiles *tiles, const struct tile *tile)
{
    struct logtiles_level *l = &tiles->level[tile->level];
    assert(l->first == tile->index && l->count >= TILE_WIDTH);
    l->count -= TILE_WIDTH;
    l->first++;
    memmove(&l->hash[0], &l->hash[TILE_WIDTH], l->count * sizeof(l->hash[0]));
}

enum err
logtiles_partial(struct logtiles *tiles, int level, uint64_t size, uint8_t out[static TILE_BYTES],
                 struct tile *ret)
{
    const uint64_t nodes = tile_nodes(level, size);
    *ret = (struct tile){.level = level, .index = nodes / TILE_WIDTH};
    ret->width = (unsigned)(nodes % TILE_WIDTH);
    for (unsigned i = 0; i < ret->width; i++) {
        struct tlog_hash hash;
        TRY(logtiles_node(tiles, (unsigned)level * TILE_HEIGHT, ret->index * TILE_WIDTH + i,
                          &hash));
        memcpy(out + (size_t)i * TLOG_HASH_LEN, hash.b, TLOG_HASH_LEN);
    }
    return ERR_OK;
}

void
logtiles_save(const struct logtiles *tiles, uint64_t size, uint8_t *out, size_t cap,
              size_t *ret_len)
{
    struct wire_writer w;
    wire_writer_init(&w, out, cap);
    wire_put_u64(&w, size);
    for (size_t i = 0; i < LOGTILES_LEVELS; i++) {
        assert(tiles->level[i].count < TILE_WIDTH);
        wire_put_bytes(
            &w, span_of(tiles->level[i].hash[0].b, tiles->level[i].count * (size_t)TLOG_HASH_LEN));
    }
    assert(w.err == ERR_OK);
    *ret_len = w.len;
}

enum err
logtiles_load(struct logtiles *tiles, uint64_t size, struct span bytes)
{
    struct wire_reader r;
    wire_reader_init(&r, bytes);
    if (wire_get_u64(&r) != size)
        return ERR_SYNTAX;
    for (int i = 0; i < LOGTILES_LEVELS; i++) {
        const uint64_t nodes = tile_nodes(i, size);
        struct logtiles_level *l = &tiles->level[i];
        l->first = nodes / TILE_WIDTH;
        l->count = (unsigned)(nodes % TILE_WIDTH);
        wire_get_copy(&r, l->hash[0].b, l->count * (size_t)TLOG_HASH_LEN);
    }
    return wire_reader_finish(&r) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}
