/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logheads.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/ledger/logstore_priv.h"
#include "schemas/text.h"
#include "schemas/wire.h"

enum { HEADS_PATH_MAX = 8 + 64 + 6 + 1 };

struct logheads {
    struct logstore *log;
    char origin[NOTE_NAME_MAX + 1];
    int fd;
    size_t next;
    struct logstore_head heads[LOGHEADS_MAX]; /* size 0: none */
};

static bool
heads_decode(const struct crc *crc, const uint8_t in[static LOGHEADS_RECORD],
             struct logstore_head *ret)
{
    struct wire_reader r;
    uint32_t sum = 0;
    wire_reader_init(&r, span_of(in, LOGHEADS_RECORD));
    ret->size = wire_get_u64(&r);
    const struct span root = wire_get_bytes(&r, TLOG_HASH_LEN);
    sum = wire_get_u32(&r);
    if (wire_reader_finish(&r) != ERR_OK || crc_add(crc, 0, span_of(in, 40)) != sum)
        return false;
    memcpy(ret->root.b, root.ptr, TLOG_HASH_LEN);
    return ret->size > 0;
}

/* The slot after the largest size is the oldest: sizes only grow around the ring, but for late
 * parcels, which lose their place a little early. */
static enum err
heads_read(struct logheads *h)
{
    struct stat st;
    uint64_t largest = 0;
    if (fstat(h->fd, &st) != 0)
        return ERR_IO;
    for (size_t i = 0; i < LOGHEADS_MAX && (off_t)((i + 1) * LOGHEADS_RECORD) <= st.st_size; i++) {
        uint8_t record[LOGHEADS_RECORD];
        TRY(logio_read(h->fd, record, sizeof(record), (off_t)(i * LOGHEADS_RECORD)));
        if (!heads_decode(&h->log->crc, record, &h->heads[i])) {
            h->heads[i].size = 0;
            continue;
        }
        if (h->heads[i].size < largest)
            continue;
        largest = h->heads[i].size;
        h->next = (i + 1) % LOGHEADS_MAX;
    }
    return ERR_OK;
}

enum err
logheads_open(struct logstore *log, struct span origin, struct logheads **ret)
{
    uint8_t hash[32];
    char hex[65];
    char path[HEADS_PATH_MAX];
    TRY(log->broken);
    TRY(digest_sha256(origin, hash));
    TRY(text_hex(span_of(hash, sizeof(hash)), hex, sizeof(hex)));
    (void)snprintf(path, sizeof(path), "witness/%s/heads", hex);
    TRY(logstore_fail(log, logio_parents(log->io, log->dir, path)));
    struct logheads *h = calloc(1, sizeof(*h));
    if (h == NULL || origin.len > NOTE_NAME_MAX) {
        free(h);
        return ERR_NOMEM;
    }
    h->log = log;
    memcpy(h->origin, origin.ptr, origin.len);
    h->fd = openat(log->dir, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const enum err err = h->fd < 0 ? ERR_IO : heads_read(h);
    if (err != ERR_OK) {
        logheads_close(h);
        return err;
    }
    *ret = h;
    return ERR_OK;
}

void
logheads_close(struct logheads *heads)
{
    if (heads == NULL)
        return;
    if (heads->fd >= 0)
        (void)close(heads->fd);
    free(heads);
}

bool
logheads_is(const struct logheads *heads, struct span origin)
{
    return span_eq_str(origin, heads->origin);
}

bool
logheads_has(const struct logheads *heads, const struct logstore_head *head)
{
    for (size_t i = 0; i < LOGHEADS_MAX; i++)
        if (heads->heads[i].size == head->size && head->size > 0)
            return tlog_hash_eq(&heads->heads[i].root, &head->root);
    return false;
}

enum err
logheads_add(struct logheads *heads, const struct logstore_head *head)
{
    struct wire_writer w;
    struct span out;
    uint8_t record[LOGHEADS_RECORD];
    struct logstore *log = heads->log;
    TRY(log->broken);
    if (logheads_has(heads, head) || head->size == 0)
        return ERR_OK;
    wire_writer_init(&w, record, sizeof(record));
    wire_put_u64(&w, head->size);
    wire_put_bytes(&w, span_of(head->root.b, TLOG_HASH_LEN));
    wire_put_u32(&w, crc_add(&log->crc, 0, span_of(record, 40)));
    TRY(wire_writer_finish(&w, &out));
    TRY(logio_error(log->io->write(log->io->ctx, heads->fd, record, sizeof(record),
                                   (off_t)(heads->next * LOGHEADS_RECORD))));
    TRY(logstore_fail(log, logio_error(log->io->datasync(log->io->ctx, heads->fd))));
    heads->heads[heads->next] = *head;
    heads->next = (heads->next + 1) % LOGHEADS_MAX;
    return ERR_OK;
}
