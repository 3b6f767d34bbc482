/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 8, release: keeper's RELEASE and the committed counters become durable in one transaction
 * (X8). There is no way back: the same bytes are sent, with a fresh proof, until the receipt comes;
 * they never expire here and what was counted stays counted. */
#include "gateway/clerk/clerk_counter.h"
#include "gateway/clerk/counter.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/restored.h"
#include "schemas/entry.h"

/* Sent: the peer works on it. If its receipt got lost, this is when it is reminded. */
enum { S8_REMIND_MS = 60 * 1000, S8_NOT_WHOLE = 409, S8_UNKNOWN = 404 };

static enum err
s8_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_wrapped *p = arg;
    struct store_row *row = &run->row;
    TRY(counter_commit(f->store, row->id, row->party, &f->room));
    TRY(store_part_put(f->store, row->id, STORE_RELEASE, 0, p->release));
    TRY(store_part_del(f->store, row->id, STORE_WRAPPED));
    memcpy(row->release_hash, p->release_hash, sizeof(row->release_hash));
    return ERR_OK;
}

/* The reservation was made for another year than the one it is now: decide again in this one. */
static bool
s8_year_turned(struct flow *f, const struct flow_run *run)
{
    uint64_t reserved = 0;
    return store_reserve_get(f->store, run->row.id, &reserved) == ERR_OK &&
           reserved != counter_year(flow_run_wall(f));
}

enum err
s8_release_wrapped(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_wrapped p;
    TRY(payload_wrapped_get(m->body, &p));
    if (run->row.state != FLOW_X7_FORWARDING)
        return ERR_OK;
    if (p.err == (uint16_t)-ERR_EXPIRED || s8_year_turned(f, run)) {
        s5_decide_again(f, run);
        return ERR_OK;
    }
    if (p.err != 0) {
        if (p.err == (uint16_t)-ERR_PROOF || p.err == (uint16_t)-ERR_NOT_FOUND)
            run->flags |= RUN_RECHECK;
        flow_run_retry(f, run);
        return ERR_OK;
    }
    if (p.release.len == 0)
        return ERR_MISSING;
    const enum err err = flow_run_save(f, run, FLOW_X8_RELEASED, s8_fill, &p);
    if (err == ERR_OK)
        clerk_counter_watch(f, run->row.id);
    else if (!f->dead)
        flow_run_retry(f, run);
    return ERR_OK;
}

/* The RELEASE was stored in a newer copy of the database only: its bytes are the peer's alone. */
static bool
s8_is_forgotten(const struct flow_run *run)
{
    static const uint8_t zero[32] = {0};
    return memcmp(run->row.release_hash, zero, sizeof(zero)) == 0;
}

void
s8_release_send(struct flow *f, struct flow_run *run)
{
    struct p_proof_ask ask = {
        .kind = ENTRY_DECISION, .n = (uint16_t)run->row.n, .peer = span_str(run->row.peer)};
    struct span body;
    if (s8_is_forgotten(run)) {
        restored_ask_peer(f, run);
        return;
    }
    if ((run->flags & RUN_RESEND) != 0 && (run->flags & RUN_READY) == 0) {
        s7_forward_resend(f, run);
        return;
    }
    run->flags &= ~(unsigned)(RUN_RESEND | RUN_READY | RUN_GONE);
    if (f->log_state != LOG_CONFIRMED ||
        payload_proof_ask_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_ask(f, run, ROLE_LEDGER, 0, MSG_PROOF_ASK, body);
}

static enum err
s8_send(struct flow *f, struct flow_run *run, const struct p_proof *p)
{
    struct parcel parcel = {.kind = PARCEL_RELEASE,
                            .entry = p->entry,
                            .proof = p->proof,
                            .old_size = p->old_size,
                            .consistency = p->consistency};
    struct p_parcel_send send = {.peer = span_str(run->row.peer), .what = PARCEL_RELEASE};
    struct span body;
    uint8_t *out = NULL;
    TRY(store_part_get(f->store, run->row.id, STORE_RELEASE, 0, &f->room, &parcel.record));
    TRY(room_take(&f->room, PARCEL_BYTES_MAX, &out));
    TRY(parcel_write(&parcel, out, PARCEL_BYTES_MAX, &send.parcel));
    TRY(payload_parcel_send_put(&send, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_LINK, 0, MSG_PARCEL_SEND, body);
    return ERR_OK;
}

enum err
s8_release_proof(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_proof p;
    TRY(payload_proof_get(m->body, &p));
    if (run->row.state != FLOW_X8_RELEASED)
        return ERR_OK;
    if (p.err != 0 || s8_send(f, run, &p) != ERR_OK)
        flow_run_retry(f, run);
    return ERR_OK;
}

enum err
s8_release_sent(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_parcel_sent p;
    TRY(payload_parcel_sent_get(m->body, &p));
    if (p.what == PARCEL_STATE)
        return restored_stands(f, run, &p);
    if (run->row.state != FLOW_X8_RELEASED)
        return ERR_OK;
    if (p.status >= 200 && p.status <= 299)
        flow_run_wait(f, run, S8_REMIND_MS);
    else
        flow_run_retry(f, run);
    /* It stopped after it had acknowledged the last group and before its clerk knew of it, or its
     * database is an older copy that never heard of the transfer. */
    if (p.status == S8_NOT_WHOLE || p.status == S8_UNKNOWN)
        run->flags |= RUN_RESEND;
    return ERR_OK;
}
