/* SPDX-License-Identifier: Apache-2.0 */
/* The sealer as a process. One slot a container; the pieces (files from clerk, key from keeper,
 * ring from the inspector that clerk named) come in any order, and work begins with the last. */
#include "gateway/sealer/sealer_role.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "gateway/core/attest.h"
#include "gateway/sealer/sealer_table.h"

/* Ring slots taken in one turn, so that one fast stream does not starve the others. */
enum { SEALER_TURN_SLOTS = 8 };

struct sealer_role {
    struct rolemain *rm;
    struct sealer_table table;
    struct sealjob_out out;
    uint8_t plain[RING_SLOT_BYTES];
    uint8_t payload[4096];
};

static_assert((size_t)RING_SLOT_BYTES == (size_t)OPENJOB_PIECE_BYTES, "one piece fills one slot");

static void
sealer_role_tell(struct sealer_role *r, enum role_id role, unsigned index, enum msg_type type,
                 const uint8_t transfer[static 16], struct span body)
{
    struct chan *chan = rolemain_chan(r->rm, role, index);
    struct msg m = {.type = type, .body = body};
    memcpy(m.transfer, transfer, sizeof(m.transfer));
    const enum err err = chan == NULL ? ERR_ROLE_LOST : chan_send(chan, &m);
    if (err == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
}

static void
sealer_role_fail(struct sealer_slot *slot, enum err why)
{
    struct sealer_role *r = slot->owner;
    struct p_seal_failed p = {.err = (uint16_t)-why, .detail = span_str(error_text(why))};
    struct span body;
    memcpy(p.offer_hash, slot->offer_hash, sizeof(p.offer_hash));
    if (payload_seal_failed_put(&p, r->payload, sizeof(r->payload), &body) == ERR_OK)
        sealer_role_tell(r, ROLE_CLERK, 0, MSG_SEAL_FAILED, slot->transfer, body);
    /* An I/O error leaves nothing known about the files of this process. */
    const bool io = why == ERR_IO;
    sealer_table_drop(slot);
    if (io)
        abort();
}

static void
sealer_role_sealed(struct sealer_slot *slot)
{
    struct sealer_role *r = slot->owner;
    struct p_sealed p;
    struct span body;
    enum err err = sealjob_end(slot->seal, &r->out, &p);
    if (err == ERR_OK) {
        p.sealed_at = (uint64_t)(clock_wall_ms() / 1000);
        err = attest_sealed(&slot->evidence, &p, p.mac);
    }
    if (err == ERR_OK)
        err = payload_sealed_put(&p, r->payload, sizeof(r->payload), &body);
    if (err != ERR_OK) {
        sealer_role_fail(slot, err);
        return;
    }
    FAULT_POINT(sealer_sealed);
    slot->at_end = true;
    /* Judge and keeper first: clerk acts on its copy. */
    sealer_role_tell(r, ROLE_JUDGE, 0, MSG_SEALED, slot->transfer, body);
    sealer_role_tell(r, ROLE_KEEPER, 0, MSG_SEALED, slot->transfer, body);
    sealer_role_tell(r, ROLE_CLERK, 0, MSG_SEALED, slot->transfer, body);
    sealer_table_drop(slot);
}

static void
sealer_role_on_plain(void *ctx, unsigned events)
{
    struct sealer_slot *slot = ctx;
    struct sealer_role *r = slot->owner;
    (void)events;
    ring_ack(slot->ring);
    for (size_t i = 0; i < SEALER_TURN_SLOTS; i++) {
        size_t len = 0;
        bool eof = false;
        enum err err = ring_read(slot->ring, r->plain, sizeof(r->plain), &len, &eof);
        if (err == ERR_AGAIN)
            return;
        if (err == ERR_OK && eof) {
            sealer_role_sealed(slot);
            return;
        }
        if (err == ERR_OK)
            err = sealjob_feed(slot->seal, span_of(r->plain, len), &r->out);
        if (err != ERR_OK) {
            sealer_role_fail(slot, err);
            return;
        }
    }
    /* More is there: come back after the others had their turn. */
    ring_poke(slot->ring);
}

static void
sealer_role_opened(struct sealer_slot *slot, enum err why)
{
    struct sealer_role *r = slot->owner;
    struct p_opened p = {.err = (uint16_t)-why, .pull = slot->pull};
    struct span body;
    p.purpose = slot->work == SEALER_PULL ? OPEN_PULL : OPEN_INSPECT;
    memcpy(p.offer_hash, slot->offer_hash, sizeof(p.offer_hash));
    if (why == ERR_OK)
        openjob_root(slot->open, p.root);
    if (payload_opened_put(&p, r->payload, sizeof(r->payload), &body) == ERR_OK) {
        if (slot->work == SEALER_INSPECT) {
            sealer_role_tell(r, ROLE_JUDGE, 0, MSG_OPENED, slot->transfer, body);
            sealer_role_tell(r, ROLE_KEEPER, 0, MSG_OPENED, slot->transfer, body);
        }
        sealer_role_tell(r, ROLE_CLERK, 0, MSG_OPENED, slot->transfer, body);
    }
    sealer_table_drop(slot);
}

/* One piece into the ring. *ret_more: there is room and more to come. */
static enum err
sealer_role_piece(struct sealer_slot *slot, bool *ret_more)
{
    uint8_t *to = NULL;
    size_t len = 0;
    *ret_more = false;
    enum err err = ring_reserve(slot->ring, &to);
    if (err == ERR_AGAIN)
        return ERR_OK;
    TRY(err);
    /* Opened here first: what a tag has not vouched for never reaches shared memory. */
    TRY(openjob_next(slot->open, slot->owner->plain, &len));
    if (len == 0) {
        TRY(ring_eof(slot->ring));
        slot->at_end = true;
        return ERR_OK;
    }
    memcpy(to, slot->owner->plain, len);
    TRY(ring_commit(slot->ring, len));
    *ret_more = true;
    return ERR_OK;
}

static void
sealer_role_on_room(void *ctx, unsigned events)
{
    struct sealer_slot *slot = ctx;
    (void)events;
    ring_ack(slot->ring);
    for (size_t i = 0; i < SEALER_TURN_SLOTS; i++) {
        bool more = false;
        const enum err err = sealer_role_piece(slot, &more);
        if (err != ERR_OK || slot->at_end) {
            sealer_role_opened(slot, err);
            return;
        }
        if (!more)
            return;
    }
    ring_poke(slot->ring);
}

static enum err
sealer_role_watch(struct sealer_slot *slot, void (*fn)(void *ctx, unsigned events))
{
    TRY(loop_watch_new(slot->owner->rm->loop, ring_wait_fd(slot->ring), fn, slot, &slot->watch));
    TRY(loop_watch_set(slot->watch, LOOP_READ));
    ring_poke(slot->ring);
    return ERR_OK;
}

static enum err
sealer_role_begin_seal(struct sealer_slot *slot)
{
    enum suite suite;
    TRY(suite_from_u8(slot->suite, &suite));
    const int body_fd = slot->body_fd;
    const int groups_fd = slot->groups_fd;
    slot->body_fd = -1;
    slot->groups_fd = -1;
    TRY(sealjob_new(suite, &slot->dek, slot->salt_commit, slot->offer_hash, body_fd, groups_fd,
                    &slot->seal));
    key_secret32_wipe(&slot->dek);
    return sealer_role_watch(slot, sealer_role_on_plain);
}

/* Makes the ring of an opening and hands it to who will read it. */
static enum err
sealer_role_offer_ring(struct sealer_slot *slot)
{
    struct sealer_role *r = slot->owner;
    const bool pull = slot->work == SEALER_PULL;
    struct chan *chan = rolemain_chan(r->rm, pull ? ROLE_EDGE : ROLE_INSPECTOR, slot->other);
    struct msg m = {.type = pull ? MSG_RING_PULL : MSG_RING_OPEN, .fd_count = RING_FDS};
    struct p_ring_pull to_edge = {.pull = slot->pull};
    struct p_ring_open to_inspector = {{0}};
    if (chan == NULL || !chan_is_open(chan) || chan_incarnation(chan) != slot->other_gen)
        return ERR_ROLE_LOST;
    TRY(ring_create((size_t)config_int(r->rm->config, CONFIG_BUDGET_RING_SLOTS), &slot->ring));
    memcpy(to_edge.offer_hash, slot->offer_hash, 32);
    memcpy(to_inspector.offer_hash, slot->offer_hash, 32);
    TRY(pull ? payload_ring_pull_put(&to_edge, r->payload, sizeof(r->payload), &m.body)
             : payload_ring_open_put(&to_inspector, r->payload, sizeof(r->payload), &m.body));
    memcpy(m.transfer, slot->transfer, sizeof(m.transfer));
    ring_fds(slot->ring, m.fds);
    return chan_send(chan, &m);
}

static enum err
sealer_role_begin_open(struct sealer_slot *slot)
{
    struct p_open_key key = {.suite = slot->suite,
                             .salt_commit = span_of(slot->salt_commit, BODY_PREFIX_BYTES),
                             .chunks = slot->chunks,
                             .plaintext_len = slot->plaintext_len,
                             .purpose = slot->work == SEALER_PULL ? OPEN_PULL : OPEN_INSPECT};
    const int body_fd = slot->body_fd;
    slot->body_fd = -1;
    memcpy(key.offer_hash, slot->offer_hash, 32);
    memcpy(key.dek, slot->dek.bytes, 32);
    memcpy(key.root, slot->root, 32);
    const enum err err = openjob_new(&key, body_fd, slot->first, slot->last, &slot->open);
    key_wipe(key.dek, sizeof(key.dek));
    key_secret32_wipe(&slot->dek);
    TRY(err);
    TRY(sealer_role_offer_ring(slot));
    return sealer_role_watch(slot, sealer_role_on_room);
}

/* Begins when every piece is there. A ring from another inspector than clerk named is that
 * inspector's violation, found here when the ring came first. */
static void
sealer_role_try(struct sealer_slot *slot)
{
    enum err err = ERR_OK;
    if (!slot->has_open || !slot->has_key || slot->seal != NULL || slot->open != NULL)
        return;
    if (slot->work == SEALER_SEAL) {
        if (!slot->has_ring)
            return;
        if (slot->ring_from != slot->other || slot->ring_from_gen != slot->other_gen)
            err = ERR_DENIED;
        else
            err = sealer_role_begin_seal(slot);
        if (err != ERR_OK)
            sealer_role_fail(slot, err);
        return;
    }
    err = sealer_role_begin_open(slot);
    if (err != ERR_OK)
        sealer_role_opened(slot, err);
}

static enum err
sealer_role_slot(struct sealer_role *r, enum sealer_work work, const struct msg *m,
                 const uint8_t offer_hash[static 32], uint32_t pull, struct sealer_slot **ret)
{
    struct sealer_slot *slot = sealer_table_touch(&r->table, work, m->transfer, offer_hash, pull);
    if (slot == NULL)
        return ERR_FULL;
    slot->owner = r;
    *ret = slot;
    return ERR_OK;
}

static enum err
sealer_role_seal_open(struct sealer_role *r, struct msg *m)
{
    struct p_seal_open p;
    struct sealer_slot *slot = NULL;
    TRY(payload_seal_open_get(m->body, &p));
    TRY(sealer_role_slot(r, SEALER_SEAL, m, p.offer_hash, 0, &slot));
    if (slot->has_open)
        return ERR_OK; /* asked again: the first files count */
    slot->body_fd = msg_take_fd(m, 0);
    slot->groups_fd = msg_take_fd(m, 1);
    slot->other = p.inspector;
    slot->other_gen = p.inspector_gen;
    slot->has_open = true;
    sealer_role_try(slot);
    return ERR_OK;
}

static enum err
sealer_role_seal_key(struct sealer_role *r, struct msg *m)
{
    struct p_seal_key p;
    struct sealer_slot *slot = NULL;
    TRY(payload_seal_key_get(m->body, &p));
    if (p.salt.len != BODY_SALT_BYTES)
        return ERR_RANGE;
    TRY(sealer_role_slot(r, SEALER_SEAL, m, p.offer_hash, 0, &slot));
    if (!slot->has_key) {
        slot->suite = p.suite;
        memcpy(slot->dek.bytes, p.dek, 32);
        memcpy(slot->evidence.bytes, p.evidence_key, 32);
        memcpy(slot->salt_commit, p.salt.ptr, BODY_SALT_BYTES);
        slot->has_key = true;
        sealer_role_try(slot);
    }
    key_wipe(&p, sizeof(p));
    return ERR_OK;
}

static enum err
sealer_role_ring_seal(struct sealer_role *r, struct chan *chan, struct msg *m)
{
    struct p_ring_seal p;
    struct sealer_slot *slot = NULL;
    int fds[RING_FDS];
    TRY(payload_ring_seal_get(m->body, &p));
    TRY(sealer_role_slot(r, SEALER_SEAL, m, p.offer_hash, 0, &slot));
    if (slot->has_ring)
        return ERR_STATE;
    if (slot->has_open &&
        (slot->other != chan_index(chan) || slot->other_gen != chan_incarnation(chan)))
        return ERR_DENIED;
    for (size_t i = 0; i < RING_FDS; i++)
        fds[i] = msg_take_fd(m, i);
    TRY(ring_attach(fds, RING_SLOTS_MAX, &slot->ring));
    slot->ring_from = chan_index(chan);
    slot->ring_from_gen = chan_incarnation(chan);
    slot->has_ring = true;
    sealer_role_try(slot);
    return ERR_OK;
}

static enum err
sealer_role_body_open(struct sealer_role *r, struct msg *m)
{
    struct p_body_open p;
    struct sealer_slot *slot = NULL;
    TRY(payload_body_open_get(m->body, &p));
    if (p.purpose != OPEN_INSPECT && p.purpose != OPEN_PULL)
        return ERR_RANGE;
    const bool pull = p.purpose == OPEN_PULL;
    TRY(sealer_role_slot(r, pull ? SEALER_PULL : SEALER_INSPECT, m, p.offer_hash, pull ? p.pull : 0,
                         &slot));
    if (slot->has_open)
        return ERR_OK;
    slot->body_fd = msg_take_fd(m, 0);
    slot->groups_fd = msg_take_fd(m, 1);
    slot->other = p.target;
    slot->other_gen = p.target_gen;
    slot->first = p.first;
    slot->last = p.last;
    slot->has_open = true;
    sealer_role_try(slot);
    return ERR_OK;
}

static enum err
sealer_role_open_key(struct sealer_role *r, struct msg *m)
{
    struct p_open_key p;
    struct sealer_slot *slot = NULL;
    TRY(payload_open_key_get(m->body, &p));
    if (p.salt_commit.len != BODY_PREFIX_BYTES ||
        (p.purpose != OPEN_INSPECT && p.purpose != OPEN_PULL))
        return ERR_RANGE;
    const bool pull = p.purpose == OPEN_PULL;
    TRY(sealer_role_slot(r, pull ? SEALER_PULL : SEALER_INSPECT, m, p.offer_hash, pull ? p.pull : 0,
                         &slot));
    if (!slot->has_key) {
        slot->suite = p.suite;
        slot->chunks = p.chunks;
        slot->plaintext_len = p.plaintext_len;
        memcpy(slot->dek.bytes, p.dek, 32);
        memcpy(slot->salt_commit, p.salt_commit.ptr, BODY_PREFIX_BYTES);
        memcpy(slot->root, p.root, 32);
        slot->has_key = true;
        sealer_role_try(slot);
    }
    key_wipe(&p, sizeof(p));
    return ERR_OK;
}

static enum err
sealer_role_abort(struct sealer_role *r, struct msg *m)
{
    struct p_seal_abort p;
    TRY(payload_seal_abort_get(m->body, &p));
    for (size_t i = 0; i < SEALER_SLOTS_MAX; i++) {
        struct sealer_slot *s = &r->table.slots[i];
        if (s->used && span_eq(span_of(s->transfer, 16), span_of(m->transfer, 16)) &&
            span_eq(span_of(s->offer_hash, 32), span_of(p.offer_hash, 32)))
            sealer_table_drop(s);
    }
    return ERR_OK;
}

static enum err
sealer_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct sealer_role *r = rm->ctx;
    enum err err = ERR_PROTOCOL;
    if (m->type == MSG_SEAL_OPEN)
        err = sealer_role_seal_open(r, m);
    else if (m->type == MSG_SEAL_KEY)
        err = sealer_role_seal_key(r, m);
    else if (m->type == MSG_RING_SEAL)
        err = sealer_role_ring_seal(r, chan, m);
    else if (m->type == MSG_BODY_OPEN)
        err = sealer_role_body_open(r, m);
    else if (m->type == MSG_OPEN_KEY)
        err = sealer_role_open_key(r, m);
    else if (m->type == MSG_SEAL_ABORT)
        err = sealer_role_abort(r, m);
    /* A full table is our limit, not the sender's fault: clerk's question times out. */
    return err == ERR_FULL ? ERR_OK : err;
}

/* What hung on a dead process ends; clerk hears of it and decides what comes next. */
static void
sealer_role_lost(struct rolemain *rm, struct chan *chan)
{
    struct sealer_role *r = rm->ctx;
    const enum role_id role = chan_role(chan);
    for (size_t i = 0; i < SEALER_SLOTS_MAX; i++) {
        struct sealer_slot *s = &r->table.slots[i];
        if (!s->used)
            continue;
        const bool other = s->has_open && s->other == chan_index(chan);
        if (role == ROLE_CLERK)
            sealer_table_drop(s);
        else if (role == ROLE_INSPECTOR && other && s->work == SEALER_SEAL)
            sealer_role_fail(s, ERR_ROLE_LOST);
        else if (role == ROLE_INSPECTOR && other && s->work == SEALER_INSPECT)
            sealer_role_opened(s, ERR_ROLE_LOST);
        else if (role == ROLE_EDGE && other && s->work == SEALER_PULL)
            sealer_role_opened(s, ERR_ROLE_LOST);
    }
}

static enum err
sealer_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    (void)grants;
    (void)grant_count;
    TRY(crypto_init());
    struct sealer_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    *ret_ctx = r;
    return ERR_OK;
}

const struct role_ops sealer_role_ops = {
    .role = ROLE_SEALER,
    .setup = sealer_role_setup,
    .on_message = sealer_role_message,
    .on_peer_lost = sealer_role_lost,
};
