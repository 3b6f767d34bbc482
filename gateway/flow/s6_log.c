/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 6, log: the entry, stored before, is appended; nobody outside hears of the decision before
 * ledger has it on disk (X6). Then its proof goes to keeper, who signs the SEAL. */
#include "gateway/clerk/counter.h"
#include "gateway/clerk/spool.h"
#include "gateway/flow/restored.h"
#include "schemas/entry.h"

#include <assert.h>

/* -- asking */

void
s6_log_entry(struct flow *f, struct flow_run *run, uint8_t kind, uint64_t n)
{
    struct store_entry entry;
    struct p_append ask = {.kind = kind, .n = (uint16_t)n};
    struct span body;
    const enum err err = store_entry_get(f->store, run->row.id, kind, n, &f->room, &entry);
    assert(err != ERR_NOT_FOUND); /* the state says that it is stored */
    ask.entry = entry.bytes;
    if (err != ERR_OK || f->log_state == LOG_QUARANTINED ||
        payload_append_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_ask(f, run, ROLE_LEDGER, 0, MSG_APPEND, body);
}

void
s6_log_prove(struct flow *f, struct flow_run *run, uint8_t kind, uint64_t n)
{
    const struct p_prove ask = {.kind = kind, .n = (uint16_t)n};
    struct span body;
    if (payload_prove_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_ask(f, run, ROLE_LEDGER, 0, MSG_PROVE, body);
}

enum err
s6_log_read(struct flow *f, const struct msg *m, struct p_appended *ret)
{
    uint64_t head = 0;
    uint8_t root[32];
    TRY(payload_appended_get(m->body, ret));
    if (ret->err == (uint16_t)-ERR_CONFLICT)
        return ERR_CONFLICT;
    if (ret->err != 0)
        return ERR_AGAIN;
    if (ret->index >= ret->size)
        return ERR_RANGE;
    const enum err seen = store_head_get(f->store, &head, root);
    if (seen == ERR_NOT_FOUND || ret->size > head)
        store_head_set(f->store, ret->size, ret->root);
    return ERR_OK;
}

enum err
s6_log_heard(struct flow *f, struct flow_run *run, const struct msg *m, struct p_appended *ret,
             bool *ret_logged)
{
    const enum err err = s6_log_read(f, m, ret);
    if (err == ERR_CONFLICT)
        restored_doubt(f, run);
    else if (err == ERR_AGAIN)
        flow_run_retry(f, run);
    else
        TRY(err);
    *ret_logged = err == ERR_OK;
    return ERR_OK;
}

/* -- the decision is in the log -----------------------------------------------------------------*/

static enum err
s6_fill_logged(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_appended *p = arg;
    struct store_row *row = &run->row;
    row->log_index = p->index;
    row->origin[0] = 0;
    row->logged_ms = flow_run_wall(f);
    row->left = 1;
    memcpy(row->leaf, p->leaf, sizeof(row->leaf));
    /* Held for others' reservations: it must not be what holds the others. */
    if (row->verdict == VERDICT_HOLD && row->pending_others != 0)
        TRY(store_reserve_del(f->store, row->id));
    return store_entry_logged(f->store, row->id, ENTRY_DECISION, row->n, p->index, p->leaf);
}

/* Denied: the key goes first, with the row; the body after the commit. */
static enum err
s6_fill_denied(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(s6_fill_logged(f, run, arg));
    TRY(store_part_del(f->store, run->row.id, STORE_WRAPPED));
    TRY(counter_drop(f->store, run->row.id));
    run->row.spool[0] = 0;
    return ERR_OK;
}

static enum flow_state
s6_next(const struct store_row *row)
{
    if (row->state == FLOW_XP_REFUSED || row->verdict == VERDICT_DENY)
        return FLOW_XD_DENIED;
    return row->verdict == VERDICT_HOLD ? FLOW_X6_HELD : FLOW_X6_LOGGED;
}

void
s6_log_appended(struct flow *f, struct flow_run *run, const struct p_appended *p)
{
    char stem[sizeof(run->row.spool)];
    const enum flow_state next = s6_next(&run->row);
    memcpy(stem, run->row.spool, sizeof(stem));
    const bool denied = next == FLOW_XD_DENIED;
    if (flow_run_save(f, run, next, denied ? s6_fill_denied : s6_fill_logged, p) != ERR_OK) {
        if (!f->dead)
            flow_run_retry(f, run);
        return;
    }
    if (denied && stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
}

void
s6_log_preflight(struct flow *f, struct flow_run *run)
{
    s6_log_entry(f, run, ENTRY_DECISION, 0);
}

void
s6_log_append(struct flow *f, struct flow_run *run)
{
    s6_log_entry(f, run, ENTRY_DECISION, run->row.n);
}

/* -- the SEAL */

static enum err
s6_fill_seal(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct span *seal = arg;
    return store_part_put(f->store, run->row.id, STORE_SEAL, 0, *seal);
}

static enum err
s6_ask_seal(struct flow *f, struct flow_run *run)
{
    struct p_seal_sign ask = {.n = (uint16_t)run->row.n};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    TRY(store_part_get(f->store, run->row.id, STORE_PERMIT, run->row.n, &f->room, &ask.permit));
    TRY(store_part_get(f->store, run->row.id, STORE_SEALED, 0, &f->room, &ask.sealed));
    TRY(payload_seal_sign_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_SEAL_SIGN, body);
    return ERR_OK;
}

void
s6_log_seal(struct flow *f, struct flow_run *run)
{
    struct span seal;
    if (flow_run_wall(f) >= (int64_t)run->row.not_after * 1000) {
        s9_receipt_refuse(f, run, "timeout", "offer-expired", FLOW_XE_EXPIRED);
        return;
    }
    if ((run->flags & RUN_PROVED) == 0) {
        s6_log_prove(f, run, ENTRY_DECISION, run->row.n);
        return;
    }
    /* A SEAL that was signed under an earlier n is the SEAL of this container for good. */
    const enum err have = store_part_get(f->store, run->row.id, STORE_SEAL, 0, &f->room, &seal);
    if (have == ERR_OK && flow_run_save(f, run, FLOW_X7_FORWARDING, NULL, NULL) == ERR_OK)
        return;
    if (have == ERR_OK || s6_ask_seal(f, run) != ERR_OK)
        flow_run_retry(f, run);
}

enum err
s6_log_signed(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_seal_signed p;
    TRY(payload_seal_signed_get(m->body, &p));
    if (p.err != 0) {
        run->flags &= ~(unsigned)RUN_PROVED; /* keeper was restarted: prove it again */
        flow_run_retry(f, run);
        return ERR_OK;
    }
    if (memcmp(p.seal_hash, run->row.seal_hash, sizeof(p.seal_hash)) != 0 || p.seal.len == 0)
        return ERR_CONFLICT;
    if (flow_run_save(f, run, FLOW_X7_FORWARDING, s6_fill_seal, &p.seal) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
    return ERR_OK;
}
