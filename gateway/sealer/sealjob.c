/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sealer/sealjob.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"

struct sealjob {
    struct body_sealer sealer;
    struct leaftree tree;
    enum suite suite;
    uint8_t offer_hash[32];
    int body_fd;
    int groups_fd;
    bool failed;
    uint64_t groups;
    size_t partial_len;
    uint8_t partial[BODY_CHUNK_BYTES];
};

static enum err
sealjob_pwrite(int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pwrite(fd, bytes + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_NO_SPACE : ERR_IO;
        done += (size_t)n;
    }
    return ERR_OK;
}

enum err
sealjob_new(enum suite suite, const struct secret32 *dek, const uint8_t salt[static 24],
            const uint8_t offer_hash[static 32], int body_fd, int groups_fd, struct sealjob **ret)
{
    struct sealjob *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        (void)close(body_fd);
        (void)close(groups_fd);
        return ERR_NOMEM;
    }
    job->suite = suite;
    job->body_fd = body_fd;
    job->groups_fd = groups_fd;
    memcpy(job->offer_hash, offer_hash, sizeof(job->offer_hash));
    leaftree_init(&job->tree);
    enum err err = body_sealer_init(&job->sealer, suite, dek, salt, offer_hash);
    if (err == ERR_OK)
        err = sealjob_pwrite(body_fd, job->sealer.prefix, sizeof(job->sealer.prefix), 0);
    if (err != ERR_OK) {
        sealjob_free(job);
        return err;
    }
    *ret = job;
    return ERR_OK;
}

void
sealjob_free(struct sealjob *job)
{
    if (job == NULL)
        return;
    body_sealer_finish(&job->sealer);
    (void)close(job->body_fd);
    (void)close(job->groups_fd);
    key_wipe(job->partial, sizeof(job->partial));
    free(job);
}

static enum err
sealjob_group(struct sealjob *job, const uint8_t root[static 32])
{
    return sealjob_pwrite(job->groups_fd, root, 32, job->groups++ * 32);
}

/* Seals one chunk to the end of out[*len] and takes its leaf into the tree. */
static enum err
sealjob_chunk(struct sealjob *job, struct span plain, uint8_t *out, size_t *len)
{
    uint8_t leaf[32];
    uint8_t group[32];
    bool full = false;
    TRY(body_seal_chunk(&job->sealer, plain, out + *len, SEALJOB_OUT_BYTES - *len));
    TRY(digest_leaf(span_of(out + *len, plain.len + BODY_TAG_BYTES), leaf));
    *len += plain.len + BODY_TAG_BYTES;
    TRY(leaftree_add(&job->tree, leaf, group, &full));
    return full ? sealjob_group(job, group) : ERR_OK;
}

/* Whole chunks of plain, one write for as many as out holds. *plain is moved past them. */
static enum err
sealjob_batch(struct sealjob *job, struct span *plain, struct sealjob_out *out)
{
    const uint64_t at = body_chunk_offset(job->sealer.next);
    size_t len = 0;
    while (plain->len >= BODY_CHUNK_BYTES && len + BODY_SEALED_BYTES <= SEALJOB_OUT_BYTES) {
        TRY(sealjob_chunk(job, span_of(plain->ptr, BODY_CHUNK_BYTES), out->bytes, &len));
        *plain = span_from(*plain, BODY_CHUNK_BYTES);
    }
    return sealjob_pwrite(job->body_fd, out->bytes, len, at);
}

static enum err
sealjob_take(struct sealjob *job, struct span plain, struct sealjob_out *out)
{
    assert(job->partial_len < BODY_CHUNK_BYTES);
    if (job->partial_len > 0) {
        const size_t room = BODY_CHUNK_BYTES - job->partial_len;
        const size_t take = plain.len < room ? plain.len : room;
        memcpy(job->partial + job->partial_len, plain.ptr, take);
        job->partial_len += take;
        plain = span_from(plain, take);
        if (job->partial_len < BODY_CHUNK_BYTES)
            return ERR_OK;
        struct span whole = span_of(job->partial, BODY_CHUNK_BYTES);
        TRY(sealjob_batch(job, &whole, out));
        job->partial_len = 0;
    }
    while (plain.len >= BODY_CHUNK_BYTES)
        TRY(sealjob_batch(job, &plain, out));
    if (plain.len > 0)
        memcpy(job->partial, plain.ptr, plain.len);
    job->partial_len = plain.len;
    return ERR_OK;
}

enum err
sealjob_feed(struct sealjob *job, struct span plain, struct sealjob_out *out)
{
    if (job->failed || job->sealer.done)
        return ERR_STATE;
    if (plain.len == 0)
        return ERR_OK;
    const enum err err = sealjob_take(job, plain, out);
    job->failed = err != ERR_OK;
    return err;
}

static enum err
sealjob_finish(struct sealjob *job, struct sealjob_out *out, struct p_sealed *ret)
{
    uint8_t group[32];
    size_t len = 0;
    const uint64_t at = body_chunk_offset(job->sealer.next);
    struct p_sealed sealed = {.suite = (uint8_t)job->suite};
    TRY(sealjob_chunk(job, span_of(job->partial, job->partial_len), out->bytes, &len));
    TRY(sealjob_pwrite(job->body_fd, out->bytes, len, at));
    const enum err last = leaftree_last_group(&job->tree, group);
    if (last == ERR_OK)
        TRY(sealjob_group(job, group));
    else if (last != ERR_NOT_FOUND)
        return last;
    TRY(leaftree_root(&job->tree, sealed.root));
    if (fdatasync(job->body_fd) != 0 || fdatasync(job->groups_fd) != 0)
        return ERR_IO;
    memcpy(sealed.offer_hash, job->offer_hash, sizeof(sealed.offer_hash));
    sealed.salt_commit = span_of(job->sealer.prefix, sizeof(job->sealer.prefix));
    sealed.chunks = job->sealer.next;
    sealed.plaintext_len = job->sealer.plain_len;
    *ret = sealed;
    return ERR_OK;
}

enum err
sealjob_end(struct sealjob *job, struct sealjob_out *out, struct p_sealed *ret)
{
    if (job->failed || job->sealer.done)
        return ERR_STATE;
    const enum err err = sealjob_finish(job, out, ret);
    job->failed = err != ERR_OK;
    return err;
}
