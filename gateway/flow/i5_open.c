/* SPDX-License-Identifier: Apache-2.0 */
/* Import 5, open: keeper unwraps the data key to one sealer, the body is opened, re-hashed against
 * the root and inspected again by ourselves (M5). An attempt that breaks is begun again from byte 0
 * with fresh processes. */
#include "gateway/clerk/spool.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/stages.h"

#include <stdio.h>
#include <unistd.h>

enum { I5_DAMAGED_TRIES = 3 }; /* a body that never opens is not what was sealed */
/* So often it is asked for again: the exporter keeps it until it has a receipt. */
enum { I5_BODIES = 1 };
/* Opening is bounded by the size: this much and a minute, at a megabyte a second. */
enum { I5_BYTES_PER_MS = 1000, I5_BASE_MS = 60 * 1000 };

static enum err
i5_announce(struct flow *f, struct flow_run *run)
{
    struct p_inspect_open inspect = {.direction = DIRECTION_IMPORT,
                                     .partner = span_str(run->row.party),
                                     .source = run->sealer.index,
                                     .source_gen = run->sealer.gen,
                                     .sealer = run->sealer.index,
                                     .sealer_gen = run->sealer.gen};
    struct p_body_open open = {.purpose = OPEN_INSPECT,
                               .target = run->inspector.index,
                               .target_gen = run->inspector.gen,
                               .last = UINT64_MAX};
    struct span body;
    int fds[2] = {-1, -1};
    TRY(store_part_get(f->store, run->row.id, STORE_SPEC, 0, &f->room, &inspect.spec));
    memcpy(inspect.offer_hash, run->row.offer_hash, sizeof(inspect.offer_hash));
    memcpy(open.offer_hash, run->row.offer_hash, sizeof(open.offer_hash));
    TRY(payload_inspect_open_put(&inspect, f->tx, sizeof(f->tx), &body));
    TRY(flow_run_tell(f, run, ROLE_INSPECTOR, run->inspector.index, MSG_INSPECT_OPEN, body, NULL,
                      0));
    TRY(payload_body_open_put(&open, f->tx, sizeof(f->tx), &body));
    TRY(spool_open(f->spool_dir, run->row.spool, false, fds));
    const enum err err =
        flow_run_tell(f, run, ROLE_SEALER, run->sealer.index, MSG_BODY_OPEN, body, fds, 2);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return err;
}

static enum err
i5_ask_unwrap(struct flow *f, struct flow_run *run)
{
    struct p_unwrap ask = {.peer = span_str(run->row.peer),
                           .sealer = run->sealer.index,
                           .sealer_gen = run->sealer.gen,
                           .inspector = run->inspector.index,
                           .inspector_gen = run->inspector.gen};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    TRY(store_part_get(f->store, run->row.id, STORE_SEAL, 0, &f->room, &ask.seal));
    TRY(store_part_get(f->store, run->row.id, STORE_RELEASE, 0, &f->room, &ask.release));
    TRY(payload_unwrap_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_UNWRAP, body);
    return ERR_OK;
}

static enum err
i5_ask_offer(struct flow *f, struct flow_run *run)
{
    struct p_import_offer offer = {.peer = span_str(run->row.peer)};
    struct span body;
    TRY(store_part_get(f->store, run->row.id, STORE_OFFER, 0, &f->room, &offer.offer));
    TRY(payload_import_offer_put(&offer, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_JUDGE, 0, MSG_IMPORT_OFFER, body);
    return ERR_OK;
}

void
i5_open_reoffer(struct flow *f, struct flow_run *run)
{
    if (i5_ask_offer(f, run) != ERR_OK)
        flow_run_retry(f, run);
}

/* Keeper or judge was restarted: judge checks the offer again and tells keeper of it, then ledger
 * of the exporter's entry. */
static enum err
i5_recheck(struct flow *f, struct flow_run *run)
{
    struct p_peer_verify verify = {.peer = span_str(run->row.peer)};
    struct parcel parcel;
    struct span bytes;
    struct span body;
    if ((run->flags & RUN_CHECKED) == 0)
        return i5_ask_offer(f, run);
    TRY(store_part_get(f->store, run->row.id, STORE_PARCEL, 0, &f->room, &bytes));
    TRY(parcel_read(bytes, &parcel));
    verify.entry = parcel.entry;
    verify.proof = parcel.proof;
    verify.old_size = parcel.old_size;
    verify.consistency = parcel.consistency;
    TRY(payload_peer_verify_put(&verify, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_LEDGER, 0, MSG_PEER_VERIFY, body);
    return ERR_OK;
}

/* The offer does not count any more, now or later: it ended, or what let it in is gone. */
static bool
i5_is_void(struct flow *f, struct flow_run *run, const struct p_import_checked *p)
{
    if (p->err == 0 ? p->verdict != VERDICT_DENY : flow_never_passes(p->err))
        return false;
    if (p->err == (uint16_t)-ERR_EXPIRED)
        i6_decide_refuse(f, run, "timeout", "offer-expired", FLOW_ME_EXPIRED);
    else
        i6_decide_refuse(f, run, "operator", "offer-refused", FLOW_ME_EXPIRED);
    return true;
}

/* What judge lets in by the agreement that is in force now is inspected, kept and shown by it. */
static enum err
i5_renew(struct flow *f, struct flow_run *run, const struct p_import_checked *p)
{
    struct store_row row = run->row;
    if (p->recipient.len >= sizeof(row.party))
        return ERR_RANGE;
    (void)snprintf(row.party, sizeof(row.party), "%.*s", (int)p->recipient.len,
                   (const char *)p->recipient.ptr);
    row.retain_days = p->retain_days;
    row.reserved_at = p->bytes_max;
    enum err err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_part_put(f->store, row.id, STORE_SPEC, 0, p->spec);
    if (err == ERR_OK)
        err = store_row_put(f->store, &row);
    err = store_end(f->store, err);
    if (err == ERR_OK)
        run->row = row;
    if (err == ERR_IO)
        flow_run_dead(f);
    return err;
}

/* Ledger cannot follow the proof that came with the RELEASE. The exporter, who has no receipt, may
 * bring a newer one as long as its offer lasts. */
static bool
i5_is_unproved(struct flow *f, struct flow_run *run, const struct p_peer_verified *p)
{
    const bool over = (uint64_t)(flow_run_wall(f) / 1000) >= run->row.not_after;
    if (p->err == 0 || flow_never_passes(p->err) || !over)
        return false;
    i5_open_never(f, run, p->err, "release-unproved");
    return true;
}

static enum err
i5_rechecked(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_import_checked checked;
    struct p_peer_verified verified;
    bool told = false;
    if (m->type == MSG_IMPORT_CHECKED) {
        TRY(payload_import_checked_get(m->body, &checked));
        if (i5_is_void(f, run, &checked))
            return ERR_OK;
        const enum err renewed = checked.err == 0 ? i5_renew(f, run, &checked) : ERR_AGAIN;
        if (renewed == ERR_RANGE)
            return renewed;
        told = renewed == ERR_OK;
        run->flags |= told ? RUN_CHECKED : 0;
    } else {
        TRY(payload_peer_verified_get(m->body, &verified));
        if (i5_is_unproved(f, run, &verified))
            return ERR_OK;
        told = verified.err == 0;
        run->flags &= told ? ~(unsigned)(RUN_RECHECK | RUN_CHECKED) : ~0U;
    }
    flow_run_retry(f, run);
    if (told)
        flow_run_now(f, run);
    return ERR_OK;
}

enum err
i5_open_rechecked(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_import_checked checked;
    if (run->row.state == FLOW_M4_RELEASED)
        return i5_rechecked(f, run, m);
    if (m->type != MSG_IMPORT_CHECKED)
        return ERR_OK;
    TRY(payload_import_checked_get(m->body, &checked));
    if (run->row.state == FLOW_M1_OFFERED)
        return i1_offer_rechecked(f, run, &checked);
    if (run->row.state != FLOW_M6_LOGGED)
        return ERR_OK;
    /* A refused offer: its receipt is asked for again, if keeper can hear of the offer at all. */
    run->flags &= ~(unsigned)RUN_RECHECK;
    flow_run_retry(f, run);
    if (checked.err != 0 && !flow_never_passes(checked.err) && flow_never_said(run))
        i7_settle_unsigned(f, run, checked.err);
    return ERR_OK;
}

void
i5_open_drive(struct flow *f, struct flow_run *run)
{
    enum err err = ERR_OK;
    if ((run->flags & RUN_RECHECK) != 0) {
        if (i5_recheck(f, run) != ERR_OK)
            flow_run_retry(f, run);
        return;
    }
    if (run->inspector.bound) {
        i5_open_failed(f, run); /* the attempt took too long */
        return;
    }
    err = flow_pool_take(f, run, run->row.party);
    if (err == ERR_OK)
        err = i5_announce(f, run);
    if (err == ERR_OK)
        err = i5_ask_unwrap(f, run);
    if (err == ERR_NOT_FOUND) {
        flow_pool_give(f, run);
        i5_open_lost(f, run, "body-lost"); /* the folder is of another time than the database */
    } else if (err != ERR_OK) {
        flow_pool_give(f, run);
        flow_run_retry(f, run);
    }
}

void
i5_open_again(struct flow *f, struct flow_run *run)
{
    flow_pool_abort(f, run);
    flow_pool_give(f, run);
    for (size_t i = 0; i < 2; i++) {
        if (run->fds[i] >= 0)
            (void)close(run->fds[i]);
        run->fds[i] = -1;
    }
    run->flags &= ~(unsigned)(RUN_OPENED | RUN_INSPECTED | RUN_UNWRAPPED);
    run->conv.tag = 0;
    if (run->row.state == FLOW_M5_INSPECTED &&
        flow_run_save(f, run, FLOW_M4_RELEASED, NULL, NULL) != ERR_OK)
        return;
    flow_run_retry(f, run);
}

void
i5_open_forgotten(struct flow *f, struct flow_run *run)
{
    const bool is_first = run->recalls == 0;
    if (flow_never_forgotten(run)) {
        i5_open_never(f, run, (uint16_t)-ERR_NOT_FOUND, "undecidable");
        return;
    }
    i5_open_again(f, run);
    if (f->dead || run->row.state != FLOW_M4_RELEASED)
        return;
    run->flags |= RUN_RECHECK;
    if (is_first)
        flow_run_now(f, run);
    else
        flow_run_wait(f, run, f->config.retry_max_ms); /* who forgets at once again needs time */
}

/* Keeper gave no key, which says nothing of the body. */
static void
i5_locked(struct flow *f, struct flow_run *run, uint16_t err)
{
    const bool forgot = err == (uint16_t)-ERR_NOT_FOUND;
    if (err == 0 || forgot || flow_never_passes(err) || !flow_never_said(run)) {
        /* Another entry of the exporter's than the one we hold may be what keeper knows of. */
        if (forgot || err == (uint16_t)-ERR_PROOF)
            i5_open_forgotten(f, run);
        else
            i5_open_again(f, run);
        return;
    }
    i5_open_never(f, run, err, flow_never_reason(err, "release-unusable"));
}

enum err
i5_open_unwrapped(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_unwrapped p;
    TRY(payload_unwrapped_get(m->body, &p));
    if (run->row.state != FLOW_M4_RELEASED || !run->inspector.bound)
        return ERR_OK;
    if (p.err == (uint16_t)-ERR_EXPIRED) {
        flow_pool_abort(f, run);
        flow_pool_give(f, run);
        i6_decide_refuse(f, run, "timeout", "verdict-expired", FLOW_ME_EXPIRED);
        return ERR_OK;
    }
    if (p.err != 0 || flow_run_keep(run, KEEP_UNWRAPPED, p.held) != ERR_OK) {
        i5_locked(f, run, p.err);
        return ERR_OK;
    }
    run->flags |= RUN_UNWRAPPED;
    flow_run_wait(f, run, I5_BASE_MS + (uint32_t)(run->row.body_bytes / I5_BYTES_PER_MS));
    i5_open_join(f, run);
    return ERR_OK;
}

void
i5_open_damaged(struct flow *f, struct flow_run *run)
{
    i5_open_again(f, run);
    if (++run->damages >= I5_DAMAGED_TRIES)
        i5_open_lost(f, run, "body-damaged");
}

void
i5_open_failed(struct flow *f, struct flow_run *run)
{
    if (flow_never_lost(run))
        i5_open_never(f, run, (uint16_t)-ERR_ROLE_LOST, "inspector-failed");
    else
        i5_open_again(f, run);
}

void
i5_open_orphaned(struct flow *f, struct flow_run *run, bool inspector)
{
    if (inspector)
        i5_open_failed(f, run); /* what it read may have ended it */
    else
        i5_open_again(f, run);
}

void
i5_open_uninspected(struct flow *f, struct flow_run *run, uint16_t err)
{
    if (err == (uint16_t)-ERR_CANCELLED)
        return; /* its sealer stopped, and says why */
    if (err == (uint16_t)-ERR_FULL || err == (uint16_t)-ERR_AGAIN)
        i5_open_again(f, run);
    else if (flow_never_passes(err))
        i5_open_failed(f, run);
    else if (flow_never_said(run))
        i5_open_never(f, run, err, "inspector-failed");
    else
        i5_open_again(f, run);
}

static enum err
i5_fill_again(struct flow *f, struct flow_run *run, const void *arg)
{
    struct store_row *row = &run->row;
    (void)arg;
    TRY(store_part_del(f->store, row->id, STORE_RELEASE));
    TRY(store_part_del(f->store, row->id, STORE_PARCEL));
    memset(row->release_hash, 0, sizeof(row->release_hash));
    row->epoch++;
    row->groups = 0;
    row->received_at = 0;
    row->spool[0] = 0;
    return ERR_OK;
}

void
i5_open_lost(struct flow *f, struct flow_run *run, const char *reason)
{
    char stem[sizeof(run->row.spool)];
    if (f->dead)
        return;
    f->out.notice(f->out.ctx, FLOW_NOTICE_DAMAGED, run->row.id, run->row.body_bytes);
    if (run->row.epoch >= I5_BODIES) {
        i6_decide_refuse(f, run, "operator", reason, FLOW_MF_FAILED);
        return;
    }
    memcpy(stem, run->row.spool, sizeof(stem));
    if (flow_run_save(f, run, FLOW_M1_OFFERED, i5_fill_again, NULL) != ERR_OK) {
        if (!f->dead)
            flow_run_retry(f, run);
        return;
    }
    if (stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
}

void
i5_open_never(struct flow *f, struct flow_run *run, uint16_t err, const char *reason)
{
    i5_open_again(f, run);
    if (f->dead || run->row.state != FLOW_M4_RELEASED)
        return;
    f->out.notice(f->out.ctx, FLOW_NOTICE_REFUSED, run->row.id, err);
    i6_decide_refuse(f, run, "operator", reason, FLOW_MF_FAILED);
}

enum err
i5_open_opened(struct flow *f, unsigned index, const struct msg *m)
{
    struct p_opened p;
    TRY(payload_opened_get(m->body, &p));
    if (p.purpose == OPEN_PULL) {
        i8_pull_end(f, p.pull);
        return ERR_OK;
    }
    struct flow_run *run = flow_run_live(f, m->transfer);
    if (run == NULL || run->row.state != FLOW_M4_RELEASED || !run->sealer.bound)
        return ERR_OK;
    if (!flow_pool_is(&run->sealer, f, ROLE_SEALER, index) ||
        memcmp(p.offer_hash, run->row.offer_hash, sizeof(p.offer_hash)) != 0)
        return ERR_OK; /* the end of an attempt that was given up */
    if (p.err == (uint16_t)-ERR_CANCELLED)
        return ERR_OK; /* its inspector stopped, and says why */
    const bool passes = flow_never_passes(p.err) && p.err != (uint16_t)-ERR_IO;
    if (passes) {
        i5_open_again(f, run);
        return ERR_OK;
    }
    if (p.err != 0 || memcmp(p.root, run->row.root, sizeof(p.root)) != 0) {
        i5_open_damaged(f, run);
        return ERR_OK;
    }
    run->flags |= RUN_OPENED;
    i5_open_join(f, run);
    return ERR_OK;
}

static enum err
i5_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct span *findings = arg;
    TRY(store_part_put(f->store, run->row.id, STORE_HELD, 0, run->kept[KEEP_UNWRAPPED]));
    return store_part_put(f->store, run->row.id, STORE_FINDINGS, 0, *findings);
}

void
i5_open_join(struct flow *f, struct flow_run *run)
{
    const unsigned all = RUN_OPENED | RUN_INSPECTED | RUN_UNWRAPPED;
    struct span findings;
    if ((run->flags & all) != all)
        return;
    if (run->bytes_in != run->row.bytes ||
        flow_reply_read(f, run->fds[0], FLOW_FINDINGS_MAX, &findings) != ERR_OK) {
        i5_open_failed(f, run); /* it opened: what is wrong is what the inspector says of it */
        return;
    }
    if (flow_run_save(f, run, FLOW_M5_INSPECTED, i5_fill, &findings) != ERR_OK) {
        if (!f->dead)
            i5_open_again(f, run);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        (void)close(run->fds[i]);
        run->fds[i] = -1;
    }
    flow_pool_give(f, run);
}
