/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tile.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "schemas/text.h"
#include "schemas/wire.h"

/* A tree below 2^62 leaves has fewer than 2^54 tiles at any level. */
#define TILE_INDEX_MAX ((UINT64_C(1) << 56) - 1)

enum err
tile_path(const struct tile *tile, char out[static TILE_PATH_MAX])
{
    if (tile->level < TILE_ENTRIES || tile->level > TILE_LEVEL_MAX ||
        tile->index > TILE_INDEX_MAX || tile->width < 1 || tile->width > TILE_WIDTH)
        return ERR_RANGE;
    unsigned group[8];
    size_t count = 0;
    uint64_t rest = tile->index;
    do {
        group[count++] = (unsigned)(rest % 1000);
        rest /= 1000;
    } while (rest > 0);
    int len = tile->level == TILE_ENTRIES
                  ? snprintf(out, TILE_PATH_MAX, "tile/entries")
                  : snprintf(out, TILE_PATH_MAX, "tile/%u", (unsigned)tile->level);
    while (count > 0) {
        count--;
        len += snprintf(out + len, (size_t)(TILE_PATH_MAX - len), "/%s%03u", count > 0 ? "x" : "",
                        group[count]);
    }
    if (tile->width < TILE_WIDTH)
        len += snprintf(out + len, (size_t)(TILE_PATH_MAX - len), ".p/%u", tile->width);
    assert(len > 0 && len < TILE_PATH_MAX);
    return ERR_OK;
}

/* Cuts s at the first stop byte: the part before it is returned, *s moves behind it (or to its
 * end). */
static struct span
tile_cut(struct span *s, char stop)
{
    const uint8_t *found = s->len == 0 ? NULL : memchr(s->ptr, stop, s->len);
    const size_t len = found == NULL ? s->len : (size_t)(found - s->ptr);
    const struct span part = span_of(s->ptr, len);
    *s = span_from(*s, found == NULL ? len : len + 1);
    return part;
}

/* Reads the groups up to the end or ".p"; anything odd is caught by writing the path again. */
static enum err
tile_read_path(struct span path, struct tile *ret)
{
    struct span rest = path;
    uint64_t number = 0;
    if (!span_eq_str(tile_cut(&rest, '/'), "tile"))
        return ERR_SYNTAX;
    const struct span level = tile_cut(&rest, '/');
    *ret = (struct tile){.level = TILE_ENTRIES, .width = TILE_WIDTH};
    if (!span_eq_str(level, "entries")) {
        TRY(text_parse_u64(level, TILE_LEVEL_MAX, &number));
        ret->level = (int)number;
    }
    while (!span_is_empty(rest)) {
        struct span group = tile_cut(&rest, '/');
        if (group.len == 4 && group.ptr[0] == 'x')
            group = span_from(group, 1);
        if (group.len == 5 && span_eq_str(span_from(group, 3), ".p")) {
            TRY(text_parse_u64(rest, TILE_WIDTH - 1, &number));
            ret->width = (unsigned)number;
            rest.len = 0;
            group.len = 3;
        }
        if (group.len != 3)
            return ERR_SYNTAX;
        for (size_t i = 0; i < 3; i++) {
            if (group.ptr[i] < '0' || group.ptr[i] > '9' || ret->index > TILE_INDEX_MAX / 10)
                return ERR_SYNTAX;
            ret->index = ret->index * 10 + (uint64_t)(group.ptr[i] - '0');
        }
    }
    return ERR_OK;
}

enum err
tile_parse_path(struct span path, struct tile *ret)
{
    struct tile tile;
    char again[TILE_PATH_MAX];
    if (path.len >= TILE_PATH_MAX)
        return ERR_SYNTAX;
    if (tile_read_path(path, &tile) != ERR_OK || tile_path(&tile, again) != ERR_OK ||
        !span_eq_str(path, again))
        return ERR_SYNTAX;
    *ret = tile;
    return ERR_OK;
}

uint64_t
tile_nodes(int level, uint64_t size)
{
    assert(level >= TILE_ENTRIES && level <= TILE_LEVEL_MAX);
    return level <= 0 ? size : size >> (TILE_HEIGHT * level);
}

enum err
tile_for_node(int level, uint64_t index, uint64_t size, struct tile *ret)
{
    if (level < TILE_ENTRIES || level > TILE_LEVEL_MAX)
        return ERR_RANGE;
    const uint64_t nodes = tile_nodes(level, size);
    if (index >= nodes)
        return ERR_RANGE;
    const uint64_t first = index / TILE_WIDTH * TILE_WIDTH;
    const uint64_t left = nodes - first;
    *ret = (struct tile){.level = level,
                         .index = index / TILE_WIDTH,
                         .width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH};
    return ERR_OK;
}

enum err
tile_subtree(struct span bytes, unsigned first, unsigned rise, struct tlog_hash *ret)
{
    struct tlog_hash node[TILE_WIDTH];
    if (rise > TILE_HEIGHT)
        return ERR_RANGE;
    const size_t count = (size_t)1 << rise;
    if (first > TILE_WIDTH || first + count > bytes.len / TLOG_HASH_LEN)
        return ERR_RANGE;
    memcpy(node, bytes.ptr + (size_t)first * TLOG_HASH_LEN, count * TLOG_HASH_LEN);
    for (size_t width = count; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; i++)
            TRY(tlog_node_hash(&node[2 * i], &node[2 * i + 1], &node[i]));
    *ret = node[0];
    return ERR_OK;
}

enum err
tile_entry_next(struct span bundle, size_t *at, struct span *ret)
{
    struct wire_reader r;
    wire_reader_init(&r, span_from(bundle, *at));
    const struct span entry = wire_get_vec16(&r, TILE_ENTRY_MAX);
    if (r.err != ERR_OK)
        return r.err;
    *at += r.at;
    *ret = entry;
    return ERR_OK;
}

enum err
tile_entry_put(struct span entry, uint8_t *out, size_t cap, size_t *len)
{
    struct wire_writer w;
    struct span written;
    assert(*len <= cap);
    if (entry.len > TILE_ENTRY_MAX)
        return ERR_TOO_LARGE;
    wire_writer_init(&w, out + *len, cap - *len);
    wire_put_vec16(&w, entry);
    TRY(wire_writer_finish(&w, &written));
    *len += written.len;
    return ERR_OK;
}

enum err
tile_bundle_check(struct span bundle, unsigned width)
{
    size_t at = 0;
    struct span entry;
    for (unsigned i = 0; i < width; i++)
        TRY(tile_entry_next(bundle, &at, &entry));
    return at == bundle.len ? ERR_OK : ERR_TRAILING;
}
