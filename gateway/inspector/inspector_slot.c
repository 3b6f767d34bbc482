/* SPDX-License-Identifier: Apache-2.0 */
/* How one transfer runs: a slot of ring A is copied once, inspected, and what leaves goes to ring B
 * and is inspected again; nothing is read that could not be passed on. */
#include "gateway/inspector/inspector_slot.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

/* Unfed input and what was made of it. */
enum { INSPECTOR_DATA_BYTES = RING_SLOT_BYTES };

static size_t
inspector_slot_index(const struct inspector *i, const struct inspector_slot *s)
{
    return (size_t)(s - i->slots);
}

void
inspector_slot_drop(struct inspector *i, struct inspector_slot *s)
{
    for (unsigned k = 0; k < INSPECTOR_RINGS; k++) {
        if (s->ring[k] == NULL)
            continue;
        if (s->running)
            (void)i->out.watch(i->out.ctx, inspector_slot_index(i, s), (enum inspector_ring)k, -1);
        if (s->phase != INSPECTOR_DONE)
            ring_abort(s->ring[k]);
        ring_free(s->ring[k]);
    }
    for (size_t k = 0; k < INSPECTOR_PENDING_MAX; k++)
        for (size_t f = 0; s->pending[k].used && f < RING_FDS; f++)
            if (s->pending[k].fds[f] >= 0)
                (void)close(s->pending[k].fds[f]);
    inspection_free(s->in);
    inspection_free(s->sees);
    if (s->data != NULL)
        key_wipe(s->data, 2 * (size_t)INSPECTOR_DATA_BYTES);
    free(s->data);
    free(s->spec);
    key_wipe(&s->keys, sizeof(s->keys));
    *s = (struct inspector_slot){.used = false};
}

void
inspector_slot_fail(struct inspector *i, struct inspector_slot *s, enum err why)
{
    struct p_inspected p = {.err = (uint16_t)-why,
                            .code = SPAN_LIT("inspector-failed"),
                            .detail = span_str(error_text(why)),
                            .bytes_in = s->bytes_in,
                            .bytes_out = s->bytes_out};
    uint8_t transfer[16];
    struct span body;
    memcpy(p.offer_hash, s->offer_hash, 32);
    memcpy(transfer, s->transfer, sizeof(transfer));
    inspector_slot_drop(i, s);
    if (payload_inspected_put(&p, i->room->payload, sizeof(i->room->payload), &body) == ERR_OK)
        (void)i->out.send(i->out.ctx, ROLE_CLERK, 0, 0, MSG_INSPECTED, transfer, body, NULL, 0);
}

/* Room for persons: those the agreement allows, in every column that can name one, and no more than
 * any law counts. A set that overflows counts every further value as a person. */
static size_t
inspector_slot_persons(const struct inspectspec *spec)
{
    enum { COLUMNS = 16 };
    const uint64_t max = spec->fields.persons_max;
    if (max >= PERSONS_MAX / COLUMNS)
        return PERSONS_MAX;
    return (size_t)(max + 1) * COLUMNS;
}

static bool
inspector_slot_acts(const struct inspectspec *spec)
{
    for (size_t k = 0; k < spec->fields.field_count; k++)
        if (spec->actions[k] != TRANSFORM_NONE)
            return true;
    return false;
}

static enum err
inspector_slot_stage(const struct inspector_slot *s, enum inspection_stage stage,
                     struct inspection **ret)
{
    const struct inspection_config config = {.stage = stage,
                                             .fields = &s->spec->fields,
                                             .actions = s->spec->actions,
                                             .token_key = s->keys.token.bytes,
                                             .counting_key = s->keys.counting.bytes};
    TRY(inspection_new(inspector_slot_persons(s->spec), ret));
    return inspection_start(*ret, &config);
}

/* Ring B is made here and goes to the sealer that clerk named. */
static enum err
inspector_slot_ring(struct inspector *i, struct inspector_slot *s)
{
    struct p_ring_seal p;
    struct span body;
    int fds[RING_FDS];
    TRY(ring_create(i->ring_slots, &s->ring[INSPECTOR_RING_OUT]));
    ring_fds(s->ring[INSPECTOR_RING_OUT], fds);
    memcpy(p.offer_hash, s->offer_hash, 32);
    TRY(payload_ring_seal_put(&p, i->room->payload, sizeof(i->room->payload), &body));
    return i->out.send(i->out.ctx, ROLE_SEALER, s->sealer, s->sealer_gen, MSG_RING_SEAL,
                       s->transfer, body, fds, RING_FDS);
}

static enum err
inspector_slot_start(struct inspector *i, struct inspector_slot *s)
{
    const size_t at = inspector_slot_index(i, s);
    if (!s->is_import) {
        TRY(inspector_slot_stage(s, INSPECTION_IN, &s->in));
        if (inspector_slot_acts(s->spec)) {
            s->data = calloc(2, INSPECTOR_DATA_BYTES);
            if (s->data == NULL)
                return ERR_NOMEM;
        }
        TRY(inspector_slot_ring(i, s));
    }
    if (s->is_import || s->data != NULL)
        TRY(inspector_slot_stage(s, INSPECTION_OUT, &s->sees));
    s->running = true;
    for (unsigned k = 0; k < INSPECTOR_RINGS; k++)
        if (s->ring[k] != NULL)
            TRY(i->out.watch(i->out.ctx, at, (enum inspector_ring)k, ring_wait_fd(s->ring[k])));
    return ERR_OK;
}

void
inspector_slot_begin(struct inspector *i, struct inspector_slot *s)
{
    if (s->running || !s->has_open || !s->has_keys || s->ring[INSPECTOR_RING_IN] == NULL)
        return;
    const enum err err = inspector_slot_start(i, s);
    if (err != ERR_OK)
        inspector_slot_fail(i, s, err);
    else
        i->out.again(i->out.ctx, inspector_slot_index(i, s));
}

/* What leaves: to ring B and into the second inspection. ERR_AGAIN: no room. */
static enum err
inspector_slot_pass(struct inspector_slot *s, struct span out)
{
    size_t used = 0;
    size_t made = 0;
    if (s->ring[INSPECTOR_RING_OUT] != NULL)
        TRY(ring_write(s->ring[INSPECTOR_RING_OUT], out));
    s->bytes_out += out.len;
    if (s->sees == NULL)
        return ERR_OK;
    TRY(inspection_feed(s->sees, out, &used, NULL, 0, &made));
    return used == out.len ? ERR_OK : ERR_BUG;
}

/* The next slot of ring A into buf. *ret_len 0 at the end. */
static enum err
inspector_slot_read(struct inspector_slot *s, uint8_t *buf, size_t *ret_len)
{
    bool eof = false;
    TRY(ring_read(s->ring[INSPECTOR_RING_IN], buf, RING_SLOT_BYTES, ret_len, &eof));
    s->at_end = eof;
    s->bytes_in += *ret_len;
    return ERR_OK;
}

/* A stream that leaves as it came: one slot from A to B, read only when B has room. */
static enum err
inspector_slot_same(struct inspector *i, struct inspector_slot *s)
{
    size_t len = 0;
    size_t used = 0;
    size_t made = 0;
    uint8_t *buf = i->room->data;
    struct ring *out = s->ring[INSPECTOR_RING_OUT];
    if (!s->at_end) {
        if (out != NULL && ring_ready(out) == 0) {
            /* No room, or the sealer gave up: asking for a slot tells which. */
            uint8_t *slot = NULL;
            TRY(ring_reserve(out, &slot));
        }
        TRY(inspector_slot_read(s, buf, &len));
    }
    if (!s->at_end) {
        if (s->in != NULL)
            TRY(inspection_feed(s->in, span_of(buf, len), &used, NULL, 0, &made));
        const enum err err = inspector_slot_pass(s, span_of(buf, len));
        /* There was room; it cannot be gone but by the reader's lie. */
        return err == ERR_AGAIN ? ERR_PROTOCOL : err;
    }
    if (s->phase == INSPECTOR_FEEDS) {
        if (s->in != NULL)
            TRY(inspection_finish(s->in, NULL, 0, &made));
        if (s->sees != NULL)
            TRY(inspection_finish(s->sees, NULL, 0, &made));
        s->phase = INSPECTOR_CLOSES;
    }
    if (out != NULL)
        TRY(ring_eof(out));
    s->phase = INSPECTOR_DONE;
    return ERR_OK;
}

/* Output waits in the second half of data until ring B takes it. */
static enum err
inspector_slot_flush(struct inspector_slot *s)
{
    if (s->made_len == 0)
        return ERR_OK;
    TRY(inspector_slot_pass(s, span_of(s->data + INSPECTOR_DATA_BYTES, s->made_len)));
    s->made_len = 0;
    return ERR_OK;
}

/* The end of the first inspection in steps: output, the second one's end, the ring's. */
static enum err
inspector_slot_end(struct inspector_slot *s)
{
    size_t made = 0;
    if (s->phase == INSPECTOR_FEEDS) {
        const enum err err = inspection_finish(s->in, s->data + INSPECTOR_DATA_BYTES,
                                               INSPECTOR_DATA_BYTES, &s->made_len);
        if (err == ERR_OK)
            s->phase = INSPECTOR_ENDS;
        return err == ERR_AGAIN ? ERR_OK : err;
    }
    if (s->phase == INSPECTOR_ENDS) {
        TRY(inspection_finish(s->sees, NULL, 0, &made));
        s->phase = INSPECTOR_CLOSES;
    }
    TRY(ring_eof(s->ring[INSPECTOR_RING_OUT]));
    s->phase = INSPECTOR_DONE;
    return ERR_OK;
}

/* A stream that is changed: one step of writing, feeding, reading or ending. */
static enum err
inspector_slot_change(struct inspector_slot *s)
{
    size_t used = 0;
    size_t len = 0;
    TRY(inspector_slot_flush(s));
    if (s->data_at < s->data_len) {
        const enum err err =
            inspection_feed(s->in, span_of(s->data + s->data_at, s->data_len - s->data_at), &used,
                            s->data + INSPECTOR_DATA_BYTES, INSPECTOR_DATA_BYTES, &s->made_len);
        if (err != ERR_OK && err != ERR_AGAIN)
            return err;
        s->data_at += used;
        return ERR_OK;
    }
    if (s->at_end)
        return inspector_slot_end(s);
    TRY(inspector_slot_read(s, s->data, &len));
    s->data_at = 0;
    s->data_len = len;
    return ERR_OK;
}

void
inspector_turn(struct inspector *i, size_t slot)
{
    struct inspector_slot *s = slot < i->slot_max ? &i->slots[slot] : NULL;
    if (s == NULL || !s->running)
        return;
    for (unsigned k = 0; k < INSPECTOR_RINGS; k++)
        if (s->ring[k] != NULL)
            ring_ack(s->ring[k]);
    for (size_t k = 0; k < INSPECTOR_TURN_SLOTS; k++) {
        const enum err err = s->data == NULL ? inspector_slot_same(i, s) : inspector_slot_change(s);
        if (err == ERR_AGAIN)
            return;
        if (err != ERR_OK) {
            inspector_slot_fail(i, s, err);
            return;
        }
        if (s->phase == INSPECTOR_DONE) {
            inspector_slot_report(i, s);
            return;
        }
    }
    i->out.again(i->out.ctx, slot);
}
