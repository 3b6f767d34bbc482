/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 7, forward: ledger tells link GO for a decision that is in the log, link carries OFFER,
 * SEAL and groups and says when the peer holds the whole body. Repeated until it does, or until the
 * offer ends. */
#include "gateway/clerk/spool.h"
#include "gateway/flow/restored.h"
#include "schemas/entry.h"

#include <unistd.h>

/* Link repeats its own requests; this is how often clerk makes sure that link still knows. */
enum { S7_AGAIN_MS = 60 * 1000 };

static enum err
s7_ask_go(struct flow *f, struct flow_run *run)
{
    struct p_go_ask ask = {.n = (uint16_t)run->row.n};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    TRY(payload_go_ask_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_LEDGER, 0, MSG_GO_ASK, body);
    return ERR_OK;
}

static enum err
s7_send(struct flow *f, struct flow_run *run)
{
    struct p_forward p = {.peer = span_str(run->row.peer), .body_len = run->row.body_bytes};
    struct span body;
    int fds[2] = {-1, -1};
    memcpy(p.offer_hash, run->row.offer_hash, sizeof(p.offer_hash));
    TRY(store_part_get(f->store, run->row.id, STORE_OFFER, 0, &f->room, &p.offer));
    TRY(store_part_get(f->store, run->row.id, STORE_SEAL, 0, &f->room, &p.seal));
    TRY(payload_forward_put(&p, f->tx, sizeof(f->tx), &body));
    TRY(spool_open(f->spool_dir, run->row.spool, false, fds));
    const enum err err = flow_run_tell(f, run, ROLE_LINK, 0, MSG_FORWARD, body, fds, 2);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return err;
}

static enum err
s7_ask_wrap(struct flow *f, struct flow_run *run)
{
    struct p_wrap ask = {.n = (uint16_t)run->row.n};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    TRY(store_part_get(f->store, run->row.id, STORE_PERMIT, run->row.n, &f->room, &ask.permit));
    TRY(store_part_get(f->store, run->row.id, STORE_SEAL, 0, &f->room, &ask.seal));
    TRY(store_part_get(f->store, run->row.id, STORE_WRAPPED, 0, &f->room, &ask.wrapped));
    TRY(payload_wrap_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_WRAP, body);
    return ERR_OK;
}

/* The body goes to the peer, from the first group it does not hold. */
static enum err
s7_carry(struct flow *f, struct flow_run *run)
{
    if ((run->flags & RUN_GONE) == 0)
        return s7_ask_go(f, run);
    TRY(s7_send(f, run));
    flow_run_wait(f, run, S7_AGAIN_MS);
    return ERR_OK;
}

static enum err
s7_step(struct flow *f, struct flow_run *run)
{
    if ((run->flags & RUN_READY) != 0) {
        /* Unconfirmed: the log could be an old copy; nothing is released on its word. */
        if (f->log_state != LOG_CONFIRMED)
            return ERR_AGAIN;
        if ((run->flags & RUN_RECHECK) != 0) {
            run->flags &= ~(unsigned)RUN_RECHECK;
            s6_log_prove(f, run, ENTRY_DECISION, run->row.n);
            return ERR_OK;
        }
        return s7_ask_wrap(f, run);
    }
    return s7_carry(f, run);
}

/* The end of a step. Without the body's files, which only another copy of the folder has, nothing
 * can be carried, now or later. */
static void
s7_took(struct flow *f, struct flow_run *run, enum err err)
{
    if (err == ERR_IO) {
        flow_run_dead(f);
    } else if (err == ERR_NOT_FOUND) {
        f->out.notice(f->out.ctx, FLOW_NOTICE_LOST, run->row.id, run->row.body_bytes);
        s9_receipt_refuse(f, run, "operator", "body-lost", FLOW_XF_FAILED);
    } else if (err != ERR_OK) {
        flow_run_retry(f, run);
    }
}

void
s7_forward_resend(struct flow *f, struct flow_run *run)
{
    s7_took(f, run, s7_carry(f, run));
}

bool
s7_forward_runs(const struct flow_run *run)
{
    return run->row.state == FLOW_X7_FORWARDING ||
           (run->row.state == FLOW_X8_RELEASED && (run->flags & RUN_RESEND) != 0);
}

void
s7_forward_drive(struct flow *f, struct flow_run *run)
{
    if (flow_run_wall(f) >= (int64_t)run->row.not_after * 1000) {
        s9_receipt_refuse(f, run, "timeout", "offer-expired", FLOW_XE_EXPIRED);
        return;
    }
    s7_took(f, run, s7_step(f, run));
}

enum err
s7_forward_told(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_go_told p;
    TRY(payload_go_told_get(m->body, &p));
    if (!s7_forward_runs(run))
        return ERR_OK;
    if (p.err != 0) {
        flow_run_retry(f, run);
        return ERR_OK;
    }
    run->flags |= RUN_GONE;
    flow_run_now(f, run);
    return ERR_OK;
}

/* Progress is kept now and then; the peer is asked again after a restart anyway. */
static void
s7_progress(struct flow *f, struct flow_run *run, uint64_t groups)
{
    if (groups > run->row.groups)
        run->row.groups = groups;
    flow_run_wait(f, run, S7_AGAIN_MS);
}

enum err
s7_forward_state(struct flow *f, const struct msg *m)
{
    struct p_forward_state p;
    TRY(payload_forward_state_get(m->body, &p));
    if (p.stage > FORWARD_TAKEN)
        return ERR_RANGE;
    struct flow_run *run = flow_run_live(f, m->transfer);
    if (run == NULL || !s7_forward_runs(run))
        return ERR_OK;
    if (p.stage == FORWARD_REFUSED && p.parcel.len > 0)
        return s9_receipt_in(f, NULL, span_str(run->row.peer), run->row.id, p.parcel);
    if ((run->flags & RUN_READY) != 0 || run->conv.tag != 0)
        return ERR_OK;
    if (p.stage == FORWARD_TAKEN && run->row.state == FLOW_X7_FORWARDING) {
        run->doubt = true; /* nothing was released that this database knows of */
        flow_run_now(f, run);
    } else if (p.stage == FORWARD_READY || p.stage == FORWARD_TAKEN) {
        run->flags |= RUN_READY;
        flow_run_now(f, run);
    } else {
        s7_progress(f, run, p.groups);
    }
    return ERR_OK;
}
