/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/inspector/inspector.h"

#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/inspector/inspector_slot.h"

enum err
inspector_init(struct inspector *i, size_t slot_max, size_t ring_slots)
{
    if (slot_max == 0 || slot_max > INSPECTOR_SLOTS_MAX || ring_slots == 0 ||
        ring_slots > RING_SLOTS_MAX)
        return ERR_RANGE;
    i->slot_max = slot_max;
    i->ring_slots = ring_slots;
    i->slots = calloc(slot_max, sizeof(*i->slots));
    i->room = calloc(1, sizeof(*i->room));
    if (i->slots != NULL && i->room != NULL)
        return ERR_OK;
    inspector_finish(i);
    return ERR_NOMEM;
}

void
inspector_finish(struct inspector *i)
{
    for (size_t k = 0; i->slots != NULL && k < i->slot_max; k++)
        if (i->slots[k].used)
            inspector_slot_drop(i, &i->slots[k]);
    free(i->slots);
    free(i->room);
    i->slots = NULL;
    i->room = NULL;
}

size_t
inspector_busy(const struct inspector *i)
{
    size_t count = 0;
    for (size_t k = 0; k < i->slot_max; k++)
        count += i->slots[k].has_open ? 1 : 0;
    return count;
}

static struct inspector_slot *
inspector_find(struct inspector *i, const uint8_t transfer[static 16],
               const uint8_t offer_hash[static 32])
{
    for (size_t k = 0; k < i->slot_max; k++) {
        struct inspector_slot *s = &i->slots[k];
        if (s->used && memcmp(s->transfer, transfer, 16) == 0 &&
            memcmp(s->offer_hash, offer_hash, 32) == 0)
            return s;
    }
    return NULL;
}

/* The slot, made if it is not there. What clerk never spoke of gives way to what is new; NULL when
 * every slot is open. */
static struct inspector_slot *
inspector_touch(struct inspector *i, const uint8_t transfer[static 16],
                const uint8_t offer_hash[static 32])
{
    struct inspector_slot *s = inspector_find(i, transfer, offer_hash);
    if (s != NULL)
        return s;
    for (size_t k = 0; k < i->slot_max; k++) {
        struct inspector_slot *other = &i->slots[k];
        if (other->has_open)
            continue;
        if (s == NULL || (s->used && (!other->used || other->touched < s->touched)))
            s = other;
    }
    if (s == NULL)
        return NULL;
    if (s->used)
        inspector_slot_drop(i, s);
    s->used = true;
    s->touched = ++i->clock;
    memcpy(s->transfer, transfer, 16);
    memcpy(s->offer_hash, offer_hash, 32);
    return s;
}

/* Clerk's INSPECT_OPEN found no room, or its specification cannot be done. */
static enum err
inspector_refuse(struct inspector *i, const struct inspector_in *in, const uint8_t offer[static 32],
                 enum err why, const char *code)
{
    struct p_inspected p = {
        .err = (uint16_t)-why, .code = span_str(code), .detail = span_str(error_text(why))};
    struct span body;
    memcpy(p.offer_hash, offer, 32);
    TRY(payload_inspected_put(&p, i->room->payload, sizeof(i->room->payload), &body));
    (void)i->out.send(i->out.ctx, ROLE_CLERK, 0, 0, MSG_INSPECTED, in->transfer, body, NULL, 0);
    return ERR_OK;
}

/* The first partner stays until RETIRE: nothing of one partner's data is left when another's
 * comes. */
static enum err
inspector_bind(struct inspector *i, struct span partner)
{
    if (span_is_empty(partner) || partner.len > INSPECTOR_PARTNER_MAX)
        return ERR_RANGE;
    if (i->is_bound)
        return span_eq_str(partner, i->partner) ? ERR_OK : ERR_DENIED;
    memcpy(i->partner, partner.ptr, partner.len);
    i->partner[partner.len] = '\0';
    i->is_bound = true;
    return ERR_OK;
}

static void
inspector_close(int fds[static RING_FDS])
{
    for (size_t k = 0; k < RING_FDS; k++) {
        if (fds[k] >= 0)
            (void)close(fds[k]);
        fds[k] = -1;
    }
}

/* Which process the bytes of this transfer come from. */
static enum role_id
inspector_source_role(const struct inspector_slot *s)
{
    return s->is_import ? ROLE_SEALER : ROLE_EDGE;
}

static void
inspector_adopt(struct inspector_slot *s, int fds[static RING_FDS], enum err *ret_err)
{
    /* ring_attach owns them from here on. */
    *ret_err = ring_attach(fds, RING_SLOTS_MAX, &s->ring[INSPECTOR_RING_IN]);
    for (size_t k = 0; k < RING_FDS; k++)
        fds[k] = -1;
}

/* Rings that came early: the one of the named source counts, the others never do. */
static enum err
inspector_take_pending(struct inspector_slot *s)
{
    enum err err = ERR_OK;
    for (size_t k = 0; k < INSPECTOR_PENDING_MAX; k++) {
        struct inspector_pending *p = &s->pending[k];
        if (!p->used)
            continue;
        if (p->role == inspector_source_role(s) && p->index == s->source &&
            p->generation == s->source_gen)
            inspector_adopt(s, p->fds, &err);
        inspector_close(p->fds);
        p->used = false;
    }
    return err;
}

/* A ring of the named source is pending at another container of the transfer. */
static bool
inspector_is_astray(const struct inspector *i, const struct inspector_slot *s)
{
    for (size_t k = 0; k < i->slot_max; k++) {
        const struct inspector_slot *other = &i->slots[k];
        if (other == s || !other->used || other->has_open || s->is_import ||
            memcmp(other->transfer, s->transfer, 16) != 0)
            continue;
        for (size_t n = 0; n < INSPECTOR_PENDING_MAX; n++) {
            const struct inspector_pending *p = &other->pending[n];
            if (p->used && p->role == ROLE_EDGE && p->index == s->source &&
                p->generation == s->source_gen)
                return true;
        }
    }
    return false;
}

static enum err
inspector_open(struct inspector *i, const struct inspector_in *in)
{
    struct p_inspect_open p;
    uint8_t hash[32];
    TRY(payload_inspect_open_get(in->body, &p));
    if (p.direction > DIRECTION_IMPORT)
        return ERR_RANGE;
    TRY(inspector_bind(i, p.partner));
    TRY(digest_sha256(in->body, hash));
    struct inspector_slot *s = inspector_touch(i, in->transfer, p.offer_hash);
    if (s == NULL)
        return inspector_refuse(i, in, p.offer_hash, ERR_FULL, "too-many-uploads");
    if (s->has_open)
        return memcmp(s->open_hash, hash, 32) == 0 ? ERR_OK : ERR_CONFLICT;
    s->spec = calloc(1, sizeof(*s->spec));
    enum err err = s->spec == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = inspectspec_read(p.spec, &i->room->spec, s->spec, NULL);
    if (err == ERR_OK)
        err = digest_sha256(p.spec, s->spec_hash);
    if (err == ERR_OK && s->spec->is_import != (p.direction == DIRECTION_IMPORT))
        err = ERR_CONFLICT;
    s->has_open = true;
    s->is_import = p.direction == DIRECTION_IMPORT;
    s->source = p.source;
    s->source_gen = p.source_gen;
    s->sealer = p.sealer;
    s->sealer_gen = p.sealer_gen;
    memcpy(s->open_hash, hash, 32);
    if (err == ERR_OK)
        err = inspector_take_pending(s);
    /* The named source brought its ring already, to a container that is not this one. */
    if (err == ERR_OK && s->ring[INSPECTOR_RING_IN] == NULL && inspector_is_astray(i, s))
        err = ERR_DENIED;
    if (err != ERR_OK)
        inspector_slot_fail(i, s, err);
    else
        inspector_slot_begin(i, s);
    return ERR_OK;
}

static enum err
inspector_keys(struct inspector *i, const struct inspector_in *in)
{
    struct p_inspect_keys p;
    TRY(payload_inspect_keys_get(in->body, &p));
    struct inspector_slot *s = inspector_touch(i, in->transfer, p.offer_hash);
    enum err err = ERR_OK;
    if (s != NULL && s->has_keys) {
        if (!key_equal(span_of(s->keys.counting.bytes, 32), span_of(p.counting_key, 32)) ||
            !key_equal(span_of(s->keys.token.bytes, 32), span_of(p.token_key, 32)) ||
            !key_equal(span_of(s->keys.evidence.bytes, 32), span_of(p.evidence_key, 32)))
            err = ERR_CONFLICT;
    } else if (s != NULL) {
        memcpy(s->keys.counting.bytes, p.counting_key, 32);
        memcpy(s->keys.token.bytes, p.token_key, 32);
        memcpy(s->keys.evidence.bytes, p.evidence_key, 32);
        s->has_keys = true;
        inspector_slot_begin(i, s);
    }
    key_wipe(&p, sizeof(p));
    return err;
}

static enum err
inspector_pend(struct inspector_slot *s, const struct inspector_in *in, int fds[static RING_FDS])
{
    for (size_t k = 0; k < INSPECTOR_PENDING_MAX; k++) {
        const struct inspector_pending *p = &s->pending[k];
        if (p->used && p->role == in->from && p->index == in->from_index &&
            p->generation == in->from_generation)
            return ERR_EXISTS;
    }
    for (size_t k = 0; k < INSPECTOR_PENDING_MAX; k++) {
        struct inspector_pending *p = &s->pending[k];
        if (p->used)
            continue;
        *p = (struct inspector_pending){.used = true,
                                        .role = in->from,
                                        .index = in->from_index,
                                        .generation = in->from_generation};
        for (size_t f = 0; f < RING_FDS; f++) {
            p->fds[f] = fds[f];
            fds[f] = -1;
        }
        return ERR_OK;
    }
    return ERR_OK;
}

/* Clerk named another container of this transfer, and named that one to the edge as well. */
static bool
inspector_is_foreign(const struct inspector *i, const struct inspector_in *in,
                     const uint8_t offer_hash[static 32])
{
    for (size_t k = 0; k < i->slot_max; k++) {
        const struct inspector_slot *s = &i->slots[k];
        if (s->has_open && !s->is_import && memcmp(s->transfer, in->transfer, 16) == 0 &&
            memcmp(s->offer_hash, offer_hash, 32) != 0)
            return true;
    }
    return false;
}

static enum err
inspector_ring(struct inspector *i, const struct inspector_in *in)
{
    struct p_ring_upload p;
    int fds[RING_FDS] = {-1, -1, -1};
    enum err err = ERR_OK;
    TRY(payload_ring_upload_get(in->body, &p));
    if (in->fd_count != RING_FDS)
        return ERR_PROTOCOL;
    if (in->from == ROLE_EDGE && inspector_is_foreign(i, in, p.offer_hash))
        return ERR_DENIED;
    struct inspector_slot *s = inspector_touch(i, in->transfer, p.offer_hash);
    if (s == NULL)
        return ERR_OK;
    if (s->has_open && (inspector_source_role(s) != in->from || s->source != in->from_index ||
                        s->source_gen != in->from_generation))
        return ERR_DENIED;
    if (s->ring[INSPECTOR_RING_IN] != NULL)
        return ERR_EXISTS;
    for (size_t k = 0; k < RING_FDS; k++) {
        fds[k] = in->fds[k];
        in->fds[k] = -1;
    }
    if (!s->has_open) {
        err = inspector_pend(s, in, fds);
        inspector_close(fds);
        return err;
    }
    inspector_adopt(s, fds, &err);
    if (err != ERR_OK)
        inspector_slot_fail(i, s, err);
    else
        inspector_slot_begin(i, s);
    /* What is no ring at all is the sender's doing. */
    return err == ERR_PROTOCOL ? err : ERR_OK;
}

static enum err
inspector_abort(struct inspector *i, const struct inspector_in *in)
{
    struct p_inspect_abort p;
    TRY(payload_inspect_abort_get(in->body, &p));
    struct inspector_slot *s = inspector_find(i, in->transfer, p.offer_hash);
    if (s != NULL)
        inspector_slot_drop(i, s);
    return ERR_OK;
}

static enum err
inspector_retire(struct inspector *i, const struct inspector_in *in)
{
    struct p_retire p;
    TRY(payload_retire_get(in->body, &p));
    for (size_t k = 0; k < i->slot_max; k++)
        if (i->slots[k].used)
            inspector_slot_drop(i, &i->slots[k]);
    i->out.retire(i->out.ctx);
    return ERR_OK;
}

enum err
inspector_handle(struct inspector *i, const struct inspector_in *in)
{
    static const struct {
        enum msg_type type;
        enum role_id from;
        enum err (*handle)(struct inspector *i, const struct inspector_in *in);
    } table[] = {
        {MSG_INSPECT_OPEN, ROLE_CLERK, inspector_open},
        {MSG_INSPECT_KEYS, ROLE_KEEPER, inspector_keys},
        {MSG_INSPECT_ABORT, ROLE_CLERK, inspector_abort},
        {MSG_RETIRE, ROLE_CLERK, inspector_retire},
        {MSG_RING_UPLOAD, ROLE_EDGE, inspector_ring},
        {MSG_RING_OPEN, ROLE_SEALER, inspector_ring},
    };
    for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++)
        if (table[k].type == in->type && table[k].from == in->from)
            return table[k].handle(i, in);
    return ERR_PROTOCOL;
}

void
inspector_lost(struct inspector *i, enum role_id role, unsigned index)
{
    for (size_t k = 0; k < i->slot_max; k++) {
        struct inspector_slot *s = &i->slots[k];
        if (!s->has_open)
            continue;
        const bool source = inspector_source_role(s) == role && s->source == index && !s->at_end;
        const bool sink = !s->is_import && role == ROLE_SEALER && s->sealer == index;
        if (source || sink)
            inspector_slot_fail(i, s, ERR_ROLE_LOST);
    }
}
