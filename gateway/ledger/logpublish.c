/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logpublish.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cosign.h"
#include "crypto/proof.h"
#include "crypto/sign.h"
#include "gateway/ledger/logsettle.h"
#include "gateway/ledger/logstore_priv.h"

enum err
logpublish_ask(struct logstore *log, struct logpublish_ask *ret)
{
    struct logpublish_ask ask = {.old = log->published};
    TRY(log->broken);
    if (log->quarantined)
        return ERR_QUARANTINE;
    if (log->has_checkpoint && log->published.size == log->edge.size)
        return ERR_AGAIN;
    logstore_head(log, &ask.head);
    TRY(logstore_consistency(log, ask.old.size, ask.head.size, &ask.proof));
    TRY(checkpoint_text(span_str(log->config.key.name), ask.head.size, &ask.head.root, ask.text,
                        &ask.text_len));
    *ret = ask;
    return ERR_OK;
}

/* The partial tiles and the partial bundle of a tree of size leaves. */
static enum err
write_partials(struct logstore *log, uint64_t size)
{
    uint8_t bytes[TILE_BYTES];
    struct tile tile;
    struct span bundle;
    for (int level = 0; level < LOGTILES_LEVELS && tile_nodes(level, size) > 0; level++) {
        /* A tile that has become full since has its full file. */
        const uint64_t first = tile_nodes(level, size) / TILE_WIDTH;
        if (first < log->tiles.level[level].first)
            continue;
        TRY(logtiles_partial(&log->tiles, level, size, bytes, &tile));
        if (tile.width == 0)
            continue;
        TRY(logsettle_tile(log, &tile, span_of(bytes, (size_t)tile.width * TLOG_HASH_LEN)));
        if (level > 0)
            continue;
        tile.level = TILE_ENTRIES;
        TRY(logsettle_bundle(log, tile.index * TILE_WIDTH, tile.width, &bundle));
        TRY(logsettle_tile(log, &tile, bundle));
    }
    return ERR_OK;
}

enum err
logpublish_checkpoint(struct logstore *log, uint64_t size, const uint8_t sig[64])
{
    struct logstore_head head = {.size = size};
    char text[CHECKPOINT_TEXT_MAX];
    char line[NOTE_LINE_MAX];
    char note[CHECKPOINT_MAX];
    size_t text_len = 0;
    size_t len = 0;
    TRY(log->broken);
    if (log->quarantined)
        return ERR_QUARANTINE;
    if (log->has_checkpoint && size < log->published.size)
        return ERR_STATE;
    TRY(logstore_root(log, size, &head.root));
    TRY(checkpoint_text(span_str(log->config.key.name), size, &head.root, text, &text_len));
    TRY(sign_ed25519_verify(log->config.key.pub, span_of(text, text_len), span_of(sig, 64)));
    TRY(note_line(&log->config.key, span_of(sig, 64), line, &len));
    TRY(note_join(span_of(text, text_len), span_of(line, len), note, sizeof(note), &len));
    if (log->has_checkpoint && size == log->published.size)
        return ERR_OK;
    TRY(logsettle_run(log));
    TRY(write_partials(log, size));
    TRY(logstore_fail(log, logio_replace(log->io, log->dir, "checkpoint", span_of(note, len))));
    log->published = head;
    log->has_checkpoint = true;
    return ERR_OK;
}

enum err
logpublish_read(struct logstore *log, char *out, size_t cap, size_t *ret_len)
{
    TRY(log->broken);
    if (cap < 1)
        return ERR_FULL;
    const enum err err = logio_load(log->dir, "checkpoint", (uint8_t *)out, cap - 1, ret_len);
    if (err == ERR_OK)
        out[*ret_len] = '\0';
    return err == ERR_TOO_LARGE ? ERR_FULL : err;
}

void
logpublish_head(const struct logstore *log, struct logstore_head *ret)
{
    *ret = log->published;
}

/* The lines of note but for those of key, then line. */
static enum err
merge_lines(struct span input, const struct note *note, const struct note_key *key,
            struct span line, char *out, size_t cap, size_t *ret_len)
{
    size_t len = 0;
    const uint8_t *end = input.ptr + input.len;
    const uint8_t *at = input.ptr + note->text.len + 1;
    for (size_t i = 0; i < note->sig_count; i++) {
        const struct note_sig *sig = &note->sig[i];
        const uint8_t *stop = sig->base64.ptr + sig->base64.len + 1;
        const size_t n = (size_t)(stop - at);
        assert(stop <= end);
        if (!note_sig_names(sig, key)) {
            if (n > cap - len)
                return ERR_FULL;
            memcpy(out + len, at, n);
            len += n;
        }
        at = stop;
    }
    if (line.len > cap - len)
        return ERR_FULL;
    memcpy(out + len, line.ptr, line.len);
    *ret_len = len + line.len;
    return ERR_OK;
}

enum err
logpublish_cosignature(struct logstore *log, const struct note_key *key, struct span line)
{
    char old[CHECKPOINT_MAX];
    char lines[CHECKPOINT_MAX];
    char joined[CHECKPOINT_MAX];
    struct note note;
    struct note_signers by;
    size_t old_len = 0;
    size_t len = 0;
    if (key->type != NOTE_COSIGNATURE)
        return ERR_TYPE;
    if (!log->has_checkpoint)
        return ERR_STATE;
    TRY(logpublish_read(log, old, sizeof(old), &old_len));
    TRY(note_parse(span_of(old, old_len), &note));
    TRY(merge_lines(span_of(old, old_len), &note, key, line, lines, sizeof(lines), &len));
    TRY(note_join(note.text, span_of(lines, len), joined, sizeof(joined), &len));
    TRY(note_parse(span_of(joined, len), &note));
    const enum err err = note_verify(&note, key, 1, &by);
    if (err == ERR_KEY_UNKNOWN)
        return ERR_SIGNATURE;
    TRY(err);
    return logstore_fail(log, logio_replace(log->io, log->dir, "checkpoint", span_of(joined, len)));
}

enum err
logpublish_proof(struct logstore *log, uint64_t index, char *out, size_t cap, size_t *ret_len)
{
    char note[CHECKPOINT_MAX];
    struct tlog_proof proof;
    size_t len = 0;
    TRY(logpublish_read(log, note, sizeof(note), &len));
    TRY(logstore_inclusion(log, index, log->published.size, &proof));
    return proof_write(index, &proof, span_of(note, len), out, cap, ret_len);
}

enum err
logpublish_open(const struct logstore *log, struct span path, int *ret_fd, uint64_t *ret_bytes)
{
    char name[TILE_PATH_MAX];
    struct stat st;
    TRY(log->broken);
    if (path.len >= sizeof(name))
        return ERR_RANGE;
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    const int fd = openat(log->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_SYS;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return ERR_NOT_FOUND;
    }
    *ret_fd = fd;
    *ret_bytes = (uint64_t)st.st_size;
    return ERR_OK;
}
