/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/sniff.h"

#include "inspect/csvread.h"
#include "inspect/hotword.h"
#include "inspect/normal.h"
#include "inspect/tokscan.h"

enum { SNIFF_RECORDS_MAX = 100 };

/* Formats known by their first bytes. Spec: classification.md 2.1, 3. */
static const struct {
    const char *name;
    struct span magic;
} sniff_magic[] = {
    {"gzip", {(const uint8_t *)"\x1f\x8b", 2}},
    {"zip", {(const uint8_t *)"PK\x03\x04", 4}},
    {"zip", {(const uint8_t *)"PK\x05\x06", 4}},
    {"zstd", {(const uint8_t *)"\x28\xb5\x2f\xfd", 4}},
    {"xz",
     {(const uint8_t *)"\xfd"
                       "7zXZ",
      5}},
    {"bzip2", {(const uint8_t *)"BZh", 3}},
    {"7z", {(const uint8_t *)"7z\xbc\xaf", 4}},
    {"rar", {(const uint8_t *)"Rar!", 4}},
    {"pdf", {(const uint8_t *)"%PDF-", 5}},
    {"png", {(const uint8_t *)"\x89PNG", 4}},
    {"jpeg", {(const uint8_t *)"\xff\xd8\xff", 3}},
    {"gif", {(const uint8_t *)"GIF8", 4}},
    {"parquet", {(const uint8_t *)"PAR1", 4}},
    {"arrow", {(const uint8_t *)"ARROW1", 6}},
    {"avro", {(const uint8_t *)"Obj\x01", 4}},
    {"orc", {(const uint8_t *)"ORC", 3}},
    {"hdf5", {(const uint8_t *)"\x89HDF", 4}},
    {"gguf", {(const uint8_t *)"GGUF", 4}},
    {"numpy", {(const uint8_t *)"\x93NUMPY", 6}},
    {"elf",
     {(const uint8_t *)"\x7f"
                       "ELF",
      4}},
    {"sqlite", {(const uint8_t *)"SQLite format 3", 15}},
    {"las", {(const uint8_t *)"LASF", 4}},
    {"rosbag", {(const uint8_t *)"#ROSBAG", 7}},
    {"mdf", {(const uint8_t *)"MDF     ", 8}},
    {"utf-16", {(const uint8_t *)"\xff\xfe", 2}},
    {"utf-16", {(const uint8_t *)"\xfe\xff", 2}},
};

/* Text formats that later readers open; until then they are opaque and searched as text. */
static const char *
sniff_structured(struct span head)
{
    size_t at = 0;
    while (at < head.len && strchr(" \t\r\n", head.ptr[at]) != NULL && head.ptr[at] != 0)
        at++;
    const uint8_t first = at < head.len ? head.ptr[at] : 0;
    size_t next = at + 1;
    while (next < head.len && strchr(" \t\r\n", head.ptr[next]) != NULL && head.ptr[next] != 0)
        next++;
    const uint8_t second = next < head.len ? head.ptr[next] : 0;
    if (first == '{' && (second == '"' || second == '}'))
        return "json";
    if (first == '[' && (second == '{' || second == '[' || second == '"' || second == ']'))
        return "json";
    if (first == '<' && (second == '?' || second == '!'))
        return "xml";
    return NULL;
}

static const char *
sniff_opaque(struct span head, struct sniff *ret)
{
    for (size_t i = 0; i < sizeof(sniff_magic) / sizeof(sniff_magic[0]); i++)
        if (span_starts(head, sniff_magic[i].magic))
            return sniff_magic[i].name;
    struct normal_utf8 utf8 = {0};
    normal_utf8_feed(&utf8, head);
    if (utf8.invalid * 64 > head.len || utf8.control * 64 > head.len)
        return "binary";
    if (head.len > 0 && memchr(head.ptr, 0, head.len) != NULL)
        return "binary";
    ret->is_readable = true;
    return sniff_structured(head);
}

/* The next record of head from *at: the count of its fields; its first cells in cells (may be NULL)
 * as far as they fit. False when the record is cut off by the end of a head that is not all. */
static bool
sniff_record(struct span head, size_t *at, uint8_t delimiter, bool is_all, struct span *cells,
             size_t *ret_count)
{
    struct csvread reader;
    struct csvread_event event;
    size_t count = 0;
    csvread_init(&reader, delimiter, true);
    while (true) {
        if (!csvread_next(&reader, head, at, &event)) {
            if (!is_all || !csvread_finish(&reader, &event))
                return false;
        }
        if (event.kind == CSVREAD_PIECE) {
            /* The field runs to the end of the head. */
            if (!is_all)
                return false;
            const struct span cut = event.piece;
            if (!csvread_finish(&reader, &event))
                return false;
            event.piece = cut;
        }
        if (event.kind == CSVREAD_FIELD) {
            if (cells != NULL && count < SNIFF_CELLS_MAX)
                cells[count] = csvread_trim(event.piece);
            count++;
            if (event.ends_record)
                break;
        }
    }
    /* The line feed of a CR LF belongs to this record. */
    if (reader.after_cr && *at < head.len && head.ptr[*at] == '\n')
        *at += 1;
    *ret_count = count;
    return true;
}

/* How many of the first records have the same number of fields as most: 0 to 1000 per mille, and
 * that number. */
static unsigned
sniff_consistency(struct span head, uint8_t delimiter, bool is_all, size_t *ret_fields)
{
    size_t counts[SNIFF_RECORDS_MAX];
    size_t records = 0;
    size_t at = 0;
    while (records < SNIFF_RECORDS_MAX && at < head.len) {
        size_t count = 0;
        const size_t from = at;
        if (!sniff_record(head, &at, delimiter, is_all, NULL, &count))
            break;
        if (count == 1 && at - from <= 2)
            continue; /* an empty line */
        counts[records++] = count;
    }
    size_t best = 0;
    *ret_fields = 0;
    for (size_t i = 0; i < records; i++) {
        size_t same = 0;
        for (size_t k = 0; k < records; k++)
            same += counts[k] == counts[i] ? 1 : 0;
        if (same > best || (same == best && counts[i] > *ret_fields)) {
            best = same;
            *ret_fields = counts[i];
        }
    }
    return records == 0 ? 0 : (unsigned)(best * 1000 / records);
}

static bool
sniff_is_list(struct span head)
{
    size_t lines = 0;
    size_t plain = 0;
    size_t from = 0;
    for (size_t i = 0; i <= head.len; i++) {
        if (i < head.len && head.ptr[i] != '\n' && head.ptr[i] != '\r')
            continue;
        const struct span line = csvread_trim(span_of(head.ptr + from, i - from));
        from = i + 1;
        if (line.len == 0)
            continue;
        lines++;
        plain += line.len <= 128 && memchr(line.ptr, ' ', line.len) == NULL ? 1 : 0;
    }
    return lines >= 2 && plain * 10 >= lines * 9;
}

/* True if cell is data and no column's name: a number, a date, or holds an identifier. */
static bool
sniff_is_data(struct span cell)
{
    struct tokscan scan;
    struct token token;
    size_t digits = 0;
    size_t others = 0;
    tokscan_reset(&scan);
    tokscan_feed(&scan, cell, NULL, 0, 0, true);
    while (tokscan_next(&scan, &token))
        if (token.pass != 0 || token.shape != 0)
            return true;
    for (size_t i = 0; i < cell.len; i++) {
        const uint8_t c = cell.ptr[i];
        digits += c >= '0' && c <= '9' ? 1 : 0;
        others += (c < '0' || c > '9') && (c == 0 || strchr("+-.,:/ TZ%eE", c) == NULL) ? 1 : 0;
    }
    return digits > 0 && others == 0 && !(digits == 4 && cell.len == 4);
}

/* A header names every column and holds no data; four digits (a year) may be a name. */
static bool
sniff_is_headed(const struct sniff *s)
{
    size_t named = 0;
    for (size_t i = 0; i < s->cell_count; i++) {
        if (sniff_is_data(s->cells[i]))
            return false;
        named += s->cells[i].len > 0 ? 1 : 0;
    }
    return named > 0;
}

static void
sniff_table(struct span head, bool is_all, bool want_table, struct sniff *ret)
{
    static const uint8_t candidates[] = {',', ';', '\t', '|'};
    unsigned best = 0;
    size_t best_fields = 1;
    ret->delimiter = ',';
    ret->has_quotes = true;
    for (size_t i = 0; i < sizeof(candidates); i++) {
        size_t fields = 0;
        const unsigned score = sniff_consistency(head, candidates[i], is_all, &fields);
        if (fields < 2)
            continue;
        if (score > best || (score == best && fields > best_fields)) {
            best = score;
            best_fields = fields;
            ret->delimiter = candidates[i];
        }
    }
    if (best < 800 && !want_table)
        ret->delimiter = ',';
    size_t at = 0;
    size_t first = 0;
    bool whole = sniff_record(head, &at, ret->delimiter, is_all, ret->cells, &first);
    while (whole && first == 1 && ret->cells[0].len == 0 && at < head.len) /* empty lines */
        whole = sniff_record(head, &at, ret->delimiter, is_all, ret->cells, &first);
    const bool is_table = (best >= 800 && best_fields >= 2 && at < head.len) || sniff_is_list(head);
    ret->kind = want_table || is_table ? SNIFF_TABLE : SNIFF_TEXT;
    ret->is_cut = !whole && head.len > 0;
    ret->cell_count = !whole ? 0 : (first < SNIFF_CELLS_MAX ? first : SNIFF_CELLS_MAX);
    ret->looks_headed = whole && sniff_is_headed(ret);
}

void
sniff_head(struct span head, bool is_all, bool want_table,
           struct span cells[static SNIFF_CELLS_MAX], struct sniff *ret)
{
    *ret = (struct sniff){.cells = cells};
    ret->opaque = sniff_opaque(head, ret);
    ret->kind = SNIFF_OPAQUE;
    if (ret->opaque != NULL)
        return;
    ret->bom = span_starts(head, SPAN_LIT("\xef\xbb\xbf")) ? 3 : 0;
    sniff_table(span_from(head, ret->bom), is_all, want_table, ret);
}
