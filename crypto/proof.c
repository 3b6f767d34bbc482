/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/proof.h"

#include <inttypes.h>
#include <stdio.h>

#include "schemas/text.h"
#include "schemas/wire.h"

#define PROOF_MAGIC "c2sp.org/tlog-proof@v1"

static enum err
proof_line(struct span *s, struct span *ret)
{
    const uint8_t *end = s->len == 0 ? NULL : memchr(s->ptr, '\n', s->len);
    if (end == NULL)
        return ERR_SYNTAX;
    *ret = span_of(s->ptr, (size_t)(end - s->ptr));
    *s = span_from(*s, ret->len + 1);
    return ERR_OK;
}

static enum err
proof_hash(struct span line, struct tlog_hash *ret)
{
    uint8_t raw[TLOG_HASH_LEN + 3];
    size_t len = 0;
    if (line.len != 44)
        return ERR_SYNTAX;
    TRY(text_unbase64(line, false, raw, sizeof(raw), &len));
    if (len != TLOG_HASH_LEN)
        return ERR_SYNTAX;
    memcpy(ret->b, raw, TLOG_HASH_LEN);
    return ERR_OK;
}

enum err
proof_parse(struct span input, struct proof *ret)
{
    struct span rest = input;
    struct span line;
    struct proof p = {.index = 0};
    if (input.len > PROOF_BYTES_MAX)
        return ERR_TOO_LARGE;
    TRY(proof_line(&rest, &line));
    if (!span_eq_str(line, PROOF_MAGIC))
        return ERR_VERSION;
    TRY(proof_line(&rest, &line));
    if (span_starts(line, SPAN_LIT("extra "))) {
        p.extra = span_from(line, 6);
        TRY(proof_line(&rest, &line));
    }
    if (!span_starts(line, SPAN_LIT("index ")))
        return ERR_SYNTAX;
    TRY(text_parse_u64(span_from(line, 6), TLOG_SIZE_MAX, &p.index));
    TRY(proof_line(&rest, &line));
    while (!span_is_empty(line)) {
        if (p.path.count == TLOG_PROOF_MAX)
            return ERR_FULL;
        TRY(proof_hash(line, &p.path.hash[p.path.count]));
        p.path.count++;
        TRY(proof_line(&rest, &line));
    }
    if (span_is_empty(rest))
        return ERR_SYNTAX;
    p.checkpoint = rest;
    *ret = p;
    return ERR_OK;
}

enum err
proof_write(uint64_t index, const struct tlog_proof *path, struct span checkpoint, char *out,
            size_t cap, size_t *ret_len)
{
    char line[64];
    size_t len = 0;
    struct wire_writer w;
    struct span written;
    wire_writer_init(&w, (uint8_t *)out, cap);
    const int n = snprintf(line, sizeof(line), PROOF_MAGIC "\nindex %" PRIu64 "\n", index);
    wire_put_bytes(&w, span_of(line, (size_t)n));
    for (size_t i = 0; i < path->count; i++) {
        TRY(text_base64(span_of(path->hash[i].b, TLOG_HASH_LEN), false, line, sizeof(line), &len));
        wire_put_bytes(&w, span_of(line, len));
        wire_put_u8(&w, '\n');
    }
    wire_put_u8(&w, '\n');
    wire_put_bytes(&w, checkpoint);
    wire_put_u8(&w, '\0');
    TRY(wire_writer_finish(&w, &written));
    *ret_len = written.len - 1;
    return ERR_OK;
}

enum err
proof_verify(struct span input, const struct tlog_hash *leaf, const struct note_key *keys,
             size_t key_count, struct proof *ret, struct note_signers *ret_signers,
             struct checkpoint *ret_checkpoint)
{
    struct proof p;
    struct note note;
    struct note_signers signers;
    struct checkpoint c;
    TRY(proof_parse(input, &p));
    TRY(checkpoint_open(p.checkpoint, keys, key_count, &note, &signers, &c));
    TRY(tlog_check_inclusion(leaf, p.index, c.size, &c.root, p.path.hash, p.path.count));
    *ret = p;
    *ret_signers = signers;
    *ret_checkpoint = c;
    return ERR_OK;
}
