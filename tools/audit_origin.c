/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "policy/succession.h"
#include "tools/audit_walk.h"

static void
fail(struct audit_log *log, const char *name, int64_t index, const char *code, const char *detail)
{
    char file[AUDIT_PATH_MAX];
    (void)snprintf(file, sizeof(file), "%s/%s", log->path, name);
    audit_report_fail(log->report, file, index, code, detail);
}

/* The next free place; more than a run can hold is said, never left out. */
static struct audit_origin *
origin_new(struct audit_log *log, struct audit_origin *list, size_t *count)
{
    if (*count == AUDIT_ORIGIN_MAX) {
        fail(log, "", AUDIT_NO_INDEX, "predecessor", error_text(ERR_FULL));
        return NULL;
    }
    list[*count] = (struct audit_origin){.size = 0};
    return &list[(*count)++];
}

static void
origin_name(char out[static NOTE_NAME_MAX + 1], struct span name)
{
    (void)snprintf(out, NOTE_NAME_MAX + 1, "%.*s", (int)name.len, (const char *)name.ptr);
}

/* The zone whose log that is, when pinned. */
static struct span
origin_zone(const struct audit_keys *keys, struct span origin)
{
    for (size_t i = 0; keys->pinned && i < keys->count; i++)
        if (keys->key[i].type == NOTE_ED25519 && span_eq_str(origin, keys->key[i].name))
            return keys->trust.zones[keys->zone[i]].name;
    return (struct span){NULL, 0};
}

/* The note says what the genesis says, and counts. */
static void
origin_note(struct audit_log *log, const struct audit_keys *keys, struct span bytes,
            const struct audit_origin *before)
{
    struct succession_scratch *scratch = calloc(1, sizeof(*scratch));
    struct succession_old old;
    struct fault fault = {.code = ERR_OK};
    struct succession s;
    struct checkpoint c;
    struct note note;
    struct note inner;
    enum err err = scratch == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = succession_read(bytes, scratch, &s, &note, &fault);
    if (err == ERR_OK && keys->pinned)
        err = succession_check(&s, &note, &keys->trust, origin_zone(keys, log->origin), log->origin,
                               &old, &fault);
    if (err != ERR_OK)
        fail(log, "succession", 0, "succession", fault.code == err ? fault.where : error_text(err));
    else if (note_parse(s.checkpoint, &inner) != ERR_OK ||
             checkpoint_parse(inner.text, &c) != ERR_OK || !span_eq(s.origin, log->origin) ||
             !span_eq_str(s.previous, before->name) || !span_eq_str(c.origin, before->name) ||
             c.size != before->size || !tlog_hash_eq(&c.root, &before->root))
        fail(log, "succession", 0, "succession", "the genesis names another log or checkpoint");
    free(scratch);
}

/* The genesis names a log before: its note must be there and be the one it rests on. */
static void
origin_before(struct audit_log *log, const struct audit_keys *keys, const struct entry *genesis,
              const struct entry_place *place)
{
    struct audit_origins *all = log->origins;
    struct audit_origin *before = origin_new(log, all->before, &all->before_count);
    static uint8_t bytes[SUCCESSION_NOTE_MAX];
    uint8_t want[32];
    uint8_t have[32];
    size_t len = 0;
    if (before == NULL)
        return;
    origin_name(before->name, place->origin);
    origin_name(before->next, log->origin);
    before->size = place->index;
    memcpy(before->root.b, place->leaf, sizeof(before->root.b));
    enum err err = entry_get_hash(genesis, "note", want);
    if (err == ERR_OK)
        err = audit_log_load(log->path, "succession", bytes, sizeof(bytes), &len);
    if (err == ERR_OK)
        err = digest_sha256(span_of(bytes, len), have);
    if (err == ERR_OK && memcmp(want, have, sizeof(have)) != 0)
        err = ERR_CONFLICT;
    if (err != ERR_OK)
        fail(log, "succession", 0, "succession",
             err == ERR_CONFLICT ? "it is not the note that the genesis names" : error_text(err));
    else
        origin_note(log, keys, span_of(bytes, len), before);
}

void
audit_origin_log(struct audit_log *log, const struct audit_keys *keys)
{
    struct audit_origins *all = log->origins;
    struct entry_place place;
    struct entry entry;
    struct span bundle;
    struct span leaf;
    struct tile tile;
    char name[TILE_PATH_MAX];
    size_t at = 0;
    struct audit_origin *mine = origin_new(log, all->logs, &all->log_count);
    if (mine == NULL)
        return;
    (void)snprintf(mine->path, sizeof(mine->path), "%s", log->path);
    origin_name(mine->name, log->origin);
    mine->size = log->size;
    mine->root = log->root;
    /* What cannot be read here was named by the walk. */
    if (log->size == 0 || tile_for_node(TILE_ENTRIES, 0, log->size, &tile) != ERR_OK ||
        audit_log_tile(log, tile, log->bundle, &bundle, name) != ERR_OK ||
        tile_entry_next(bundle, &at, &leaf) != ERR_OK ||
        entry_read(leaf, false, &log->scratch, &entry, NULL) != ERR_OK ||
        entry.kind != ENTRY_GENESIS || entry_get_place(&entry, "prev", &place) != ERR_OK)
        return;
    origin_before(log, keys, &entry, &place);
}

void
audit_origin_witness(struct audit_log *log, const char *file, const struct checkpoint *c)
{
    struct audit_origins *all = log->origins;
    struct audit_origin *seen = origin_new(log, all->witnesses, &all->witness_count);
    if (seen == NULL)
        return;
    (void)snprintf(seen->path, sizeof(seen->path), "%.2000s/%.500s", log->path, file);
    origin_name(seen->name, c->origin);
    seen->size = c->size;
    seen->root = c->root;
}

/* -- all of them together ----------------------------------------------------------------------*/

struct origin_walk {
    const struct audit_origin *before;
    struct tlog_edge edge;
};

static enum err
origin_leaf(void *ctx, uint64_t index, struct span leaf, const struct entry *entry)
{
    struct origin_walk *w = ctx;
    struct tlog_hash hash;
    (void)entry;
    if (index >= w->before->size)
        return ERR_CANCELLED;
    TRY(tlog_leaf_hash(leaf, &hash));
    return tlog_edge_append(&w->edge, &hash, NULL, NULL);
}

/* The old folder must hold all that the genesis names, with that root. */
static void
origin_folder(struct audit_log *log, struct audit_origin *before, const struct audit_origin *old)
{
    struct origin_walk w = {.before = before};
    struct tlog_hash root;
    char detail[2 * NOTE_NAME_MAX + 160];
    log->path = old->path;
    if (old->size < before->size) {
        (void)snprintf(detail, sizeof(detail),
                       "it holds %" PRIu64 " of the %" PRIu64 " entries that %s follows", old->size,
                       before->size, before->next);
        fail(log, "checkpoint", AUDIT_NO_INDEX, "predecessor", detail);
        return;
    }
    tlog_edge_init(&w.edge);
    enum err err = audit_walk(log, old->path, origin_leaf, &w);
    if (err == ERR_OK || err == ERR_CANCELLED)
        err = tlog_edge_root(&w.edge, &root);
    if (err != ERR_OK || w.edge.size != before->size || !tlog_hash_eq(&root, &before->root)) {
        (void)snprintf(detail, sizeof(detail),
                       "its first %" PRIu64 " entries are not those that %s follows", before->size,
                       before->next);
        fail(log, "checkpoint", AUDIT_NO_INDEX, "predecessor", detail);
        return;
    }
    before->found = true;
    before->behind = old->size - before->size;
}

/* A witness that cosigned more, or another tree, of the old log. */
static void
origin_witnessed(struct audit_log *log, const struct audit_origin *before,
                 const struct audit_origin *seen)
{
    char detail[2 * NOTE_NAME_MAX + 160];
    const bool same = seen->size == before->size && tlog_hash_eq(&seen->root, &before->root);
    if (seen->size < before->size || same)
        return;
    (void)snprintf(detail, sizeof(detail),
                   "%" PRIu64 " entries of %s were cosigned; %s follows it at %" PRIu64, seen->size,
                   before->name, before->next, before->size);
    audit_report_fail(log->report, seen->path, AUDIT_NO_INDEX, "predecessor", detail);
}

void
audit_origin_end(struct audit_log *log)
{
    struct audit_origins *all = log->origins;
    for (size_t i = 0; i < all->before_count; i++) {
        struct audit_origin *before = &all->before[i];
        for (size_t k = 0; k < all->log_count; k++)
            if (strcmp(all->logs[k].name, before->name) == 0)
                origin_folder(log, before, &all->logs[k]);
        for (size_t k = 0; k < all->witness_count; k++)
            if (strcmp(all->witnesses[k].name, before->name) == 0)
                origin_witnessed(log, before, &all->witnesses[k]);
    }
}

void
audit_origin_print(const struct audit_origins *all, FILE *out, bool json)
{
    if (all->before_count == 0)
        return;
    if (json)
        (void)fprintf(out, ",\"successions\":[");
    for (size_t i = 0; i < all->before_count; i++) {
        const struct audit_origin *b = &all->before[i];
        if (!json) {
            (void)fprintf(out, "%s follows %s at %" PRIu64 " entries", b->next, b->name, b->size);
            if (b->found)
                (void)fprintf(out, "; %" PRIu64 " of the old folder lie behind", b->behind);
            (void)fprintf(out, "\n");
            continue;
        }
        (void)fprintf(out, "%s{\"behind\":", i > 0 ? "," : "");
        if (b->found)
            (void)fprintf(out, "%" PRIu64, b->behind);
        else
            (void)fprintf(out, "null");
        (void)fprintf(out, ",\"origin\":");
        audit_report_quote(out, span_str(b->next));
        (void)fprintf(out, ",\"previous\":");
        audit_report_quote(out, span_str(b->name));
        (void)fprintf(out, ",\"size\":%" PRIu64 "}", b->size);
    }
    if (json)
        (void)fprintf(out, "]");
}
