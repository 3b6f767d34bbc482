/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/intake.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { INTAKE_ROOT_BYTES = LEAFTREE_HASH_BYTES };

struct intake_claim {
    uint32_t token; /* 0: free */
    uint64_t first;
    uint64_t end;
};

struct intake {
    struct seal seal;
    int body_fd;
    int groups_fd;
    uint64_t groups;
    uint64_t held;
    bool is_listed;
    uint32_t tokens; /* given out */
    uint32_t list_token;
    struct intake_claim claims[INTAKE_WRITERS_MAX];
    size_t bits_len;
    uint8_t bits[];
};

static uint64_t
intake_group_count(uint64_t plain_len)
{
    const uint64_t chunks = body_chunk_count(plain_len);
    return (chunks + BODY_GROUP_CHUNKS - 1) / BODY_GROUP_CHUNKS;
}

uint64_t
intake_list_bytes(uint64_t plain_len)
{
    return intake_group_count(plain_len) * INTAKE_ROOT_BYTES;
}

static enum err
intake_write(int fd, struct span bytes, uint64_t at)
{
    while (bytes.len > 0) {
        const ssize_t put = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && (errno == ENOSPC || errno == EDQUOT))
            return ERR_NO_SPACE;
        if (put <= 0)
            return ERR_IO;
        bytes = span_from(bytes, (size_t)put);
        at += (uint64_t)put;
    }
    return ERR_OK;
}

/* What the file does not have reads as zeros. */
static enum err
intake_read(int fd, uint8_t *buf, size_t len, uint64_t at)
{
    size_t done = 0;
    memset(buf, 0, len);
    while (done < len) {
        const ssize_t got = pread(fd, buf + done, len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            return ERR_OK;
        done += (size_t)got;
    }
    return ERR_OK;
}

static enum err
intake_check(const struct seal *seal, const uint8_t root[static 32], uint64_t body_len)
{
    if (seal->plain_len > BODY_PLAIN_MAX || memcmp(seal->root, root, sizeof(seal->root)) != 0)
        return ERR_RANGE;
    return body_bytes(seal->plain_len) == body_len ? ERR_OK : ERR_RANGE;
}

enum err
intake_new(struct span seal, const uint8_t root[static 32], uint64_t body_len, int body_fd,
           int groups_fd, struct intake **ret)
{
    struct seal parsed;
    struct intake *in = NULL;
    enum err err = seal_decode(seal, &parsed);
    if (err == ERR_OK)
        err = intake_check(&parsed, root, body_len);
    if (err == ERR_OK) {
        const uint64_t groups = intake_group_count(parsed.plain_len);
        const size_t bits_len = (size_t)((groups + 7) / 8);
        in = calloc(1, sizeof(*in) + bits_len);
        if (in != NULL) {
            in->groups = groups;
            in->bits_len = bits_len;
        }
        err = in == NULL ? ERR_NOMEM : ERR_OK;
    }
    if (err != ERR_OK) {
        (void)close(body_fd);
        (void)close(groups_fd);
        return err;
    }
    in->seal = parsed;
    in->body_fd = body_fd;
    in->groups_fd = groups_fd;
    *ret = in;
    return ERR_OK;
}

void
intake_free(struct intake *in)
{
    if (in == NULL)
        return;
    (void)close(in->body_fd);
    (void)close(in->groups_fd);
    free(in);
}

bool
intake_is_listed(const struct intake *in)
{
    return in->is_listed;
}

uint64_t
intake_groups(const struct intake *in)
{
    return in->groups;
}

uint64_t
intake_held(const struct intake *in)
{
    return in->held;
}

bool
intake_is_complete(const struct intake *in)
{
    return in->held == in->groups;
}

const uint8_t *
intake_root(const struct intake *in)
{
    return in->seal.root;
}

static bool
intake_has(const struct intake *in, uint64_t group)
{
    return (in->bits[group / 8] >> (group % 8) & 1) != 0;
}

static void
intake_count(struct intake *in)
{
    while (in->held < in->groups && intake_has(in, in->held))
        in->held++;
}

static uint64_t
intake_group_chunks(const struct intake *in, uint64_t group)
{
    const uint64_t left = in->seal.chunk_count - group * BODY_GROUP_CHUNKS;
    return left < BODY_GROUP_CHUNKS ? left : BODY_GROUP_CHUNKS;
}

/* Offset in BODY at which group begins; of the group after the last, the end of BODY. */
static uint64_t
intake_offset(const struct intake *in, uint64_t group)
{
    return group == in->groups ? body_bytes(in->seal.plain_len)
                               : body_chunk_offset(group * BODY_GROUP_CHUNKS);
}

enum err
intake_run(const struct intake *in, uint64_t first, uint64_t length, uint64_t *ret_count)
{
    if (first >= in->groups)
        return ERR_RANGE;
    for (uint64_t n = 1; n <= INTAKE_RUN_GROUPS_MAX && n <= in->groups - first; n++) {
        if (intake_offset(in, first + n) - intake_offset(in, first) == length) {
            *ret_count = n;
            return ERR_OK;
        }
    }
    return ERR_RANGE;
}

static uint32_t
intake_token(struct intake *in)
{
    in->tokens = in->tokens == UINT32_MAX ? 1 : in->tokens + 1;
    return in->tokens;
}

/* The list. */

void
intake_list_init(struct intake_list *list, struct intake *in)
{
    memset(list, 0, sizeof(*list));
    leaftree_init(&list->tree);
    list->intake = in;
    list->token = intake_token(in);
    in->list_token = list->token;
}

static enum err
intake_list_take(struct intake_list *list, struct span root)
{
    struct intake *in = list->intake;
    uint8_t group[32];
    bool is_full = false;
    if (list->at == in->groups)
        return ERR_TRAILING;
    TRY(leaftree_add(&list->tree, root.ptr, group, &is_full));
    /* A list that was proved is not written again: it can only be the same one. */
    if (!in->is_listed)
        TRY(intake_write(in->groups_fd, root, list->at * INTAKE_ROOT_BYTES));
    list->at++;
    return ERR_OK;
}

enum err
intake_list_feed(struct intake_list *list, struct span bytes)
{
    if (list->intake->list_token != list->token)
        return ERR_CANCELLED;
    while (bytes.len > 0) {
        const size_t room = sizeof(list->part) - list->part_len;
        const size_t take = bytes.len < room ? bytes.len : room;
        memcpy(list->part + list->part_len, bytes.ptr, take);
        list->part_len += take;
        bytes = span_from(bytes, take);
        if (list->part_len < sizeof(list->part))
            break;
        list->part_len = 0;
        TRY(intake_list_take(list, span_of(list->part, sizeof(list->part))));
    }
    return ERR_OK;
}

/* The bitmap behind the list: which groups this link or an earlier one made durable. */
static enum err
intake_resume(struct intake *in)
{
    TRY(intake_read(in->groups_fd, in->bits, in->bits_len, in->groups * INTAKE_ROOT_BYTES));
    if (in->groups % 8 != 0)
        in->bits[in->bits_len - 1] &= (uint8_t)((1U << (in->groups % 8)) - 1);
    in->held = 0;
    intake_count(in);
    return ERR_OK;
}

enum err
intake_list_end(struct intake_list *list)
{
    struct intake *in = list->intake;
    uint8_t root[32];
    if (in->list_token != list->token)
        return ERR_CANCELLED;
    if (list->at != in->groups || list->part_len != 0)
        return ERR_SHORT;
    TRY(leaftree_root(&list->tree, root));
    if (memcmp(root, in->seal.root, sizeof(root)) != 0)
        return ERR_PROOF;
    if (in->is_listed)
        return ERR_OK;
    TRY(intake_write(in->body_fd, span_of(in->seal.prefix, sizeof(in->seal.prefix)), 0));
    TRY(intake_resume(in));
    in->is_listed = true;
    return ERR_OK;
}

/* Runs of groups. */

enum err
intake_writer_init(struct intake_writer *w, struct intake *in, uint64_t first, uint64_t count)
{
    struct intake_claim *free_claim = NULL;
    if (!in->is_listed)
        return ERR_STATE;
    if (first >= in->groups || count == 0 || count > in->groups - first ||
        count > INTAKE_RUN_GROUPS_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < INTAKE_WRITERS_MAX; i++) {
        struct intake_claim *c = &in->claims[i];
        /* The earlier request is what a broken connection left behind, or its sender's mistake. */
        if (c->token != 0 && c->first < first + count && first < c->end)
            c->token = 0;
        if (c->token == 0 && free_claim == NULL)
            free_claim = c;
    }
    if (free_claim == NULL)
        return ERR_FULL;
    *free_claim = (struct intake_claim){intake_token(in), first, first + count};
    w->intake = in;
    w->token = free_claim->token;
    w->first = first;
    w->end = first + count;
    w->group = first;
    w->chunk = 0;
    w->fresh = 0;
    w->fill = 0;
    leaftree_init(&w->tree);
    return ERR_OK;
}

static struct intake_claim *
intake_writer_claim(const struct intake_writer *w)
{
    for (size_t i = 0; i < INTAKE_WRITERS_MAX; i++) {
        if (w->token != 0 && w->intake->claims[i].token == w->token)
            return &w->intake->claims[i];
    }
    return NULL;
}

/* Bytes of the batch under way: up to 16 chunks, never across a group's end. */
static size_t
intake_writer_want(const struct intake_writer *w, size_t *ret_chunks)
{
    const struct intake *in = w->intake;
    const uint64_t left = intake_group_chunks(in, w->group) - w->chunk;
    const size_t chunks = left < LEAFHASH_LANES ? (size_t)left : LEAFHASH_LANES;
    const uint64_t from = w->group * BODY_GROUP_CHUNKS + w->chunk;
    const uint64_t to = from + chunks;
    const uint64_t end =
        to == in->seal.chunk_count ? body_bytes(in->seal.plain_len) : body_chunk_offset(to);
    *ret_chunks = chunks;
    return (size_t)(end - body_chunk_offset(from));
}

static enum err
intake_writer_batch(struct intake_writer *w, size_t chunks)
{
    struct intake *in = w->intake;
    const uint64_t at = w->group * BODY_GROUP_CHUNKS + w->chunk;
    struct span leaves[LEAFHASH_LANES];
    uint8_t hashes[LEAFHASH_LANES][32];
    for (size_t i = 0; i < chunks; i++) {
        size_t len = 0;
        TRY(body_chunk_sealed_len(in->seal.plain_len, at + i, &len));
        leaves[i] = span_of(w->buf + i * BODY_SEALED_BYTES, len);
    }
    TRY(leafhash_many(leafhash_best(), leaves, chunks, hashes));
    for (size_t i = 0; i < chunks; i++) {
        uint8_t group[32];
        bool is_full = false;
        TRY(leaftree_add(&w->tree, hashes[i], group, &is_full));
    }
    if (!intake_has(in, w->group))
        TRY(intake_write(in->body_fd, span_of(w->buf, w->fill), body_chunk_offset(at)));
    w->chunk += chunks;
    w->fill = 0;
    return ERR_OK;
}

static enum err
intake_writer_group(struct intake_writer *w)
{
    struct intake *in = w->intake;
    uint8_t want[32];
    uint8_t have[32];
    TRY(intake_read(in->groups_fd, want, sizeof(want), w->group * INTAKE_ROOT_BYTES));
    TRY(leaftree_root(&w->tree, have));
    if (memcmp(want, have, sizeof(have)) != 0)
        return ERR_AUTH;
    if (!intake_has(in, w->group))
        w->fresh |= UINT64_C(1) << (w->group - w->first);
    w->group++;
    w->chunk = 0;
    leaftree_init(&w->tree);
    return ERR_OK;
}

enum err
intake_writer_feed(struct intake_writer *w, struct span bytes)
{
    if (intake_writer_claim(w) == NULL)
        return ERR_CANCELLED;
    while (bytes.len > 0) {
        size_t chunks = 0;
        if (w->group == w->end)
            return ERR_TRAILING;
        const size_t want = intake_writer_want(w, &chunks);
        const size_t room = want - w->fill;
        const size_t take = bytes.len < room ? bytes.len : room;
        memcpy(w->buf + w->fill, bytes.ptr, take);
        w->fill += take;
        bytes = span_from(bytes, take);
        if (w->fill < want)
            break;
        TRY(intake_writer_batch(w, chunks));
        if (w->chunk == intake_group_chunks(w->intake, w->group))
            TRY(intake_writer_group(w));
    }
    return ERR_OK;
}

/* Bits follow the bytes they vouch for: body first, then the bitmap. */
static enum err
intake_writer_mark(struct intake_writer *w)
{
    struct intake *in = w->intake;
    if (fdatasync(in->body_fd) != 0)
        return ERR_IO;
    for (uint64_t g = w->first; g < w->end; g++) {
        if ((w->fresh >> (g - w->first) & 1) != 0)
            in->bits[g / 8] |= (uint8_t)(1U << (g % 8));
    }
    const size_t from = (size_t)(w->first / 8);
    const size_t to = (size_t)((w->end - 1) / 8) + 1;
    TRY(intake_write(in->groups_fd, span_of(in->bits + from, to - from),
                     in->groups * INTAKE_ROOT_BYTES + from));
    if (fdatasync(in->groups_fd) != 0)
        return ERR_IO;
    intake_count(in);
    return ERR_OK;
}

enum err
intake_writer_end(struct intake_writer *w)
{
    if (intake_writer_claim(w) == NULL)
        return ERR_CANCELLED;
    if (w->group != w->end || w->fill != 0)
        return ERR_SHORT;
    if (w->fresh != 0)
        TRY(intake_writer_mark(w));
    intake_writer_finish(w);
    return ERR_OK;
}

void
intake_writer_finish(struct intake_writer *w)
{
    struct intake_claim *c = intake_writer_claim(w);
    if (c != NULL)
        c->token = 0;
    w->token = 0;
}
