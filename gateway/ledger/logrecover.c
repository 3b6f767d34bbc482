/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a log: the segments are read from the first to the last, every CRC checked; hashes are
 * taken from the tiles up to the last segment and made anew behind it. When tiles or saved hashes
 * are missing or do not lead to the root, everything is hashed again and the tiles are rewritten.
 * Until the published checkpoint is found to be borne out, nothing in a segment is changed: a
 * damaged folder is kept as it was found, for whoever has to find out what happened. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ledger/logsettle.h"
#include "gateway/ledger/logstore_priv.h"

struct pending {
    struct segment_record record; /* leaf is not kept */
    uint64_t offset;
    struct tlog_hash leaf;
};

struct scan {
    struct logstore *log;
    bool hash; /* this segment's leaves are hashed into the tree */
    size_t segment;
    uint64_t limit; /* bytes of that file that may hold batches */
    uint64_t at;    /* file offset of window[0] */
    size_t len;     /* bytes in the window */
    size_t pos;     /* of the next item in the window */
    uint64_t batch; /* file offset behind the last whole batch */
    uint64_t size;  /* entries up to there */
    struct tlog_hash root;
    size_t pending_count;
    struct pending pending[SEGMENT_BATCH_MAX];
};

/* Moves the unread bytes to the front and fills the window. */
static enum err
refill(struct scan *s)
{
    struct logstore *log = s->log;
    memmove(log->window, log->window + s->pos, s->len - s->pos);
    s->at += s->pos;
    s->len -= s->pos;
    s->pos = 0;
    const uint64_t left = s->limit - s->at - s->len;
    const size_t room = LOGSTORE_WINDOW - s->len;
    const size_t take = left < room ? (size_t)left : room;
    TRY(logio_read(log->fds[s->segment], log->window + s->len, take, (off_t)(s->at + s->len)));
    s->len += take;
    return ERR_OK;
}

static enum err
take_record(struct scan *s, const struct segment_record *record, uint64_t offset)
{
    if (s->pending_count == SEGMENT_BATCH_MAX || record->index != s->size + s->pending_count)
        return ERR_IO;
    struct pending *p = &s->pending[s->pending_count++];
    p->record = *record;
    p->offset = offset;
    return s->hash ? tlog_leaf_hash(record->leaf, &p->leaf) : ERR_OK;
}

/* The batch before a trailer is whole: its entries count. ERR_PROOF: it is not what the trailer
 * says. */
static enum err
take_batch(struct scan *s, uint64_t size, const struct tlog_hash *root)
{
    struct logstore *log = s->log;
    if (size != s->size + s->pending_count || s->pending_count == 0)
        return ERR_PROOF;
    TRY(logindex_reserve(&log->index, s->pending_count));
    if (s->hash)
        TRY(logsettle_run(log));
    for (size_t i = 0; i < s->pending_count; i++) {
        struct pending *p = &s->pending[i];
        TRY(logstore_place_put(log, p->record.index, s->segment, p->offset));
        if (p->record.has_transfer)
            logindex_put(&log->index, &p->record.key, p->record.index);
        else if (p->record.key.kind == ENTRY_POLICY)
            log->policies[log->policy_count++ % LOGSTORE_POLICIES] = p->record.index;
        if (s->hash)
            TRY(tlog_edge_append(&log->edge, &p->leaf, logtiles_push, &log->tiles));
    }
    if (s->hash) {
        struct tlog_hash now;
        TRY(tlog_edge_root(&log->edge, &now));
        log->root = now;
        if (!tlog_hash_eq(&now, root))
            return ERR_PROOF;
    }
    s->size = size;
    s->root = *root;
    s->pending_count = 0;
    s->batch = s->at + s->pos;
    return ERR_OK;
}

/* Reads one segment to its last whole batch. */
static enum err
scan_segment(struct scan *s)
{
    struct logstore *log = s->log;
    struct segment_record record;
    struct tlog_hash root;
    uint64_t size = 0;
    size_t need = 0;
    s->at = SEGMENT_HEADER;
    s->len = 0;
    s->pos = 0;
    s->pending_count = 0;
    s->batch = SEGMENT_HEADER;
    uint32_t seed = segment_seed(&log->crc, s->size, &s->root);
    TRY(refill(s));
    for (;;) {
        const uint64_t offset = s->at + s->pos;
        const enum segment_item item = segment_read(&log->crc, seed, span_of(log->window, s->len),
                                                    &s->pos, &record, &size, &root, &need);
        if (item == SEGMENT_IS_RECORD) {
            if (take_record(s, &record, offset) != ERR_OK)
                return ERR_OK;
        } else if (item == SEGMENT_IS_TRAILER) {
            TRY(take_batch(s, size, &root));
            seed = segment_seed(&log->crc, s->size, &s->root);
        } else if (need > s->len - s->pos && s->at + s->len < s->limit) {
            TRY(refill(s));
        } else {
            return ERR_OK;
        }
    }
}

/* Zeros what a torn batch left behind, so that nothing stale is ever stepped on. A batch is at most
 * LOGSTORE_BATCH_BYTES long. */
static enum err
clear_tail(struct logstore *log)
{
    const int fd = log->fds[log->segment_count - 1];
    uint64_t end = log->used + LOGSTORE_BATCH_BYTES + SEGMENT_HEADER;
    bool dirty = false;
    if (end > log->config.segment_bytes)
        end = log->config.segment_bytes;
    for (uint64_t at = log->used; at < end;) {
        const size_t take = end - at < LOGSTORE_WINDOW ? (size_t)(end - at) : LOGSTORE_WINDOW;
        bool zero = true;
        TRY(logio_read(fd, log->window, take, (off_t)at));
        for (size_t i = 0; i < take && zero; i++)
            zero = log->window[i] == 0;
        if (!zero) {
            memset(log->window, 0, take);
            if (log->io->write(log->io->ctx, fd, log->window, take, (off_t)at) != 0)
                return logstore_fail(log, ERR_IO);
            dirty = true;
        }
        at += take;
    }
    if (dirty && log->io->datasync(log->io->ctx, fd) != 0)
        return logstore_fail(log, ERR_IO);
    return ERR_OK;
}

/* Segment number, open, when it has a header; -1. */
static int
open_segment(struct logstore *log, size_t number, struct segment_head *head)
{
    char name[SEGMENT_NAME_MAX];
    uint8_t raw[SEGMENT_HEADER];
    struct stat st;
    segment_name(number, name);
    const int fd = openat(log->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && st.st_size >= SEGMENT_HEADER &&
        logio_read(fd, raw, sizeof(raw), 0) == ERR_OK &&
        segment_read_head(&log->crc, raw, head) == ERR_OK && head->number == number)
        return fd;
    (void)close(fd);
    return -1;
}

/* Opens the segments that have a header; the first one without is the reserve. A crash leaves no
 * segment behind that one: where there is, the header in between was lost. */
static enum err
open_segments(struct logstore *log)
{
    struct segment_head head;
    for (log->segment_count = 0; log->segment_count < LOGSTORE_SEGMENTS_MAX;) {
        const int fd = open_segment(log, log->segment_count, &head);
        if (fd < 0) {
            const int behind = open_segment(log, log->segment_count + 1, &head);
            log->quarantined = behind >= 0;
            if (behind >= 0)
                (void)close(behind);
            return ERR_OK;
        }
        log->fds[log->segment_count++] = fd;
    }
    return ERR_NO_SPACE;
}

static enum err
read_head(struct logstore *log, size_t segment, struct segment_head *ret)
{
    uint8_t raw[SEGMENT_HEADER];
    TRY(logio_read(log->fds[segment], raw, sizeof(raw), 0));
    return segment_read_head(&log->crc, raw, ret);
}

/* True if every full tile and bundle of a tree of size leaves is there in its length. */
static bool
tiles_present(struct logstore *log, uint64_t size)
{
    for (int level = TILE_ENTRIES; level < LOGTILES_LEVELS; level++) {
        const uint64_t full = tile_nodes(level, size) / TILE_WIDTH;
        for (uint64_t i = 0; i < full; i++) {
            char path[TILE_PATH_MAX];
            struct stat st;
            const struct tile tile = {.level = level, .index = i, .width = TILE_WIDTH};
            if (tile_path(&tile, path) != ERR_OK || fstatat(log->dir, path, &st, 0) != 0 ||
                (level != TILE_ENTRIES && st.st_size != TILE_BYTES))
                return false;
        }
    }
    return true;
}

/* Loads the tree up to the last segment from tiles; false if they do not bear it out. */
static bool
quick_start(struct logstore *log, const struct segment_head *head)
{
    char name[SEGMENT_NAME_MAX];
    size_t len = 0;
    struct tlog_hash root;
    const struct tlog_reader reader = logstore_reader(log);
    if (head->number == 0)
        return false;
    logstore_frontier_name(head->number, name);
    if (logio_load(log->dir, name, log->window, LOGSTORE_WINDOW, &len) != ERR_OK ||
        logtiles_load(&log->tiles, head->first, span_of(log->window, len)) != ERR_OK ||
        !tiles_present(log, head->first) ||
        tlog_edge_load(&reader, head->first, &log->edge) != ERR_OK ||
        tlog_edge_root(&log->edge, &root) != ERR_OK)
        return false;
    return tlog_hash_eq(&root, &head->root);
}

/* ERR_PROOF: entries are missing or are others than those that the next segment follows on. */
static enum err
scan_all(struct logstore *log, struct scan *s, bool quick)
{
    memset(s, 0, sizeof(*s));
    s->log = log;
    TRY(tlog_empty_root(&s->root));
    log->root = s->root;
    for (size_t i = 0; i < log->segment_count; i++) {
        struct segment_head head;
        TRY(read_head(log, i, &head));
        if (head.first != s->size || !tlog_hash_eq(&head.root, &s->root))
            return ERR_PROOF;
        struct stat st;
        if (fstat(log->fds[i], &st) != 0)
            return ERR_IO;
        s->segment = i;
        s->limit = log->config.segment_bytes;
        if ((uint64_t)st.st_size < s->limit)
            s->limit = (uint64_t)st.st_size;
        s->hash = !quick || i + 1 == log->segment_count;
        if (s->hash && quick)
            log->root = s->root;
        TRY(scan_segment(s));
    }
    log->used = log->segment_count == 0 ? 0 : s->batch;
    return ERR_OK;
}

static enum err
forget_all(struct logstore *log)
{
    logtiles_init(&log->tiles, log->io, log->dir);
    tlog_edge_init(&log->edge);
    log->policy_count = 0;
    logindex_finish(&log->index);
    return logindex_init(&log->index, 1024);
}

/* Everything in the segments. What no crash can leave behind opens the log quarantined, with the
 * whole batches before it: a folder that cannot be opened at all would tell nobody why. */
static enum err
scan_folder(struct logstore *log, struct scan *s, bool quick)
{
    enum err err = scan_all(log, s, quick);
    if (err == ERR_PROOF && quick) {
        TRY(forget_all(log)); /* the tiles go on where the segments do not */
        err = scan_all(log, s, false);
    }
    if (err == ERR_PROOF)
        log->quarantined = true;
    return err == ERR_PROOF ? ERR_OK : err;
}

/* The published checkpoint must be a prefix of what is here, else entries were lost or this is an
 * old copy of the folder. */
static enum err
check_published(struct logstore *log)
{
    char text[CHECKPOINT_MAX];
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    struct tlog_hash root;
    size_t len = 0;
    TRY(tlog_empty_root(&log->published.root));
    const enum err err = logio_load(log->dir, "checkpoint", (uint8_t *)text, sizeof(text), &len);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    if (checkpoint_open(span_of(text, len), &log->config.key, 1, &note, &by, &c) != ERR_OK ||
        c.size > log->edge.size) {
        log->quarantined = true;
        return ERR_OK;
    }
    TRY(logstore_root(log, c.size, &root));
    if (!tlog_hash_eq(&root, &c.root)) {
        log->quarantined = true;
        return ERR_OK;
    }
    log->published = (struct logstore_head){.size = c.size, .root = c.root};
    log->has_checkpoint = true;
    return ERR_OK;
}

/* A copy that was made without the allocated tail of its last segment gets it again. */
static enum err
regrow(struct logstore *log)
{
    const int fd = log->fds[log->segment_count - 1];
    struct stat st;
    if (fstat(fd, &st) != 0)
        return logstore_fail(log, ERR_IO);
    if ((uint64_t)st.st_size >= log->config.segment_bytes)
        return ERR_OK;
    TRY(logio_error(log->io->allocate(log->io->ctx, fd, (off_t)log->config.segment_bytes)));
    return logstore_fail(log, logio_error(log->io->sync(log->io->ctx, fd)));
}

static enum err
make_ready(struct logstore *log)
{
    if (log->segment_count > 0) {
        TRY(regrow(log));
        TRY(clear_tail(log));
    }
    TRY(logstore_take_reserve(log));
    if (log->segment_count > 0)
        return ERR_OK;
    log->segment_count = 1;
    log->reserve_held = false;
    return logstore_take_reserve(log);
}

enum err
logrecover_run(struct logstore *log)
{
    struct segment_head last = {.number = 0};
    TRY(open_segments(log));
    struct scan *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    bool quick = false;
    enum err err = ERR_OK;
    if (log->segment_count > 0) {
        err = read_head(log, log->segment_count - 1, &last);
        quick = err == ERR_OK && quick_start(log, &last);
        if (err == ERR_OK && !quick)
            err = forget_all(log);
    }
    if (err == ERR_OK)
        err = scan_folder(log, s, quick);
    free(s);
    TRY(err);
    TRY(logsettle_run(log));
    TRY(check_published(log));
    return log->quarantined ? ERR_OK : make_ready(log);
}
