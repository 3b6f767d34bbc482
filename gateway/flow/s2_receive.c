/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 2, receive: an inspector and a sealer are bound, keeper gives them the keys, the edge gets
 * its GO (X2) and the bytes stream past clerk, edge to inspector to sealer to spool. What breaks
 * before the body is sealed ends the transfer: nothing was promised, nothing was logged. */
#include "gateway/clerk/spool.h"
#include "gateway/flow/stages.h"
#include "schemas/problem.h"

#include <stdio.h>
#include <unistd.h>

enum { S2_POOL_TRIES = 100 }; /* pauses for a free inspector before the client is told to wait */
/* From the last byte to findings and SEALED: what the rings hold, and the sync of a large body. */
enum { S2_END_MS = 10 * 60 * 1000 };

static void
s2_close_fds(struct flow_run *run)
{
    for (size_t i = 0; i < 2; i++) {
        if (run->fds[i] >= 0)
            (void)close(run->fds[i]);
        run->fds[i] = -1;
    }
}

/* Tells inspector and sealer what to expect. */
static enum err
s2_announce(struct flow *f, struct flow_run *run)
{
    struct p_inspect_open inspect = {.direction = DIRECTION_EXPORT,
                                     .partner = span_str(run->row.party),
                                     .source = run->edge.index,
                                     .source_gen = run->edge.gen,
                                     .sealer = run->sealer.index,
                                     .sealer_gen = run->sealer.gen};
    struct p_seal_open seal = {.inspector = run->inspector.index,
                               .inspector_gen = run->inspector.gen};
    struct span body;
    TRY(store_part_get(f->store, run->row.id, STORE_SPEC, 0, &f->room, &inspect.spec));
    memcpy(inspect.offer_hash, run->row.offer_hash, sizeof(inspect.offer_hash));
    memcpy(seal.offer_hash, run->row.offer_hash, sizeof(seal.offer_hash));
    TRY(payload_inspect_open_put(&inspect, f->tx, sizeof(f->tx), &body));
    TRY(flow_run_tell(f, run, ROLE_INSPECTOR, run->inspector.index, MSG_INSPECT_OPEN, body, NULL,
                      0));
    TRY(payload_seal_open_put(&seal, f->tx, sizeof(f->tx), &body));
    return flow_run_tell(f, run, ROLE_SEALER, run->sealer.index, MSG_SEAL_OPEN, body, run->fds, 2);
}

static enum err
s2_ask_key(struct flow *f, struct flow_run *run)
{
    struct p_key_give ask = {.purpose = KEY_SEAL,
                             .sealer = run->sealer.index,
                             .sealer_gen = run->sealer.gen,
                             .inspector = run->inspector.index,
                             .inspector_gen = run->inspector.gen};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    TRY(store_part_get(f->store, run->row.id, STORE_WRAPPED, 0, &f->room, &ask.wrapped));
    TRY(payload_key_give_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_KEY_GIVE, body);
    return run->conv.tag == 0 ? ERR_ROLE_LOST : ERR_OK;
}

void
s2_receive_open(struct flow *f, struct flow_run *run)
{
    uint8_t name[16];
    char stem[SPOOL_STEM_BYTES];
    if (!run->has_open) {
        s2_receive_fail(f, run, "interrupted", SPAN_LIT(""));
        return;
    }
    enum err err = flow_pool_take(f, run, run->row.party);
    if (err == ERR_AGAIN && run->tries < S2_POOL_TRIES) {
        run->tries++;
        flow_run_wait(f, run, f->config.retry_min_ms / 5 + 1);
        return;
    }
    if (err != ERR_OK) {
        s2_receive_fail(f, run, "too-many-uploads", SPAN_LIT(""));
        return;
    }
    err = f->out.random(f->out.ctx, name, sizeof(name));
    if (err == ERR_OK)
        err = spool_create(f->spool_dir, name, stem, run->fds);
    if (err == ERR_IO) {
        flow_run_dead(f); /* an fsync that failed is not tried again */
        return;
    }
    if (err == ERR_OK)
        (void)snprintf(run->row.spool, sizeof(run->row.spool), "%s", stem);
    if (err == ERR_OK)
        err = s2_announce(f, run);
    s2_close_fds(run);
    if (err == ERR_OK)
        err = s2_ask_key(f, run);
    if (err != ERR_OK)
        s2_receive_fail(f, run, err == ERR_NO_SPACE ? "spool-full" : "inspector-failed",
                        SPAN_LIT(""));
}

enum err
s2_receive_keyed(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_key_given p;
    struct p_upload_go go = {0};
    TRY(payload_key_given_get(m->body, &p));
    if (run->row.state != FLOW_X1_CREATED)
        return ERR_OK;
    if (p.err != 0 || !run->has_open || !run->inspector.bound) {
        s2_receive_fail(f, run, "internal", SPAN_LIT(""));
        return ERR_OK;
    }
    const enum err err = flow_run_save(f, run, FLOW_X2_RECEIVING, NULL, NULL);
    if (err != ERR_OK) {
        if (!f->dead)
            s2_receive_fail(f, run, "internal", SPAN_LIT(""));
        return ERR_OK;
    }
    go.inspector = run->inspector.index;
    go.inspector_gen = run->inspector.gen;
    go.bytes_max = run->row.reserved_at == 0 || run->row.reserved_at > f->config.dataset_bytes_max
                       ? f->config.dataset_bytes_max
                       : run->row.reserved_at;
    memcpy(go.offer_hash, run->row.offer_hash, sizeof(go.offer_hash));
    struct msg answer = {.type = MSG_UPLOAD_GO};
    struct chan_ticket to = run->open;
    memcpy(to.transfer, run->row.id, sizeof(to.transfer));
    run->has_open = false;
    enum err sent = payload_upload_go_put(&go, f->tx, sizeof(f->tx), &answer.body);
    if (sent == ERR_OK)
        sent = f->out.answer(f->out.ctx, &to, &answer);
    if (sent != ERR_OK)
        s2_receive_fail(f, run, "interrupted", SPAN_LIT(""));
    return ERR_OK;
}

/* -- the end of the stream */

/* An edge knows a transfer from clerk's UPLOAD_GO only, and then there is a row, as an export: any
 * other name is made up. */
static enum err
s2_end_names(struct flow *f, const uint8_t transfer[static 16])
{
    struct store_row row;
    if (flow_run_live(f, transfer) != NULL)
        return ERR_OK;
    const enum err err = store_row_get(f->store, transfer, &row);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && row.direction != DIRECTION_EXPORT))
        return ERR_DENIED;
    return ERR_OK;
}

void
s2_receive_late(struct flow *f, struct flow_run *run)
{
    /* The process that received it is gone, and with it the client's connection. */
    if (!run->has_open && !run->edge.bound)
        s2_receive_fail(f, run, "interrupted", SPAN_LIT(""));
    else if ((run->flags & RUN_ENDED) != 0)
        s2_receive_fail(f, run, "inspector-failed", SPAN_LIT(""));
}

static const char *
s2_outcome_code(uint8_t outcome)
{
    switch (outcome) {
    case UPLOAD_DIGEST_MISMATCH:
        return "digest-mismatch";
    case UPLOAD_TOO_LARGE:
        return "too-large";
    case UPLOAD_TOO_SLOW:
        return "too-slow";
    case UPLOAD_MALFORMED:
        return "bad-request";
    default:
        return "interrupted";
    }
}

enum err
s2_receive_end(struct flow *f, unsigned edge, const struct chan_ticket *t, struct msg *m)
{
    struct p_upload_end p;
    TRY(payload_upload_end_get(m->body, &p));
    if (p.outcome > UPLOAD_MALFORMED)
        return ERR_RANGE;
    TRY(s2_end_names(f, m->transfer));
    struct flow_run *run = flow_run_find(f, m->transfer);
    if (run == NULL) {
        flow_reply_code(f, t, m->transfer, "internal", SPAN_LIT(""), SPAN_LIT(""));
        return ERR_OK;
    }
    if (run->edge.bound && !flow_pool_is(&run->edge, f, ROLE_EDGE, edge))
        return ERR_DENIED; /* another edge's upload */
    if (run->has_put && run->put.chan != t->chan)
        return ERR_DENIED; /* another edge waits for its answer */
    if (run->row.state != FLOW_X2_RECEIVING || (run->flags & RUN_ENDED) != 0) {
        flow_reply_row(f, t, &run->row); /* it ended already, on our side */
        return ERR_OK;
    }
    run->has_put = true;
    run->put = *t;
    run->put_ms = flow_run_mono(f) + (p.wait_ms > FLOW_WAIT_MAX_MS ? FLOW_WAIT_MAX_MS : p.wait_ms);
    if (p.outcome != UPLOAD_COMPLETE) {
        s2_receive_fail(f, run, s2_outcome_code(p.outcome), SPAN_LIT(""));
        return ERR_OK;
    }
    run->flags |= RUN_ENDED;
    run->bytes_in = p.bytes;
    flow_run_wait(f, run, S2_END_MS);
    s3_seal_join(f, run);
    return ERR_OK;
}

/* INSPECTED of an export (here) or an import (i5). */
static enum err
s2_take_inspected(struct flow *f, struct flow_run *run, const struct p_inspected *p, struct msg *m)
{
    if (m->fd_count != 2)
        return ERR_PROTOCOL;
    s2_close_fds(run);
    run->fds[0] = msg_take_fd(m, 0);
    run->fds[1] = msg_take_fd(m, 1);
    run->flags |= RUN_INSPECTED;
    run->bytes_out = p->bytes_out;
    memcpy(run->row.findings_hash, p->findings_hash, sizeof(run->row.findings_hash));
    memcpy(run->row.findings_mac, p->mac, sizeof(run->row.findings_mac));
    if (run->row.state == FLOW_M4_RELEASED) {
        run->bytes_in = p->bytes_in;
        i5_open_join(f, run);
        return ERR_OK;
    }
    run->row.bytes = p->bytes_in;
    s3_seal_join(f, run);
    return ERR_OK;
}

enum err
s2_receive_inspected(struct flow *f, unsigned index, struct msg *m)
{
    struct p_inspected p;
    char code[64] = "inspector-failed";
    enum problem_code known = PROBLEM_INSPECTOR_FAILED;
    TRY(payload_inspected_get(m->body, &p));
    struct flow_run *run = flow_run_live(f, m->transfer);
    if (run == NULL)
        return ERR_OK; /* it was aborted meanwhile */
    const bool wanted = run->row.state == FLOW_X2_RECEIVING || run->row.state == FLOW_M4_RELEASED;
    if (!wanted || (run->flags & RUN_INSPECTED) != 0)
        return ERR_OK;
    if (!flow_pool_is(&run->inspector, f, ROLE_INSPECTOR, index) ||
        memcmp(p.offer_hash, run->row.offer_hash, sizeof(p.offer_hash)) != 0)
        /* An import may be opened again: this is the end of an attempt that was given up. */
        return run->row.state == FLOW_M4_RELEASED ? ERR_OK : ERR_DENIED;
    if (p.err == 0)
        return s2_take_inspected(f, run, &p, m);
    if (run->row.state == FLOW_M4_RELEASED) {
        i5_open_uninspected(f, run, p.err);
        return ERR_OK;
    }
    if (p.code.len > 0 && p.code.len < sizeof(code) && problem_find(p.code, &known) == ERR_OK)
        (void)snprintf(code, sizeof(code), "%s", problem_get(known)->code);
    s2_receive_fail(f, run, code, p.detail);
    return ERR_OK;
}

enum err
s2_receive_failed(struct flow *f, unsigned index, const struct msg *m)
{
    struct p_seal_failed p;
    TRY(payload_seal_failed_get(m->body, &p));
    struct flow_run *run = flow_run_live(f, m->transfer);
    if (run == NULL || !flow_pool_is(&run->sealer, f, ROLE_SEALER, index))
        return ERR_OK;
    if (run->row.state == FLOW_M4_RELEASED)
        i5_open_again(f, run);
    else if (run->row.state == FLOW_X1_CREATED || run->row.state == FLOW_X2_RECEIVING)
        s2_receive_fail(f, run, "inspector-failed", SPAN_LIT(""));
    return ERR_OK;
}

/* -- giving up */

static enum err
s2_fill_failed(struct flow *f, struct flow_run *run, const void *arg)
{
    const char *code = arg;
    TRY(store_part_del(f->store, run->row.id, STORE_WRAPPED));
    TRY(store_part_del(f->store, run->row.id, STORE_FINDINGS));
    TRY(store_part_del(f->store, run->row.id, STORE_PERSONS));
    TRY(store_idem_free(f->store, run->row.id));
    TRY(store_reserve_del(f->store, run->row.id));
    (void)snprintf(run->row.reason, sizeof(run->row.reason), "%s", code);
    run->row.spool[0] = 0;
    return ERR_OK;
}

void
s2_receive_fail(struct flow *f, struct flow_run *run, const char *code, struct span detail)
{
    char stem[sizeof(run->row.spool)];
    struct p_upload_stop stop = {.code = span_str(code), .detail = detail};
    struct span body;
    enum problem_code known = PROBLEM_INTERNAL;
    const struct chan_ticket t = run->has_put ? run->put : run->open;
    const bool waits = run->has_put || run->has_open;
    const bool streams = run->row.state == FLOW_X2_RECEIVING && run->edge.bound && !waits;
    memcpy(stem, run->row.spool, sizeof(stem));
    run->has_put = false;
    run->has_open = false;
    run->conv = (struct flow_conv){0, INT64_MAX, 0};
    flow_pool_abort(f, run);
    const enum err err = flow_run_save(f, run, FLOW_XF_FAILED, s2_fill_failed, code);
    if (err != ERR_OK) {
        flow_run_retry(f, run);
        return;
    }
    if (stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
    flow_pool_give(f, run);
    /* A connection that is gone needs no answer; its word is not in the catalogue. */
    const char *said = problem_find(span_str(code), &known) == ERR_OK ? code : "bad-request";
    if (waits)
        flow_reply_code(f, &t, run->row.id, said, detail, SPAN_LIT(""));
    else if (streams && payload_upload_stop_put(&stop, f->tx, sizeof(f->tx), &body) == ERR_OK)
        (void)!flow_run_tell(f, run, ROLE_EDGE, run->edge.index, MSG_UPLOAD_STOP, body, NULL, 0);
}
