/* SPDX-License-Identifier: Apache-2.0 */
/* Import 2 and 3, body: the SEAL is checked by keeper against the offer, room is reserved in the
 * spool (M2), link writes and syncs the groups, and says when the body is whole (M3). */
#include "crypto/body.h"
#include "gateway/clerk/spool.h"
#include "gateway/flow/stages.h"
#include "schemas/wire.h"

#include <unistd.h>

enum { I2_SEAL_MAX = 16 * 1024 };
/* The count of groups is stored this often: a peer that comes back sends at most these again. */
enum { I2_KEEP_GROUPS = 16, I2_STAY_MS = 60 * 1000 };

static enum err
i2_open(struct flow *f, struct flow_run *run, const struct chan_ticket *t)
{
    int fds[2] = {-1, -1};
    TRY(spool_open(f->spool_dir, run->row.spool, true, fds));
    flow_reply_corridor(f, t, 200, SPAN_LIT(""), &run->row, fds);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return ERR_OK;
}

/* The SEAL record at the head of the request; the group list behind it is link's. */
static enum err
i2_seal_of(struct span body, struct span *ret)
{
    struct wire_reader r;
    wire_reader_init(&r, body);
    const struct span seal = wire_get_vec32(&r, I2_SEAL_MAX);
    if (r.err != ERR_OK || seal.len == 0)
        return ERR_SYNTAX;
    *ret = seal;
    return ERR_OK;
}

/* A SEAL that is stored already: the same bytes get the files again, or "all there". */
static void
i2_again(struct flow *f, const struct chan_ticket *t, struct flow_run *run, struct span seal)
{
    struct span have;
    if (store_part_get(f->store, run->row.id, STORE_SEAL, 0, &f->room, &have) != ERR_OK ||
        !span_eq(have, seal)) {
        flow_reply_corridor(f, t, 409, SPAN_LIT(""), NULL, NULL);
        return;
    }
    if (run->row.state != FLOW_M2_RECEIVING) {
        flow_reply_corridor(f, t, 200, SPAN_LIT(""), &run->row, NULL);
        return;
    }
    const enum err err = i2_open(f, run, t);
    if (err == ERR_OK)
        return;
    if (err != ERR_NOT_FOUND) {
        flow_run_dead(f);
        return;
    }
    /* The folder is of another time than the database: the body is received from its beginning. */
    flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
    run->row.spool[0] = 0;
    run->row.groups = 0;
    const enum err saved = flow_run_save(f, run, FLOW_M1_OFFERED, NULL, NULL);
    (void)saved; /* tried again with the peer's next request */
}

enum err
i2_body_seal(struct flow *f, const struct chan_ticket *t, struct flow_run *run, struct span body)
{
    struct p_seal_check ask = {.peer = span_str(run->row.peer)};
    struct span out;
    if (i2_seal_of(body, &ask.seal) != ERR_OK) {
        flow_reply_corridor(f, t, 400, SPAN_LIT(""), NULL, NULL);
        return ERR_OK;
    }
    if (run->row.state != FLOW_M1_OFFERED) {
        i2_again(f, t, run, ask.seal);
        return ERR_OK;
    }
    if (run->conv.tag != 0 || run->has_open) {
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL); /* being checked */
        return ERR_OK;
    }
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    run->has_open = true;
    run->open = *t;
    if (flow_run_keep(run, KEEP_SEALED, ask.seal) != ERR_OK ||
        payload_seal_check_put(&ask, f->tx, sizeof(f->tx), &out) != ERR_OK) {
        run->has_open = false;
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
        return ERR_OK;
    }
    flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_SEAL_CHECK, out);
    if (run->conv.tag == 0)
        i2_body_stop(f, run, 503);
    return ERR_OK;
}

void
i2_body_stop(struct flow *f, struct flow_run *run, uint16_t status)
{
    run->conv = (struct flow_conv){0, INT64_MAX, 0};
    if (run->has_open)
        flow_reply_corridor(f, &run->open, status, SPAN_LIT(""), NULL, NULL);
    run->has_open = false;
}

static bool
i2_has_room(struct flow *f, const struct flow_run *run, uint64_t bytes)
{
    uint64_t all = 0;
    uint64_t peer = 0;
    if (store_spool_use(f->store, run->row.peer, &all, &peer) != ERR_OK)
        return false;
    return all < f->config.spool_bytes_max && bytes <= f->config.spool_bytes_max - all &&
           peer < f->config.spool_peer_bytes_max && bytes <= f->config.spool_peer_bytes_max - peer;
}

/* Keeper was restarted and does not know the offer: judge checks the stored one again and tells
 * keeper. The peer was answered 503 and shows its SEAL again. */
static enum err
i2_offer_recall(struct flow *f, struct flow_run *run)
{
    struct p_import_offer ask = {.peer = span_str(run->row.peer)};
    struct span body;
    const enum err err =
        store_part_get(f->store, run->row.id, STORE_OFFER, 0, &f->room, &ask.offer);
    if (err != ERR_OK) {
        flow_run_dead(f); /* the row says it is there */
        return ERR_OK;
    }
    TRY(payload_import_offer_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_JUDGE, 0, MSG_IMPORT_OFFER, body);
    return ERR_OK;
}

static enum err
i2_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_seal_checked *p = arg;
    struct store_row *row = &run->row;
    memcpy(row->seal_hash, p->seal_hash, sizeof(row->seal_hash));
    memcpy(row->root, p->root, sizeof(row->root));
    row->bytes = p->plaintext_len;
    row->body_bytes = body_bytes(p->plaintext_len);
    return store_part_put(f->store, row->id, STORE_SEAL, 0, run->kept[KEEP_SEALED]);
}

enum err
i2_body_checked(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_seal_checked p;
    uint8_t name[16];
    int fds[2] = {-1, -1};
    TRY(payload_seal_checked_get(m->body, &p));
    if (run->row.state != FLOW_M1_OFFERED || !run->has_open)
        return ERR_OK;
    if (p.err == (uint16_t)-ERR_NOT_FOUND) {
        i2_body_stop(f, run, 503);
        return i2_offer_recall(f, run);
    }
    if (p.err != 0) {
        i2_body_stop(f, run, flow_never_passes(p.err) ? 503 : 400);
        return ERR_OK;
    }
    if (p.plaintext_len > BODY_PLAIN_MAX || p.plaintext_len > f->config.dataset_bytes_max ||
        !i2_has_room(f, run, body_bytes(p.plaintext_len))) {
        i2_body_stop(f, run, 507);
        return ERR_OK;
    }
    enum err err = f->out.random(f->out.ctx, name, sizeof(name));
    if (err == ERR_OK)
        err = spool_create(f->spool_dir, name, run->row.spool, fds);
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err == ERR_OK)
        err = flow_run_save(f, run, FLOW_M2_RECEIVING, i2_fill, &p);
    if (err == ERR_OK) {
        flow_reply_corridor(f, &run->open, 200, SPAN_LIT(""), &run->row, fds);
        run->has_open = false;
    } else if (!f->dead) {
        run->row.spool[0] = 0;
        i2_body_stop(f, run, err == ERR_NO_SPACE ? 507 : 503);
    }
    for (size_t i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    return ERR_OK;
}

static enum err
i2_fill_complete(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_body_state *p = arg;
    run->row.groups = p->groups;
    run->row.received_at = (uint64_t)(flow_run_wall(f) / 1000);
    return ERR_OK;
}

enum err
i2_body_state(struct flow *f, const struct msg *m)
{
    struct p_body_state p;
    TRY(payload_body_state_get(m->body, &p));
    struct flow_run *run = flow_run_find(f, m->transfer);
    if (run == NULL || run->row.state != FLOW_M2_RECEIVING)
        return ERR_OK;
    const uint64_t chunks = body_chunk_count(run->row.bytes);
    const uint64_t groups = (chunks + BODY_GROUP_CHUNKS - 1) / BODY_GROUP_CHUNKS;
    if (p.groups > groups || (p.complete != 0) != (p.groups == groups))
        return ERR_RANGE;
    enum err err = ERR_OK;
    const bool keep = p.groups / I2_KEEP_GROUPS != run->row.groups / I2_KEEP_GROUPS;
    run->row.groups = p.groups;
    if (p.complete != 0)
        err = flow_run_save(f, run, FLOW_M3_COMPLETE, i2_fill_complete, &p);
    else if (keep)
        err = flow_run_save(f, run, FLOW_M2_RECEIVING, NULL, NULL);
    if (err == ERR_OK && p.complete == 0)
        flow_run_wait(f, run, I2_STAY_MS);
    else if (err != ERR_OK && !f->dead)
        flow_run_retry(f, run);
    return ERR_OK;
}
