/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logwitness.h"

#include <stdio.h>

#include "crypto/digest.h"
#include "gateway/ledger/logstore_priv.h"
#include "schemas/text.h"

enum { WITNESS_PATH_MAX = 8 + 64 + 11 + 1 };

static enum err
path_of(struct span origin, char out[static WITNESS_PATH_MAX])
{
    uint8_t hash[32];
    char hex[65];
    TRY(digest_sha256(origin, hash));
    TRY(text_hex(span_of(hash, sizeof(hash)), hex, sizeof(hex)));
    (void)snprintf(out, WITNESS_PATH_MAX, "witness/%s/checkpoint", hex);
    return ERR_OK;
}

enum err
logwitness_load(struct logstore *log, const char *path, char *out, size_t cap, size_t *ret_len)
{
    TRY(log->broken);
    if (cap < 1)
        return ERR_FULL;
    const enum err err = logio_load(log->dir, path, (uint8_t *)out, cap - 1, ret_len);
    if (err == ERR_OK)
        out[*ret_len] = '\0';
    return err == ERR_TOO_LARGE ? ERR_FULL : err;
}

enum err
logwitness_save(struct logstore *log, const char *path, struct span bytes)
{
    TRY(log->broken);
    return logstore_fail(log, logio_replace(log->io, log->dir, path, bytes));
}

enum err
logwitness_read(struct logstore *log, struct span origin, char *out, size_t cap, size_t *ret_len)
{
    char path[WITNESS_PATH_MAX];
    TRY(path_of(origin, path));
    return logwitness_load(log, path, out, cap, ret_len);
}

enum err
logwitness_head(struct logstore *log, struct span origin, struct logstore_head *ret)
{
    struct note note;
    struct checkpoint c;
    size_t len = 0;
    char *text = (char *)log->window;
    const enum err err = logwitness_read(log, origin, text, LOGWITNESS_NOTE_MAX + 1, &len);
    if (err == ERR_NOT_FOUND) {
        ret->size = 0;
        return tlog_empty_root(&ret->root);
    }
    TRY(err);
    /* A file that we wrote and cannot read is damage, not a fresh start: signing on would allow a
     * fork. */
    if (note_parse(span_of(text, len), &note) != ERR_OK ||
        checkpoint_parse(note.text, &c) != ERR_OK || !span_eq(c.origin, origin))
        return ERR_IO;
    ret->size = c.size;
    ret->root = c.root;
    return ERR_OK;
}

enum err
logwitness_check(struct logstore *log, const struct note_key *key, struct span note,
                 uint64_t old_size, const struct tlog_proof *proof, struct logstore_head *ret)
{
    struct note parsed;
    struct note_signers by;
    struct checkpoint c;
    struct logstore_head stored;
    TRY(checkpoint_open(note, key, 1, &parsed, &by, &c));
    if (old_size > c.size)
        return ERR_RANGE;
    TRY(logwitness_head(log, c.origin, &stored));
    if (old_size != stored.size)
        return ERR_STATE;
    TRY(tlog_check_consistency(stored.size, &stored.root, c.size, &c.root, proof->hash,
                               proof->count));
    ret->size = c.size;
    ret->root = c.root;
    return ERR_OK;
}

enum err
logwitness_store(struct logstore *log, const struct note_key *key, struct span note)
{
    char path[WITNESS_PATH_MAX];
    struct note parsed;
    struct note_signers by;
    struct checkpoint c;
    struct logstore_head stored;
    TRY(log->broken);
    if (note.len > LOGWITNESS_NOTE_MAX)
        return ERR_TOO_LARGE;
    TRY(checkpoint_open(note, key, 1, &parsed, &by, &c));
    TRY(logwitness_head(log, c.origin, &stored));
    if (c.size < stored.size || (c.size == stored.size && !tlog_hash_eq(&c.root, &stored.root)))
        return ERR_STATE;
    TRY(path_of(c.origin, path));
    return logstore_fail(log, logio_replace(log->io, log->dir, path, note));
}
