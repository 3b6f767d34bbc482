/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/clerk_evidence.h"

#include "crypto/digest.h"
#include "crypto/proof.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/flow_job.h"
#include "schemas/entry.h"
#include "schemas/evidence.h"
#include "schemas/json.h"
#include "schemas/text.h"
#include "schemas/wire.h"

#include <stdlib.h>

enum { EVIDENCE_OUT_MAX = 8 << 20, EVIDENCE_OWN_MAX = 32, EVIDENCE_RECEIPTS = 8 };

/* A proof in job->more: vec32, one per logged entry, in the order of store_entry_list. */

/* The entries of the row that are in the present log; *ret_lost: how many are in one that is lost
 * and can be proved to nobody any more. */
static enum err
evidence_entries(struct flow *f, const uint8_t id[static 16], struct store_entry *ret,
                 size_t *ret_count, size_t *ret_lost)
{
    size_t all = 0;
    size_t count = 0;
    *ret_lost = 0;
    TRY(store_entry_list(f->store, id, &f->room, ret, EVIDENCE_OWN_MAX, &all));
    for (size_t i = 0; i < all; i++) {
        if (ret[i].index != STORE_NONE && ret[i].origin.len == 0)
            ret[count++] = ret[i];
        else if (ret[i].index != STORE_NONE)
            ++*ret_lost;
    }
    *ret_count = count;
    return ERR_OK;
}

static bool
evidence_is_ready(const struct store_row *row)
{
    return row->shown == FLOW_SHOWN_SETTLED || row->shown == FLOW_SHOWN_DELIVERED ||
           row->shown == FLOW_SHOWN_DENIED ||
           (row->shown == FLOW_SHOWN_EXPIRED && row->log_index != STORE_NONE);
}

void
clerk_evidence_ask(struct flow *f, const struct chan_ticket *t, const struct store_row *row,
                   enum role_id from)
{
    struct flow_job *job = NULL;
    if (!evidence_is_ready(row)) {
        flow_reply_code(f, t, row->id, "not-found", SPAN_LIT("no outcome yet"), SPAN_LIT(""));
        return;
    }
    job = flow_job_new(f, JOB_EVIDENCE, row->id);
    if (job == NULL) {
        flow_reply_code(f, t, row->id, "proof-pending", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    job->ticket = *t;
    job->has_ticket = true;
    job->a = f->from_index;
    job->b = 1; /* cosigned so far */
    job->c = from;
}

static void
evidence_end(struct flow *f, struct flow_job *job, const char *code)
{
    flow_reply_code(f, &job->ticket, job->id, code, SPAN_LIT(""), SPAN_LIT(""));
    flow_job_free(job);
}

/* -- assembling ---------------------------------------------------------------------------------*/

static enum err
evidence_own(struct flow *f, const struct flow_job *job, const struct store_entry *own,
             size_t count, struct evidence *e)
{
    struct wire_reader r;
    wire_reader_init(&r, job->more);
    for (size_t i = 0; i < count; i++) {
        struct evidence_entry *to = &e->entries[e->entry_count++];
        to->zone = span_str(f->config.zone);
        to->origin = span_str(f->config.origin);
        to->kind = span_str(entry_kind_name((enum entry_kind)own[i].kind));
        to->index = own[i].index;
        to->leaf = own[i].bytes;
        to->proof = wire_get_vec32(&r, PROOF_BYTES_MAX);
    }
    return wire_reader_finish(&r);
}

/* A proof ends in a checkpoint note, a note in its signature lines: ours goes behind them. */
static enum err
evidence_cosigned(struct flow *f, const struct store_row *row, uint64_t n, struct span proof,
                  struct span *ret)
{
    struct span line;
    uint8_t *out = NULL;
    const enum err err = store_part_get(f->store, row->id, STORE_COSIGNED, n, &f->room, &line);
    *ret = proof;
    if (err == ERR_NOT_FOUND || (err == ERR_OK && line.len == 0))
        return ERR_OK;
    TRY(err);
    TRY(room_take(&f->room, proof.len + line.len, &out));
    memcpy(out, proof.ptr, proof.len);
    memcpy(out + proof.len, line.ptr, line.len);
    *ret = span_of(out, proof.len + line.len);
    return ERR_OK;
}

/* The other zone's entries, as its parcels brought them. */
static enum err
evidence_foreign(struct flow *f, const struct store_row *row, struct evidence *e)
{
    struct entry_scratch *scratch = NULL;
    uint8_t *memory = NULL;
    TRY(room_take(&f->room, sizeof(*scratch), &memory));
    scratch = (void *)memory;
    for (uint64_t n = 0; n < EVIDENCE_RECEIPTS; n++) {
        struct parcel parcel;
        struct proof proof;
        struct entry entry;
        struct span bytes;
        const enum err err = store_part_get(f->store, row->id, STORE_PARCEL, n, &f->room, &bytes);
        if (err == ERR_NOT_FOUND)
            continue;
        TRY(err);
        TRY(parcel_read(bytes, &parcel));
        TRY(proof_parse(parcel.proof, &proof));
        TRY(entry_read(parcel.entry, false, scratch, &entry, NULL));
        struct evidence_entry *to = &e->entries[e->entry_count++];
        to->zone = span_str(row->peer);
        to->origin = span_str(row->peer_origin);
        to->kind = span_str(entry_kind_name(entry.kind));
        to->index = proof.index;
        to->leaf = parcel.entry;
        TRY(evidence_cosigned(f, row, n, parcel.proof, &to->proof));
    }
    return ERR_OK;
}

static enum err
evidence_records(struct flow *f, const struct store_row *row, struct evidence *e)
{
    for (uint64_t n = 0; n < row->decisions && e->record_count < EVIDENCE_RECORDS_MAX; n++) {
        struct evidence_record *to = &e->records[e->record_count];
        const enum err err =
            store_part_get(f->store, row->id, STORE_RECORD, n, &f->room, &to->body);
        if (err == ERR_NOT_FOUND || (err == ERR_OK && to->body.len == 0))
            continue;
        TRY(err);
        TRY(digest_sha256(to->body, to->sha256));
        e->record_count++;
    }
    return ERR_OK;
}

enum { EVIDENCE_SALT_NODES = 256 };

/* One disclosure {"field","salt","value"} as judge wrote it. */
static enum err
evidence_salt(const struct json_doc *doc, const struct json_node *node, struct evidence_salt *to)
{
    struct span hex;
    if (node->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(doc, node, "field", 64, &to->field, NULL));
    TRY(json_need_str(doc, node, "salt", 64, &hex, NULL));
    TRY(json_need_str(doc, node, "value", MSG_PAYLOAD_MAX, &to->value, NULL));
    return text_unhex(hex, false, to->salt, sizeof(to->salt));
}

/* The disclosures of one entry: a JSON list, whose decoded text stays in the room. */
static enum err
evidence_salts_of(struct flow *f, const struct store_entry *own, struct evidence *e)
{
    struct json_doc doc = {.node_cap = EVIDENCE_SALT_NODES, .text_cap = own->salts.len + 1};
    uint8_t *nodes = NULL;
    TRY(room_take(&f->room, sizeof(*doc.nodes) * EVIDENCE_SALT_NODES, &nodes));
    TRY(room_take(&f->room, doc.text_cap, &doc.text));
    doc.nodes = (void *)nodes;
    TRY(json_read(&doc, own->salts, NULL));
    if (doc.nodes[0].type != JSON_ARRAY)
        return ERR_TYPE;
    const struct json_node *item = json_first(&doc, &doc.nodes[0]);
    for (; item != NULL; item = json_next(&doc, &doc.nodes[0], item)) {
        if (e->salt_count == EVIDENCE_SALTS_MAX)
            return ERR_FULL;
        struct evidence_salt *to = &e->salts[e->salt_count];
        TRY(evidence_salt(&doc, item, to));
        to->zone = span_str(f->config.zone);
        to->index = own->index;
        e->salt_count++;
    }
    return ERR_OK;
}

static enum err
evidence_salts(struct flow *f, const struct store_entry *own, size_t count, struct evidence *e)
{
    for (size_t i = 0; i < count; i++)
        if (own[i].salts.len > 0)
            TRY(evidence_salts_of(f, &own[i], e));
    return ERR_OK;
}

static enum err
evidence_part(struct flow *f, const struct store_row *row, enum store_part what, uint64_t n,
              struct span *ret)
{
    const enum err err = store_part_get(f->store, row->id, what, n, &f->room, ret);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The receipt that ended it; a delivery that followed is among the entries. */
static enum err
evidence_container(struct flow *f, const struct store_row *row, struct evidence *e)
{
    const uint64_t status = row->receipt_status == 7 ? 3 : row->receipt_status;
    TRY(evidence_part(f, row, STORE_OFFER, 0, &e->offer));
    TRY(evidence_part(f, row, STORE_SEAL, 0, &e->seal));
    TRY(evidence_part(f, row, STORE_RELEASE, 0, &e->release));
    return evidence_part(f, row, STORE_RECEIPT, status, &e->receipt);
}

static enum err
evidence_build(struct flow *f, const struct flow_job *job, const struct store_row *row,
               struct span *ret)
{
    struct store_entry own[EVIDENCE_OWN_MAX];
    size_t count = 0;
    size_t lost = 0;
    uint8_t *memory = NULL;
    uint8_t *out = NULL;
    uint8_t *scratch = NULL;
    TRY(room_take(&f->room, sizeof(struct evidence), &memory));
    struct evidence *e = (void *)memory;
    memset(e, 0, sizeof(*e));
    memcpy(e->transfer, row->id, sizeof(e->transfer));
    e->state = span_str(flow_state_word(row->shown));
    TRY(evidence_entries(f, row->id, own, &count, &lost));
    TRY(evidence_own(f, job, own, count, e));
    TRY(evidence_foreign(f, row, e));
    if (e->entry_count == 0 && lost > 0)
        return ERR_NOT_FOUND;
    TRY(evidence_records(f, row, e));
    TRY(evidence_salts(f, own, count, e));
    TRY(evidence_container(f, row, e));
    for (size_t i = 0; i < f->config.vkey_count && i < EVIDENCE_KEYS_MAX; i++)
        e->keys[e->key_count++] = span_str(f->config.vkeys[i]);
    TRY(room_take(&f->room, EVIDENCE_OUT_MAX / 4, &scratch));
    TRY(room_take(&f->room, EVIDENCE_OUT_MAX, &out));
    return evidence_write(e, (char *)scratch, EVIDENCE_OUT_MAX / 4, (char *)out, EVIDENCE_OUT_MAX,
                          ret);
}

/* Marks evidence that nobody cosigned. Members are sorted: container, cosigned, entries. */
static enum err
evidence_alone(struct flow *f, struct span body, struct span *ret)
{
    static const char mark[] = ",\"cosigned\":false";
    static const char after[] = ",\"entries\":";
    uint8_t *out = NULL;
    const uint8_t *rest = memmem(body.ptr, body.len, after, sizeof(after) - 1);
    if (rest == NULL)
        return ERR_BUG;
    const size_t head = (size_t)(rest - body.ptr);
    TRY(room_take(&f->room, body.len + sizeof(mark), &out));
    memcpy(out, body.ptr, head);
    memcpy(out + head, mark, sizeof(mark) - 1);
    memcpy(out + head + sizeof(mark) - 1, rest, body.len - head);
    *ret = span_of(out, body.len + sizeof(mark) - 1);
    return ERR_OK;
}

static void
evidence_finish(struct flow *f, struct flow_job *job)
{
    struct store_row row;
    struct span body;
    enum err err = store_row_get(f->store, job->id, &row);
    const bool alone = job->b == 0;
    /* Nobody else ever saw a preflight denial; the other zone may be away for long. */
    const bool may = err == ERR_OK && row.direction == DIRECTION_EXPORT && row.sealed == 0 &&
                     flow_run_wall(f) - row.logged_ms >= CLERK_EVIDENCE_ALONE_MS;
    if (err == ERR_OK && alone && !may) {
        evidence_end(f, job, "proof-pending");
        return;
    }
    if (err == ERR_OK)
        err = evidence_build(f, job, &row, &body);
    if (err == ERR_OK && alone)
        err = evidence_alone(f, body, &body);
    if (err != ERR_OK) {
        evidence_end(f, job, err == ERR_NOT_FOUND ? "proof-lost" : "internal");
        return;
    }
    flow_reply_json(f, &job->ticket, job->id, 200, body, 0, SPAN_LIT(""));
    flow_job_free(job);
}

/* -- proofs -------------------------------------------------------------------------------------*/

void
clerk_evidence_drive(struct flow *f, struct flow_job *job)
{
    struct store_entry own[EVIDENCE_OWN_MAX];
    size_t count = 0;
    size_t lost = 0;
    struct p_proof_ask ask = {0};
    struct span body;
    if (evidence_entries(f, job->id, own, &count, &lost) != ERR_OK || count + lost == 0) {
        evidence_end(f, job, "proof-pending");
        return;
    }
    if (job->step >= count) {
        evidence_finish(f, job);
        return;
    }
    ask.kind = own[job->step].kind;
    ask.n = (uint16_t)own[job->step].n;
    if (payload_proof_ask_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        evidence_end(f, job, "internal");
    else
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_PROOF_ASK, body);
}

enum err
clerk_evidence_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_proof p;
    struct wire_writer w;
    struct span all;
    if (m->type != MSG_PROOF)
        return ERR_PROTOCOL;
    TRY(payload_proof_get(m->body, &p));
    if (p.err != 0) {
        evidence_end(f, job, "proof-pending");
        return ERR_OK;
    }
    const size_t cap = job->more.len + p.proof.len + 4;
    uint8_t *more = malloc(cap);
    if (more == NULL) {
        evidence_end(f, job, "internal");
        return ERR_OK;
    }
    wire_writer_init(&w, more, cap);
    wire_put_bytes(&w, job->more);
    wire_put_vec32(&w, p.proof);
    if (wire_writer_finish(&w, &all) != ERR_OK) {
        free(more);
        evidence_end(f, job, "internal");
        return ERR_OK;
    }
    free((void *)(uintptr_t)job->more.ptr);
    job->more = all;
    job->b = job->b != 0 && p.cosigned != 0 ? 1 : 0;
    job->step++;
    job->conv.due_ms = 0;
    f->again = true;
    return ERR_OK;
}
