/* SPDX-License-Identifier: Apache-2.0 */
/* Import 4, release: a RELEASE counts only with the proof that the exporter logged its decision.
 * Ledger verifies it, keeps and cosigns the exporter's checkpoint; then RELEASE and entry are
 * stored (M4) and the peer is told 202. One that comes after its offer lapsed here is kept to say
 * so: the exporter cannot take it back, and waits for a receipt. */
#include "crypto/release.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"
#include "schemas/entry.h"

#include <stdio.h>

enum err
i4_release_forget(struct flow *f, const struct store_row *row)
{
    struct parcel parcel;
    struct span bytes;
    uint8_t *out = NULL;
    TRY(store_part_del(f->store, row->id, STORE_RELEASE));
    const enum err err = store_part_get(f->store, row->id, STORE_PARCEL, 0, &f->room, &bytes);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    TRY(parcel_read(bytes, &parcel));
    parcel.record = span_of(row->release_hash, sizeof(row->release_hash));
    TRY(room_take(&f->room, PARCEL_BYTES_MAX, &out));
    TRY(parcel_write(&parcel, out, PARCEL_BYTES_MAX, &bytes));
    return store_part_put(f->store, row->id, STORE_PARCEL, 0, bytes);
}

/* True when a RELEASE was taken already (it may be destroyed since). */
static bool
i4_was_taken(const struct store_row *row)
{
    static const uint8_t zero[32] = {0};
    return memcmp(row->release_hash, zero, sizeof(zero)) != 0;
}

static bool
i4_is_same(const struct store_row *row, struct span record)
{
    struct release release;
    uint8_t hash[32];
    return release_decode(record, &release) == ERR_OK && release_hash(&release, hash) == ERR_OK &&
           memcmp(hash, row->release_hash, sizeof(hash)) == 0;
}

/* Somebody wants a body opened without the right to it. */
static void
i4_unproved(struct flow *f, const struct store_row *row, enum err why)
{
    f->out.notice(f->out.ctx, FLOW_NOTICE_UNPROVED, row->id, (uint64_t)-why);
}

/* The exporter asks again for what it was receipted already: its database may be an older copy. */
static void
i4_receipt_again(struct flow *f, const struct flow_run *run)
{
    struct store_errand errand;
    struct span record;
    if (!i7_settle_errand(&run->row, &errand) ||
        store_part_get(f->store, run->row.id, STORE_RECEIPT, errand.status, &f->room, &record) !=
            ERR_OK)
        return;
    enum err err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_errand_put(f->store, &errand);
    err = store_end(f->store, err);
    if (err == ERR_IO)
        flow_run_dead(f);
    f->refill = true;
    f->refill_ms = 0;
}

enum err
i4_release_in(struct flow *f, const struct chan_ticket *t, struct flow_run *run, struct span body)
{
    struct parcel parcel;
    const enum err read = parcel_read(body, &parcel);
    if (read != ERR_OK || parcel.kind != PARCEL_RELEASE) {
        i4_unproved(f, &run->row, read != ERR_OK ? read : ERR_TYPE);
        flow_reply_corridor(f, t, 400, SPAN_LIT(""), NULL, NULL);
        return ERR_OK;
    }
    if (i4_was_taken(&run->row)) {
        const bool same = i4_is_same(&run->row, parcel.record);
        if (same)
            i4_receipt_again(f, run);
        if (!same || run->row.state != FLOW_M4_RELEASED) {
            flow_reply_corridor(f, t, same ? 202 : 409, SPAN_LIT(""), NULL, NULL);
            return ERR_OK;
        }
        /* Its proof is newer, and may be the only one that a restarted ledger can still follow. */
    } else if (run->row.state != FLOW_M3_COMPLETE && run->row.state != FLOW_ME_EXPIRED) {
        flow_reply_corridor(f, t, 409, SPAN_LIT(""), NULL, NULL);
        return ERR_OK;
    }
    if (flow_job_begin(f, JOB_RELEASE, run->row.id, body, t) == NULL)
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
    return ERR_OK;
}

struct i4_news {
    const struct parcel *parcel;
    const struct p_peer_verified *verified;
    struct span bytes;
    uint8_t hash[32];
};

static enum err
i4_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct i4_news *news = arg;
    struct store_row *row = &run->row;
    memcpy(row->release_hash, news->hash, sizeof(row->release_hash));
    row->peer_verdict = 1 + (uint64_t)news->verified->verdict;
    row->peer_index = news->verified->index;
    (void)snprintf(row->peer_origin, sizeof(row->peer_origin), "%.*s",
                   (int)news->verified->origin.len, (const char *)news->verified->origin.ptr);
    TRY(store_part_put(f->store, row->id, STORE_RELEASE, 0, news->parcel->record));
    TRY(store_part_put(f->store, row->id, STORE_COSIGNED, 0, news->verified->cosignature));
    return store_part_put(f->store, row->id, STORE_PARCEL, 0, news->bytes);
}

/* The same RELEASE and entry with a newer proof, perhaps from the log that follows the exporter's:
 * that is the one to show from now on. */
static enum err
i4_renew(struct flow *f, struct flow_run *run, const struct p_peer_verified *verified,
         struct span bytes)
{
    struct store_row row = run->row;
    row.peer_index = verified->index;
    (void)snprintf(row.peer_origin, sizeof(row.peer_origin), "%.*s", (int)verified->origin.len,
                   (const char *)verified->origin.ptr);
    enum err err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_part_put(f->store, row.id, STORE_COSIGNED, 0, verified->cosignature);
    if (err == ERR_OK)
        err = store_part_put(f->store, row.id, STORE_PARCEL, 0, bytes);
    if (err == ERR_OK)
        err = store_row_put(f->store, &row);
    err = store_end(f->store, err);
    if (err == ERR_OK)
        run->row = row;
    if (err == ERR_IO)
        flow_run_dead(f);
    return err;
}

/* The entry that came with the RELEASE before. */
static bool
i4_has_entry(struct flow *f, const struct store_row *row, struct span entry)
{
    struct parcel parcel;
    struct span bytes;
    return store_part_get(f->store, row->id, STORE_PARCEL, 0, &f->room, &bytes) == ERR_OK &&
           parcel_read(bytes, &parcel) == ERR_OK && span_eq(parcel.entry, entry);
}

static enum err
i4_fill_late(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(i4_fill(f, run, arg));
    return i6_decide_note(f, run, "timeout", "offer-expired", FLOW_ME_EXPIRED);
}

/* The entry that ledger verified is the decision that allows this very body. */
static bool
i4_allows(const struct store_row *row, const struct p_peer_verified *p)
{
    return p->err == 0 && p->kind == ENTRY_DECISION && p->verdict == VERDICT_ALLOW &&
           memcmp(p->offer_hash, row->offer_hash, sizeof(p->offer_hash)) == 0 &&
           memcmp(p->seal_hash, row->seal_hash, sizeof(p->seal_hash)) == 0;
}

static uint16_t
i4_take(struct flow *f, struct flow_job *job, const struct p_peer_verified *verified)
{
    struct parcel parcel;
    struct release release;
    struct i4_news news = {.parcel = &parcel, .verified = verified, .bytes = job->kept};
    struct flow_run *run = flow_run_find(f, job->id);
    if (run == NULL)
        return 503;
    const bool late = run->row.state == FLOW_ME_EXPIRED && !i4_was_taken(&run->row);
    if (run->row.state == FLOW_M4_RELEASED && i4_allows(&run->row, verified) &&
        parcel_read(job->kept, &parcel) == ERR_OK && i4_has_entry(f, &run->row, parcel.entry))
        return i4_renew(f, run, verified, job->kept) == ERR_OK ? 202 : 503;
    if (!late && run->row.state != FLOW_M3_COMPLETE)
        return run->row.state == FLOW_M2_RECEIVING ? 409 : 202;
    if (verified->err == (uint16_t)-ERR_AGAIN)
        return 503; /* ledger or keeper has no time for it now, or it is older than the last one */
    if (!i4_allows(&run->row, verified) || parcel_read(job->kept, &parcel) != ERR_OK ||
        release_decode(parcel.record, &release) != ERR_OK ||
        memcmp(release.seal_hash, run->row.seal_hash, sizeof(release.seal_hash)) != 0 ||
        release_hash(&release, news.hash) != ERR_OK) {
        i4_unproved(f, &run->row, verified->err != 0 ? (enum err) - verified->err : ERR_PROOF);
        return 400;
    }
    const enum err err = late ? flow_run_save(f, run, FLOW_MR_REFUSING, i4_fill_late, &news)
                              : flow_run_save(f, run, FLOW_M4_RELEASED, i4_fill, &news);
    return err == ERR_OK ? 202 : 503;
}

enum err
i4_release_verified(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_peer_verified p;
    TRY(payload_peer_verified_get(m->body, &p));
    const uint16_t status = i4_take(f, job, &p);
    if (!f->dead)
        flow_reply_corridor(f, &job->ticket, status, SPAN_LIT(""), NULL, NULL);
    flow_job_free(job);
    return ERR_OK;
}
