/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tile.h"

#include "crypto/digest.h"
#include "tests/test.h"

static const struct {
    struct tile tile;
    const char *path;
} good[] = {
    {{0, 0, 256}, "tile/0/000"},
    {{0, 273, 112}, "tile/0/273.p/112"},
    {{1, 1234067, 256}, "tile/1/x001/x234/067"},
    {{1, 1234067, 1}, "tile/1/x001/x234/067.p/1"},
    {{TILE_ENTRIES, 1000, 255}, "tile/entries/x001/000.p/255"},
    {{7, (UINT64_C(1) << 56) - 1, 256}, "tile/7/x072/x057/x594/x037/x927/935"},
};

static const char *const bad[] = {
    "",
    "tile",
    "tile/0",
    "tile/0/",
    "tile/8/000",
    "tile/00/000",
    "tile/x/000",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000",
    "tile/0/x000/001",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/",
    "tile/0/000.p",
    "tile/0/001/002",
    "tile/0/x001/x002",
    "tile/0/000/",
    "tile/data/000",
    "tile/-1/000",
    "tile/0/x999/x999/x999/x999/x999/999",
    "/tile/0/000",
    "tile/0/../000",
    "tile/0/0a0",
};

int
main(void)
{
    char path[TILE_PATH_MAX];
    struct tile tile;
    if (digest_init() != ERR_OK)
        return 1;
    TEST("tile paths are written and read as the specification's examples")
    {
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
            CHECK_EQ(tile_path(&good[i].tile, path), ERR_OK);
            CHECK(strcmp(path, good[i].path) == 0);
            CHECK_EQ(tile_parse_path(span_str(good[i].path), &tile), ERR_OK);
            CHECK(tile.level == good[i].tile.level && tile.index == good[i].tile.index &&
                  tile.width == good[i].tile.width);
        }
    }
    TEST("any other path is a syntax error")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            if (tile_parse_path(span_str(bad[i]), &tile) != ERR_SYNTAX)
                printf("# accepted case %zu\n", i);
            CHECK_EQ(tile_parse_path(span_str(bad[i]), &tile), ERR_SYNTAX);
        }
    }
    TEST("coordinates out of range have no path")
    {
        CHECK_EQ(tile_path(&(struct tile){8, 0, 1}, path), ERR_RANGE);
        CHECK_EQ(tile_path(&(struct tile){0, UINT64_C(1) << 56, 1}, path), ERR_RANGE);
        CHECK_EQ(tile_path(&(struct tile){0, 0, 0}, path), ERR_RANGE);
        CHECK_EQ(tile_path(&(struct tile){0, 0, 257}, path), ERR_RANGE);
    }
    TEST("a tree of 70,000 leaves has the tiles of the specification")
    {
        CHECK_EQ(tile_for_node(0, 69999, 70000, &tile), ERR_OK);
        CHECK(tile.index == 273 && tile.width == 112);
        CHECK_EQ(tile_for_node(0, 0, 70000, &tile), ERR_OK);
        CHECK(tile.index == 0 && tile.width == 256);
        CHECK_EQ(tile_for_node(1, 272, 70000, &tile), ERR_OK);
        CHECK(tile.index == 1 && tile.width == 17);
        CHECK_EQ(tile_for_node(2, 0, 70000, &tile), ERR_OK);
        CHECK(tile.index == 0 && tile.width == 1);
        CHECK_EQ(tile_for_node(0, 70000, 70000, &tile), ERR_RANGE);
        CHECK_EQ(tile_for_node(3, 0, 70000, &tile), ERR_RANGE);
        CHECK_EQ(tile_for_node(8, 0, 70000, &tile), ERR_RANGE);
    }
    TEST("a bundle gives back its entries and refuses a cut or a tail")
    {
        uint8_t buf[64];
        size_t len = 0;
        size_t at = 0;
        struct span entry;
        CHECK_EQ(tile_entry_put(SPAN_LIT("one"), buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(tile_entry_put(SPAN_LIT(""), buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(tile_entry_put(SPAN_LIT("three"), buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(len, 14);
        CHECK_EQ(tile_bundle_check(span_of(buf, len), 3), ERR_OK);
        CHECK_EQ(tile_bundle_check(span_of(buf, len), 2), ERR_TRAILING);
        CHECK_EQ(tile_bundle_check(span_of(buf, len), 4), ERR_SHORT);
        CHECK_EQ(tile_bundle_check(span_of(buf, len - 1), 3), ERR_SHORT);
        CHECK_EQ(tile_entry_next(span_of(buf, len), &at, &entry), ERR_OK);
        CHECK(span_eq_str(entry, "one") && at == 5);
        CHECK_EQ(tile_entry_put(SPAN_LIT("xx"), buf, 15, &len), ERR_FULL);
        static const uint8_t big[TILE_ENTRY_MAX + 1];
        CHECK_EQ(tile_entry_put(span_of(big, sizeof(big)), buf, sizeof(buf), &len), ERR_TOO_LARGE);
        CHECK_EQ(len, 14);
    }
    TEST("the subtree of part of a tile is its Merkle hash")
    {
        uint8_t bytes[4 * 32];
        struct tlog_hash want;
        struct tlog_hash got;
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)i;
        CHECK_EQ(tlog_node_hash((const struct tlog_hash *)(bytes + 64),
                                (const struct tlog_hash *)(bytes + 96), &want),
                 ERR_OK);
        CHECK_EQ(tile_subtree(span_of(bytes, sizeof(bytes)), 2, 1, &got), ERR_OK);
        CHECK(tlog_hash_eq(&want, &got));
        CHECK_EQ(tile_subtree(span_of(bytes, sizeof(bytes)), 3, 1, &got), ERR_RANGE);
        CHECK_EQ(tile_subtree(span_of(bytes, sizeof(bytes)), 0, 9, &got), ERR_RANGE);
        CHECK_EQ(tile_subtree(span_of(bytes, 127), 3, 0, &got), ERR_RANGE);
    }
    return test_end();
}
