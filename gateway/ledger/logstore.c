/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logstore.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ledger/logsettle.h"
#include "gateway/ledger/logstore_priv.h"

enum err
logstore_fail(struct logstore *log, enum err err)
{
    if (err == ERR_IO)
        log->broken = ERR_IO;
    return err;
}

struct tlog_reader
logstore_reader(struct logstore *log)
{
    return (struct tlog_reader){.ctx = &log->tiles, .read = logtiles_node};
}

void
logstore_frontier_name(uint64_t number, char out[static SEGMENT_NAME_MAX])
{
    const int n = snprintf(out, SEGMENT_NAME_MAX, "private/edge-%06" PRIu64, number % 1000000);
    assert(n > 0 && n < SEGMENT_NAME_MAX);
}

/* The folder, its subfolders and the lock. */
static enum err
open_folder(struct logstore *log)
{
    const struct logstore_config *c = &log->config;
    if (!c->has_dir && c->create && mkdir(c->path, 0755) != 0 && errno != EEXIST)
        return errno == ENOENT ? ERR_NOT_FOUND : logio_error(errno);
    const int base = c->has_dir ? c->dir : AT_FDCWD;
    log->dir = openat(base, c->has_dir ? "." : c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (mkdirat(log->dir, "private", 0700) != 0 && errno != EEXIST)
        return logio_error(errno);
    log->lock = openat(log->dir, "private/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (log->lock < 0)
        return logio_error(errno);
    if (flock(log->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_STATE : ERR_IO;
    TRY(logio_parents(log->io, log->dir, "segments/x"));
    return logio_parents(log->io, log->dir, "witness/x");
}

/* log.vkey names the log's key; a folder without one is new. */
static enum err
check_vkey(struct logstore *log)
{
    char mine[NOTE_VKEY_MAX + 1];
    uint8_t text[NOTE_VKEY_MAX + 1];
    size_t len = 0;
    TRY(note_key_text(&log->config.key, mine));
    const size_t mine_len = strlen(mine);
    mine[mine_len] = '\n';
    const enum err err = logio_load(log->dir, "log.vkey", text, sizeof(text), &len);
    if (err == ERR_NOT_FOUND)
        return logio_replace(log->io, log->dir, "log.vkey", span_of(mine, mine_len + 1));
    if (err == ERR_TOO_LARGE)
        return ERR_CONFIG;
    TRY(err);
    return span_eq(span_of(text, len), span_of(mine, mine_len + 1)) ? ERR_OK : ERR_CONFIG;
}

static enum err
open_all(struct logstore *log)
{
    const uint64_t least = SEGMENT_HEADER + SEGMENT_RECORD + ENTRY_BYTES_MAX + SEGMENT_TRAILER;
    if (log->config.segment_bytes < least || log->config.segment_bytes > UINT32_MAX ||
        log->config.key.type != NOTE_ED25519)
        return ERR_CONFIG;
    log->buffer = malloc(LOGSTORE_BUFFER);
    log->window = malloc(LOGSTORE_WINDOW);
    if (log->buffer == NULL || log->window == NULL)
        return ERR_NOMEM;
    TRY(logindex_init(&log->index, 1024));
    TRY(open_folder(log));
    TRY(check_vkey(log));
    logtiles_init(&log->tiles, log->io, log->dir);
    return logrecover_run(log);
}

enum err
logstore_open(const struct logstore_config *config, struct logstore **ret)
{
    struct logstore *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return ERR_NOMEM;
    log->config = *config;
    log->io = config->io == NULL ? &logio_system : config->io;
    log->dir = -1;
    log->lock = -1;
    if (log->config.segment_bytes == 0)
        log->config.segment_bytes = LOGSTORE_SEGMENT_BYTES;
    crc_init(&log->crc);
    const enum err err = open_all(log);
    if (err != ERR_OK) {
        logstore_close(log);
        return err;
    }
    *ret = log;
    return ERR_OK;
}

void
logstore_close(struct logstore *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->segment_count + (log->reserve_held ? 1 : 0); i++)
        (void)close(log->fds[i]);
    if (log->lock >= 0)
        (void)close(log->lock);
    if (log->dir >= 0)
        (void)close(log->dir);
    logindex_finish(&log->index);
    free(log->places);
    free(log->buffer);
    free(log->window);
    free(log);
}

enum err
logstore_item(struct span leaf, struct entry_scratch *scratch, struct logstore_item *ret)
{
    struct entry e;
    struct logstore_item item = {.leaf = leaf};
    TRY(entry_read(leaf, true, scratch, &e, NULL));
    item.has_transfer = e.has_transfer;
    item.key.kind = (uint8_t)e.kind;
    item.key.n = e.n;
    memcpy(item.key.transfer, e.transfer, sizeof(item.key.transfer));
    *ret = item;
    return ERR_OK;
}

enum err
logstore_take_reserve(struct logstore *log)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;
    if (log->reserve_held)
        return ERR_OK;
    if (log->segment_count == LOGSTORE_SEGMENTS_MAX)
        return ERR_NO_SPACE;
    segment_name(log->segment_count, name);
    const int fd = openat(log->dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return logio_error(errno);
    enum err err = fstat(fd, &st) == 0 ? ERR_OK : ERR_IO;
    if (err == ERR_OK && (uint64_t)st.st_size < log->config.segment_bytes) {
        err = logio_error(log->io->allocate(log->io->ctx, fd, (off_t)log->config.segment_bytes));
        if (err == ERR_OK)
            err = logstore_fail(log, logio_error(log->io->sync(log->io->ctx, fd)));
        const int dir = openat(log->dir, "segments", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (err == ERR_OK && dir < 0)
            err = ERR_IO;
        if (err == ERR_OK)
            err = logstore_fail(log, logio_error(log->io->sync(log->io->ctx, dir)));
        if (dir >= 0)
            (void)close(dir);
    }
    if (err != ERR_OK) {
        (void)close(fd);
        return err;
    }
    log->fds[log->segment_count] = fd;
    log->reserve_held = true;
    return ERR_OK;
}

enum err
logstore_place_put(struct logstore *log, uint64_t index, size_t segment, uint64_t offset)
{
    const size_t at = (size_t)(index / LOGSTORE_STRIDE);
    if (index % LOGSTORE_STRIDE != 0)
        return ERR_OK;
    if (at >= log->place_cap) {
        const size_t cap = log->place_cap == 0 ? 1024 : log->place_cap * 2;
        struct logstore_place *places = reallocarray(log->places, cap, sizeof(*places));
        if (places == NULL)
            return ERR_NOMEM;
        log->places = places;
        log->place_cap = cap;
    }
    log->places[at] = (struct logstore_place){(uint32_t)segment, (uint32_t)offset};
    return ERR_OK;
}

/* Writes the saved hashes with which the next start begins at the new segment. */
static enum err
save_frontier(struct logstore *log)
{
    char name[SEGMENT_NAME_MAX];
    size_t len = 0;
    logtiles_save(&log->tiles, log->edge.size, log->window, LOGSTORE_WINDOW, &len);
    logstore_frontier_name(log->segment_count, name);
    return logio_replace(log->io, log->dir, name, span_of(log->window, len));
}

/* Makes the reserve the last segment, when bytes do not fit the present one. */
static enum err
make_room(struct logstore *log, uint64_t bytes, bool closing)
{
    enum err err = ERR_OK;
    if (log->segment_count > 0 && log->used + bytes <= log->config.segment_bytes)
        return ERR_OK;
    TRY(logstore_take_reserve(log));
    if (SEGMENT_HEADER + bytes > log->config.segment_bytes)
        return ERR_TOO_LARGE;
    err = logsettle_run(log);
    if (err == ERR_OK)
        err = logstore_fail(log, save_frontier(log));
    /* Without the saved hashes the next start is slower, not wrong. */
    if (err != ERR_OK && !(closing && err == ERR_NO_SPACE))
        return err;
    log->segment_count++;
    log->reserve_held = false;
    err = logstore_take_reserve(log);
    if (err != ERR_OK && !(closing && err == ERR_NO_SPACE)) {
        log->segment_count--;
        log->reserve_held = true;
        return err;
    }
    log->used = 0;
    return ERR_OK;
}

/* What is known about item before it is written; *ret_new says that it is to be written. */
static enum err
classify(struct logstore *log, const struct logstore_item *item, struct logstore_result *result,
         bool *ret_new)
{
    uint64_t index = 0;
    size_t len = 0;
    *result = (struct logstore_result){.err = ERR_OK};
    *ret_new = false;
    if (item->leaf.len == 0 || item->leaf.len > ENTRY_BYTES_MAX) {
        result->err = ERR_RANGE;
        return ERR_OK;
    }
    TRY(tlog_leaf_hash(item->leaf, &result->leaf));
    if (item->has_transfer && logstore_find(log, &item->key, &index) == ERR_OK) {
        TRY(logstore_get(log, index, log->window, LOGSTORE_WINDOW, &len));
        result->index = index;
        result->known = span_eq(item->leaf, span_of(log->window, len));
        result->err = result->known ? ERR_OK : ERR_CONFLICT;
        return ERR_OK;
    }
    *ret_new = true;
    return ERR_OK;
}

static bool
same_key(const struct logstore_item *a, const struct logstore_item *b)
{
    return a->has_transfer && b->has_transfer && a->key.kind == b->key.kind &&
           a->key.n == b->key.n && memcmp(a->key.transfer, b->key.transfer, 16) == 0;
}

/* A key twice in one batch: the later item is answered like one that comes tomorrow. */
static bool
repeats(const struct logstore_item *items, const bool *fresh, size_t at,
        struct logstore_result *results)
{
    for (size_t i = 0; i < at; i++) {
        if (!fresh[i] || !same_key(&items[i], &items[at]))
            continue;
        results[at].index = results[i].index;
        results[at].known = span_eq(items[i].leaf, items[at].leaf);
        results[at].err = results[at].known ? ERR_OK : ERR_CONFLICT;
        return true;
    }
    return false;
}

struct batch {
    size_t count; /* of new entries */
    uint64_t bytes;
    bool fresh[LOGSTORE_BATCH_MAX];
};

static enum err
sort_batch(struct logstore *log, const struct logstore_item *items, size_t count,
           struct batch *batch, struct logstore_result *results)
{
    *batch = (struct batch){.bytes = SEGMENT_TRAILER};
    for (size_t i = 0; i < count; i++) {
        TRY(classify(log, &items[i], &results[i], &batch->fresh[i]));
        if (!batch->fresh[i])
            continue;
        if (repeats(items, batch->fresh, i, results)) {
            batch->fresh[i] = false;
            continue;
        }
        results[i].index = log->edge.size + batch->count;
        batch->count++;
        batch->bytes += SEGMENT_RECORD + items[i].leaf.len;
    }
    return batch->bytes > LOGSTORE_BATCH_BYTES ? ERR_TOO_LARGE : ERR_OK;
}

/* Writes the batch behind log->used and syncs; then nothing of it can be lost. */
static enum err
write_batch(struct logstore *log, const struct logstore_item *items, size_t count,
            const struct batch *batch, const struct logstore_result *results)
{
    struct tlog_edge edge = log->edge;
    struct tlog_hash root;
    size_t len = 0;
    const size_t segment = log->segment_count - 1;
    const uint32_t seed = segment_seed(&log->crc, log->edge.size, &log->root);
    if (log->used == 0) {
        const struct segment_head head = {segment, log->edge.size, log->root};
        segment_write_head(&log->crc, &head, log->buffer);
        len = SEGMENT_HEADER;
    }
    for (size_t i = 0; i < count; i++) {
        if (!batch->fresh[i])
            continue;
        const struct segment_record record = {results[i].index, items[i].has_transfer, items[i].key,
                                              items[i].leaf};
        TRY(logstore_place_put(log, results[i].index, segment, log->used + len));
        segment_write_record(&log->crc, seed, &record, log->buffer, LOGSTORE_BUFFER, &len);
        TRY(tlog_edge_append(&edge, &results[i].leaf, NULL, NULL));
    }
    TRY(tlog_edge_root(&edge, &root));
    segment_write_trailer(&log->crc, seed, edge.size, &root, log->buffer, LOGSTORE_BUFFER, &len);
    const int fd = log->fds[segment];
    const struct logio *io = log->io;
    if (io->write(io->ctx, fd, log->buffer, len, (off_t)log->used) != 0 ||
        io->datasync(io->ctx, fd) != 0)
        return logstore_fail(log, ERR_IO);
    log->used += len;
    return ERR_OK;
}

/* Brings memory up to what is durable now. It cannot fail but by a bug or a failing hash, after
 * which this process must not go on. */
static enum err
take_in(struct logstore *log, const struct logstore_item *items, size_t count,
        const struct batch *batch, const struct logstore_result *results)
{
    for (size_t i = 0; i < count; i++) {
        if (!batch->fresh[i])
            continue;
        TRY(tlog_edge_append(&log->edge, &results[i].leaf, logtiles_push, &log->tiles));
        if (items[i].has_transfer)
            logindex_put(&log->index, &items[i].key, results[i].index);
    }
    return tlog_edge_root(&log->edge, &log->root);
}

/* Full tiles are written first. When the disk is full, entries that end transfers go on as long as
 * memory holds their hashes. */
static enum err
settle_before(struct logstore *log, size_t count, bool closing)
{
    const enum err err = logsettle_run(log);
    const bool room = log->tiles.level[0].count + count <= 2 * TILE_WIDTH;
    return err == ERR_NO_SPACE && closing && room ? ERR_OK : err;
}

enum err
logstore_append(struct logstore *log, const struct logstore_item *items, size_t count, bool closing,
                struct logstore_result *results)
{
    struct batch batch;
    TRY(log->broken);
    if (log->quarantined)
        return ERR_QUARANTINE;
    if (count < 1 || count > LOGSTORE_BATCH_MAX)
        return ERR_RANGE;
    TRY(settle_before(log, count, closing));
    TRY(sort_batch(log, items, count, &batch, results));
    if (batch.count == 0)
        return ERR_OK;
    if (log->edge.size + batch.count >= UINT32_MAX)
        return ERR_FULL;
    TRY(logindex_reserve(&log->index, batch.count));
    TRY(make_room(log, batch.bytes, closing));
    TRY(write_batch(log, items, count, &batch, results));
    if (take_in(log, items, count, &batch, results) != ERR_OK)
        return logstore_fail(log, ERR_IO);
    return ERR_OK;
}

void
logstore_head(const struct logstore *log, struct logstore_head *ret)
{
    ret->size = log->edge.size;
    ret->root = log->root;
}

bool
logstore_quarantined(const struct logstore *log)
{
    return log->quarantined;
}

void
logstore_quarantine(struct logstore *log)
{
    log->quarantined = true;
}

/* The header of the record at place; it was checked when it was written or recovered. */
static enum err
read_record_head(struct logstore *log, size_t segment, uint64_t offset, uint64_t *ret_index,
                 uint32_t *ret_len)
{
    uint8_t head[SEGMENT_RECORD];
    TRY(logio_read(log->fds[segment], head, sizeof(head), (off_t)offset));
    *ret_len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
    *ret_index = 0;
    for (size_t i = 8; i < 16; i++)
        *ret_index = *ret_index << 8 | head[i];
    return ERR_OK;
}

/* Where entry index is: from the place of its stride on, stepping over records and trailers, into
 * the next segment where this one ends. */
static enum err
locate(struct logstore *log, uint64_t index, size_t *ret_segment, uint64_t *ret_offset,
       uint32_t *ret_len)
{
    const struct logstore_place *place = &log->places[index / LOGSTORE_STRIDE];
    size_t segment = place->segment;
    uint64_t offset = place->offset;
    for (unsigned step = 0; step < 4 * LOGSTORE_STRIDE; step++) {
        uint64_t found = 0;
        uint32_t len = 0;
        if (offset + SEGMENT_RECORD > log->config.segment_bytes)
            len = 0;
        else
            TRY(read_record_head(log, segment, offset, &found, &len));
        if (len == UINT32_MAX) {
            offset += SEGMENT_TRAILER;
        } else if (len == 0) {
            if (++segment >= log->segment_count)
                return ERR_IO;
            offset = SEGMENT_HEADER;
        } else if (found == index && len <= SEGMENT_LEAF_MAX) {
            *ret_segment = segment;
            *ret_offset = offset + SEGMENT_RECORD;
            *ret_len = len;
            return ERR_OK;
        } else {
            offset += SEGMENT_RECORD + (uint64_t)len;
        }
    }
    return ERR_IO;
}

enum err
logstore_get(struct logstore *log, uint64_t index, uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t segment = 0;
    uint64_t offset = 0;
    uint32_t len = 0;
    TRY(log->broken);
    if (index >= log->edge.size)
        return ERR_NOT_FOUND;
    TRY(locate(log, index, &segment, &offset, &len));
    if (len > cap)
        return ERR_FULL;
    TRY(logio_read(log->fds[segment], out, len, (off_t)offset));
    *ret_len = len;
    return ERR_OK;
}

enum err
logstore_find(struct logstore *log, const struct logindex_key *key, uint64_t *ret)
{
    size_t at = 0;
    uint64_t index = 0;
    TRY(log->broken);
    while (logindex_next(&log->index, key, &at, &index)) {
        uint8_t head[SEGMENT_RECORD];
        size_t segment = 0;
        uint64_t offset = 0;
        uint32_t len = 0;
        TRY(locate(log, index, &segment, &offset, &len));
        TRY(logio_read(log->fds[segment], head, sizeof(head), (off_t)(offset - SEGMENT_RECORD)));
        const uint32_t n = (uint32_t)head[20] << 24 | (uint32_t)head[21] << 16 |
                           (uint32_t)head[22] << 8 | head[23];
        if (head[16] == key->kind && head[17] == 1 && n == key->n &&
            memcmp(head + 24, key->transfer, 16) == 0) {
            *ret = index;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err
logstore_policy(const struct logstore *log, size_t i, uint64_t *ret)
{
    if (i >= log->policy_count || i >= LOGSTORE_POLICIES)
        return ERR_NOT_FOUND;
    *ret = log->policies[(log->policy_count - 1 - i) % LOGSTORE_POLICIES];
    return ERR_OK;
}

enum err
logstore_transfers_since(struct logstore *log, uint64_t index, uint64_t max, uint64_t *ret)
{
    uint64_t count = 0;
    TRY(log->broken);
    for (; index < log->edge.size && count < max; index++) {
        uint8_t head[SEGMENT_RECORD];
        size_t segment = 0;
        uint64_t offset = 0;
        uint32_t len = 0;
        TRY(locate(log, index, &segment, &offset, &len));
        TRY(logio_read(log->fds[segment], head, sizeof(head), (off_t)(offset - SEGMENT_RECORD)));
        count += head[17] == 1 ? head[16] != ENTRY_INCIDENT : head[16] == ENTRY_COUNTER;
    }
    *ret = count;
    return ERR_OK;
}

enum err
logstore_root(struct logstore *log, uint64_t size, struct tlog_hash *ret)
{
    const struct tlog_reader reader = logstore_reader(log);
    TRY(log->broken);
    return size > log->edge.size ? ERR_RANGE : tlog_root(&reader, size, ret);
}

enum err
logstore_inclusion(struct logstore *log, uint64_t index, uint64_t size, struct tlog_proof *ret)
{
    const struct tlog_reader reader = logstore_reader(log);
    TRY(log->broken);
    return size > log->edge.size ? ERR_RANGE : tlog_prove_inclusion(&reader, index, size, ret);
}

enum err
logstore_consistency(struct logstore *log, uint64_t old_size, uint64_t new_size,
                     struct tlog_proof *ret)
{
    const struct tlog_reader reader = logstore_reader(log);
    TRY(log->broken);
    return new_size > log->edge.size ? ERR_RANGE
                                     : tlog_prove_consistency(&reader, old_size, new_size, ret);
}
