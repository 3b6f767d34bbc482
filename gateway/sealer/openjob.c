/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sealer/openjob.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"

struct openjob {
    struct body_opener opener;
    struct leaftree tree;
    int body_fd;
    bool inspect;
    bool failed;
    bool through;
    uint64_t chunks;
    uint64_t next;  /* chunk to open */
    uint64_t first; /* plaintext offsets, last included; nothing when the body is empty */
    uint64_t last;
    bool is_empty;
    uint8_t root[32];
    uint8_t sealed[BODY_SEALED_BYTES];
};

enum err
openjob_new(const struct p_open_key *key, int body_fd, uint64_t first, uint64_t last,
            struct openjob **ret)
{
    struct openjob *job = calloc(1, sizeof(*job));
    enum suite suite;
    struct secret32 dek SECRET32_CLEAN;
    if (job == NULL) {
        (void)close(body_fd);
        return ERR_NOMEM;
    }
    job->body_fd = body_fd;
    job->inspect = key->purpose == OPEN_INSPECT;
    job->chunks = key->chunks;
    memcpy(job->root, key->root, sizeof(job->root));
    memcpy(dek.bytes, key->dek, sizeof(dek.bytes));
    leaftree_init(&job->tree);
    enum err err = suite_from_u8(key->suite, &suite);
    if (err == ERR_OK && key->salt_commit.len != BODY_PREFIX_BYTES)
        err = ERR_RANGE;
    if (err == ERR_OK && !job->inspect && first > 0 && first >= key->plaintext_len)
        err = ERR_RANGE;
    if (err == ERR_OK)
        err = body_opener_init(&job->opener, suite, &dek, key->salt_commit.ptr, key->offer_hash,
                               key->plaintext_len);
    if (err != ERR_OK) {
        openjob_free(job);
        return err;
    }
    job->is_empty = key->plaintext_len == 0;
    job->first = job->inspect ? 0 : first;
    job->last = key->plaintext_len == 0 ? 0 : key->plaintext_len - 1;
    if (!job->inspect && last < job->last)
        job->last = last;
    job->next = job->first / BODY_CHUNK_BYTES;
    *ret = job;
    return ERR_OK;
}

void
openjob_free(struct openjob *job)
{
    if (job == NULL)
        return;
    body_opener_finish(&job->opener);
    (void)close(job->body_fd);
    free(job);
}

static enum err
openjob_pread(int fd, uint8_t *out, size_t len, uint64_t at)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pread(fd, out + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return ERR_SHORT;
        done += (size_t)n;
    }
    return ERR_OK;
}

/* Opens the next chunk to out; its bytes outside [first, last] are cut off. */
static enum err
openjob_chunk(struct openjob *job, uint8_t *out, size_t *ret_len)
{
    size_t sealed_len = 0;
    size_t len = 0;
    TRY(body_chunk_sealed_len(job->opener.plain_len, job->next, &sealed_len));
    TRY(openjob_pread(job->body_fd, job->sealed, sealed_len, body_chunk_offset(job->next)));
    const struct span sealed = span_of(job->sealed, sealed_len);
    if (job->inspect) {
        uint8_t leaf[32];
        uint8_t group[32];
        bool full = false;
        TRY(digest_leaf(sealed, leaf));
        TRY(leaftree_add(&job->tree, leaf, group, &full));
    }
    TRY(body_open_chunk(&job->opener, job->next, sealed, NULL, out, BODY_CHUNK_BYTES, &len));
    const uint64_t at = job->next * BODY_CHUNK_BYTES;
    job->next++;
    const size_t skip = job->first > at ? (size_t)(job->first - at) : 0;
    const uint64_t end = at + len;
    const size_t cut = !job->is_empty && end > job->last + 1 ? (size_t)(end - job->last - 1) : 0;
    assert(skip + cut <= len);
    if (skip > 0)
        memmove(out, out + skip, len - skip - cut);
    *ret_len = len - skip - cut;
    return ERR_OK;
}

static bool
openjob_is_through(const struct openjob *job)
{
    if (job->next >= job->chunks)
        return true;
    return !job->inspect && (job->is_empty || job->next * BODY_CHUNK_BYTES > job->last);
}

static enum err
openjob_pieces(struct openjob *job, uint8_t *out, size_t *ret_len)
{
    size_t total = 0;
    while (!openjob_is_through(job) && total + BODY_CHUNK_BYTES <= OPENJOB_PIECE_BYTES) {
        size_t len = 0;
        TRY(openjob_chunk(job, out + total, &len));
        total += len;
    }
    *ret_len = total;
    return ERR_OK;
}

enum err
openjob_next(struct openjob *job, uint8_t *out, size_t *ret_len)
{
    if (job->failed || job->through)
        return ERR_STATE;
    size_t len = 0;
    enum err err = openjob_pieces(job, out, &len);
    if (err == ERR_OK && len == 0) {
        job->through = true;
        if (job->inspect) {
            uint8_t root[32];
            err = leaftree_root(&job->tree, root);
            if (err == ERR_OK && !span_eq(span_of(root, 32), span_of(job->root, 32)))
                err = ERR_AUTH;
        }
    }
    if (err != ERR_OK) {
        job->failed = true;
        key_wipe(out, OPENJOB_PIECE_BYTES);
        return err;
    }
    *ret_len = len;
    return ERR_OK;
}

void
openjob_root(const struct openjob *job, uint8_t ret_root[static 32])
{
    assert(job->through);
    memcpy(ret_root, job->root, 32);
}
