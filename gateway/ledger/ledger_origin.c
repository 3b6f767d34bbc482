/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/ledger_origin.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/ledger/ledger_part.h"
#include "policy/succession.h"

/* What the note says, once it is known to count. */
struct ledger_note {
    struct succession_old old;
    uint8_t hash[32];
};

static enum err
origin_refuse(struct ledger *l, const char *why)
{
    l->out.note(l->out.ctx, EVENT_LOG_SUCCESSION, span_str(why), 0);
    return ERR_CONFIG;
}

bool
ledger_origin_has(const struct ledger *l)
{
    return l->prev.size > 0;
}

void
ledger_origin_free(struct ledger *l)
{
    free(l->note);
    l->note = NULL;
}

/* -- before the log is opened ------------------------------------------------------------------*/

static enum err
origin_read(struct ledger *l, const struct trust *trust, struct span bytes,
            struct succession_scratch *scratch)
{
    char why[128];
    struct fault fault = {.code = ERR_OK};
    struct succession s;
    struct note note;
    enum err err = succession_read(bytes, scratch, &s, &note, &fault);
    if (err == ERR_OK)
        err = succession_check(&s, &note, trust, span_str(l->config.zone),
                               span_str(l->config.origin), &l->note->old, &fault);
    if (err != ERR_OK) {
        (void)snprintf(why, sizeof(why), "%u:%u: %s", fault.line, fault.column, fault.where);
        return origin_refuse(l, why);
    }
    return ERR_OK;
}

/* "my-cyberjaya/gw1/" of an origin: what all logs of one gateway begin with. */
static struct span
origin_gateway(struct span origin)
{
    const uint8_t *slash = origin.len == 0 ? NULL : memrchr(origin.ptr, '/', origin.len);
    return slash == NULL ? (struct span){NULL, 0}
                         : span_of(origin.ptr, (size_t)(slash + 1 - origin.ptr));
}

/* Another log of this gateway that the trust file has a key of; NULL: none. */
static const char *
origin_earlier(const struct ledger *l)
{
    const struct ledger_zone *own = ledger_trust_zone(l->trust, span_str(l->config.zone));
    const struct span gateway = origin_gateway(span_str(l->config.origin));
    for (size_t i = 0; own != NULL && gateway.len > 0 && i < own->log_count; i++)
        if (strcmp(own->logs[i].name, l->config.origin) != 0 &&
            span_starts(span_str(own->logs[i].name), gateway))
            return own->logs[i].name;
    return NULL;
}

/* A folder without log.vkey was never begun (logstore.c). */
static bool
origin_is_new(const struct ledger *l)
{
    const struct logstore_config *c = &l->config.log;
    char path[4096];
    const int n = snprintf(path, sizeof(path), "%s/log.vkey", c->has_dir ? "." : c->path);
    return n > 0 && (size_t)n < sizeof(path) &&
           faccessat(c->has_dir ? c->dir : AT_FDCWD, path, F_OK, 0) != 0;
}

static enum err
origin_may_begin(struct ledger *l)
{
    char why[NOTE_NAME_MAX + 160];
    const char *earlier = origin_earlier(l);
    if (l->note != NULL || earlier == NULL)
        return ERR_OK;
    (void)snprintf(why, sizeof(why),
                   "the log folder is empty and the trust file has %s, an earlier log of this "
                   "gateway: files.succession must name the note that ends it",
                   earlier);
    return origin_refuse(l, why);
}

static enum err
origin_verify(struct ledger *l, struct span trust_bytes)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    struct succession_scratch *scratch = calloc(1, sizeof(*scratch));
    enum err err = trust == NULL || scratch == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = trust_load(trust_bytes, trust, NULL);
    if (err == ERR_OK) {
        err = origin_read(l, trust, l->config.succession, scratch);
        trust_free(trust);
    }
    free(scratch);
    free(trust);
    return err;
}

/* Who signed counts when the log begins. Afterwards it is the note it was begun by, whatever has
 * become of their keys. */
enum err
ledger_origin_check(struct ledger *l, struct span trust)
{
    const struct span note = l->config.succession;
    if (note.ptr == NULL)
        return origin_is_new(l) ? origin_may_begin(l) : ERR_OK;
    l->note = calloc(1, sizeof(*l->note));
    if (l->note == NULL)
        return ERR_NOMEM;
    TRY(digest_sha256(note, l->note->hash));
    return origin_is_new(l) ? origin_verify(l, trust) : ERR_OK;
}

/* -- the log is open ---------------------------------------------------------------------------*/

static void
origin_take(struct ledger *l, const struct ledger_note *n)
{
    l->prev.key = n->old.key;
    l->prev.has_key = true;
    l->prev.size = n->old.size;
    l->prev.root = n->old.root;
    memcpy(l->prev.origin, n->old.key.name, sizeof(l->prev.origin));
}

/* The note is in the folder before the genesis that rests on it. */
static enum err
origin_begin(struct ledger *l)
{
    const struct ledger_note *n = l->note;
    struct entry_peer prev;
    if (n == NULL)
        return ledger_append_genesis(l, NULL, NULL);
    TRY(ledger_check(l, logwitness_save(l->log, LEDGER_ORIGIN_FILE, l->config.succession)));
    prev = (struct entry_peer){span_str(n->old.key.name), n->old.size, n->old.root.b};
    TRY(ledger_append_genesis(l, &prev, n->hash));
    origin_take(l, n);
    l->out.note(l->out.ctx, EVENT_LOG_BEGUN, span_str(l->prev.origin), l->prev.size);
    return ERR_OK;
}

/* The genesis of a log that goes on. */
static enum err
origin_load(struct ledger *l)
{
    const struct ledger_note *n = l->note;
    struct entry_place place;
    struct entry e;
    uint8_t hash[32] = {0};
    size_t len = 0;
    TRY(ledger_check(l, logstore_get(l->log, 0, (uint8_t *)l->text, sizeof(l->text), &len)));
    TRY(entry_read(span_of(l->text, len), false, l->scratch, &e, NULL));
    const enum err err = e.kind == ENTRY_GENESIS ? entry_get_place(&e, "prev", &place) : ERR_TYPE;
    const bool noted = err == ERR_OK && entry_get_hash(&e, "note", hash) == ERR_OK;
    if (n != NULL && (!noted || memcmp(hash, n->hash, sizeof(hash)) != 0))
        return origin_refuse(l, "the log folder is not empty and was not begun by this note");
    if (err == ERR_MISSING)
        return ERR_OK;
    TRY(err);
    if (place.origin.len > NOTE_NAME_MAX)
        return ERR_RANGE;
    l->prev.size = place.index;
    memcpy(l->prev.root.b, place.leaf, sizeof(l->prev.root.b));
    memcpy(l->prev.origin, place.origin.ptr, place.origin.len);
    const struct ledger_zone *own = ledger_trust_zone(l->trust, span_str(l->config.zone));
    l->prev.has_key = own != NULL && ledger_trust_log(own, place.origin, &l->prev.key) == ERR_OK;
    return ERR_OK;
}

enum err
ledger_origin_open(struct ledger *l, struct span trust)
{
    struct logstore_head head;
    logstore_head(l->log, &head);
    enum err err = ERR_OK;
    if (head.size > 0)
        err = origin_load(l);
    else if (!logstore_quarantined(l->log) && l->note != NULL && l->note->old.size == 0)
        err = origin_verify(l, trust); /* it stopped before the genesis */
    else if (!logstore_quarantined(l->log))
        err = origin_may_begin(l);
    if (err == ERR_OK && head.size == 0 && !logstore_quarantined(l->log))
        err = origin_begin(l);
    ledger_origin_free(l);
    return err;
}

/* -- a peer's new log --------------------------------------------------------------------------*/

/* What we cosigned last of another log of the same gateway; size 0: nothing. */
static enum err
origin_cosigned(struct ledger *l, const struct ledger_zone *zone, struct span origin,
                const char **ret_name, struct logstore_head *ret)
{
    const struct span gateway = origin_gateway(origin);
    ret->size = 0;
    for (size_t i = 0; gateway.len > 0 && i < zone->log_count; i++) {
        struct logstore_head head;
        const struct span name = span_str(zone->logs[i].name);
        if (span_eq(name, origin) || !span_starts(name, gateway))
            continue;
        TRY(ledger_check(l, logwitness_head(l->log, name, &head)));
        if (head.size == 0)
            continue;
        *ret = head;
        *ret_name = zone->logs[i].name;
    }
    return ERR_OK;
}

enum err
ledger_origin_seen(struct ledger *l, struct span origin)
{
    const struct ledger_zone *zone = NULL;
    const char *old = NULL;
    struct logstore_head head;
    struct note_key key;
    char detail[256];
    for (size_t z = 0; z < l->trust->zone_count && zone == NULL; z++)
        if (ledger_trust_log(&l->trust->zones[z], origin, &key) == ERR_OK)
            zone = &l->trust->zones[z];
    if (zone == NULL)
        return ERR_OK;
    TRY(origin_cosigned(l, zone, origin, &old, &head));
    if (head.size == 0 || l->state == LOG_QUARANTINED)
        return ERR_OK;
    int n = snprintf(detail, sizeof(detail), "%.*s follows %s at %" PRIu64, (int)origin.len,
                     (const char *)origin.ptr, old, head.size);
    if (n < 0 || (size_t)n >= sizeof(detail))
        n = snprintf(detail, sizeof(detail), "%s: a new log after %" PRIu64, zone->name, head.size);
    ledger_append_incident(l, NULL, 0, SPAN_LIT("origin-new"), span_of(detail, (size_t)n));
    return ERR_OK;
}

bool
ledger_origin_receipt(const struct ledger_zone *zone, const struct receipt *r, struct span origin,
                      uint64_t index)
{
    uint8_t hash[32];
    if (digest_sha256(origin, hash) != ERR_OK)
        return false;
    if (memcmp(r->origin_hash, hash, sizeof(hash)) == 0)
        return r->log_index == index;
    for (size_t i = 0; i < zone->log_count; i++)
        if (digest_sha256(span_str(zone->logs[i].name), hash) == ERR_OK &&
            memcmp(r->origin_hash, hash, sizeof(hash)) == 0)
            return true;
    return false;
}
