/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen and sealed. It counts when it comes from the inspector and the sealer themselves;
 * what clerk kept counts only with keeper's word, which rests on macs. Evidence of a transfer that
 * is not known here is left: judge was restarted, and clerk will bring it. */
#include "crypto/digest.h"
#include "gateway/judge/judge_inner.h"

/* The names that a column of this agreement can have. */
static bool
judge_evidence_known(const void *ctx, struct span name)
{
    const struct agreement *a = ctx;
    for (size_t i = 0; i < a->field_count; i++)
        if (span_eq(a->fields[i].name, name))
            return true;
    return false;
}

static enum err
judge_evidence_read(struct judge *j, const struct judge_case *c, struct span file)
{
    const struct agreement *a = register_agreement(&j->book->reg, c->agreement);
    if (a == NULL)
        return ERR_NOT_FOUND;
    return report_read(file, judge_evidence_known, a, &j->work->report_scratch, &j->work->report,
                       NULL);
}

enum err
judge_evidence_findings(struct judge *j, const struct judge_in *in)
{
    struct p_findings p;
    uint8_t hash[32];
    TRY(payload_findings_get(in->body, &p));
    TRY(digest_sha256(in->file, hash));
    if (memcmp(hash, p.findings_hash, 32) != 0)
        return ERR_CONFLICT;
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL || !c->has_offer || memcmp(c->offer_hash, p.offer_hash, 32) != 0)
        return ERR_OK;
    /* Of an attempt that followed the agreement as it read before: it is inspected again. */
    if (c->direction == DIRECTION_IMPORT && memcmp(c->spec_hash, p.spec_hash, 32) != 0)
        return ERR_OK;
    if (c->report_direct && memcmp(c->report_hash, hash, 32) != 0)
        return ERR_CONFLICT;
    const enum err err = judge_evidence_read(j, c, in->file);
    /* An agreement that went with a reload, or whose columns did: DECIDE will say so. */
    if (err != ERR_OK && !judge_case_is_current(j, c))
        return ERR_OK;
    TRY(err);
    const struct report *r = &j->work->report;
    if (r->bytes_in != p.bytes_in || r->bytes_out != p.bytes_out ||
        memcmp(r->spec_hash, p.spec_hash, 32) != 0)
        return ERR_CONFLICT;
    TRY(judge_blob_set(&c->report, in->file));
    memcpy(c->report_hash, hash, 32);
    c->report_direct = true;
    return ERR_OK;
}

static enum err
judge_evidence_seal(struct judge_case *c, struct span payload)
{
    struct p_sealed p;
    struct seal seal = {.chunk_count = 0};
    uint8_t hash[32];
    TRY(payload_sealed_get(payload, &p));
    TRY(suite_from_u8(p.suite, &seal.suite));
    if (p.salt_commit.len != sizeof(seal.prefix))
        return ERR_RANGE;
    memcpy(seal.offer_hash, p.offer_hash, sizeof(seal.offer_hash));
    memcpy(seal.prefix, p.salt_commit.ptr, sizeof(seal.prefix));
    memcpy(seal.root, p.root, sizeof(seal.root));
    seal.chunk_count = p.chunks;
    seal.plain_len = p.plaintext_len;
    seal.sealed_at = p.sealed_at;
    TRY(seal_hash(&seal, hash));
    if (c->has_seal && memcmp(c->seal_hash, hash, 32) != 0)
        return ERR_CONFLICT;
    c->seal = seal;
    memcpy(c->seal_hash, hash, 32);
    c->has_seal = true;
    return ERR_OK;
}

enum err
judge_evidence_sealed(struct judge *j, const struct judge_in *in)
{
    struct p_sealed p;
    TRY(payload_sealed_get(in->body, &p));
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL || !c->has_offer || memcmp(c->offer_hash, p.offer_hash, 32) != 0)
        return ERR_OK;
    if (c->direction != DIRECTION_EXPORT || c->suite != p.suite)
        return ERR_STATE;
    return judge_evidence_seal(c, in->body);
}

enum err
judge_evidence_opened(struct judge *j, const struct judge_in *in)
{
    struct p_opened p;
    TRY(payload_opened_get(in->body, &p));
    if (p.purpose != OPEN_INSPECT)
        return ERR_STATE;
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL || !c->has_offer || memcmp(c->offer_hash, p.offer_hash, 32) != 0)
        return ERR_OK;
    if (c->direction != DIRECTION_IMPORT)
        return ERR_STATE;
    if (p.err != 0) {
        c->has_opened = false;
        return ERR_OK;
    }
    if (c->has_opened && memcmp(c->opened_root, p.root, 32) != 0)
        return ERR_CONFLICT;
    memcpy(c->opened_root, p.root, 32);
    c->has_opened = true;
    return ERR_OK;
}

/* Keeper's word, which may come before what it vouches for. */
enum err
judge_evidence_vouched(struct judge *j, const struct judge_in *in)
{
    struct p_vouched p;
    TRY(payload_vouched_get(in->body, &p));
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL || memcmp(c->offer_hash, p.offer_hash, 32) != 0) {
        c = judge_case_new(j, in->transfer);
        memcpy(c->offer_hash, p.offer_hash, 32);
    }
    memcpy(c->vouch_hash, p.findings_hash, 32);
    TRY(judge_evidence_seal(c, p.sealed));
    c->has_vouch = true;
    return ERR_OK;
}

struct judge_brought {
    struct manifest m;
    struct span facts;
    struct span performed;
    uint8_t hash[32];
};

/* A container of ours that this process did not see made. Keeper signed its OFFER only after a
 * preflight of ours. */
static enum err
judge_evidence_adopt(struct judge *j, const struct p_evidence *p, const struct judge_in *in,
                     struct judge_brought *b)
{
    struct span spec;
    uint8_t spec_hash[32] = {0}; /* no report's: of an agreement that is gone or changed */
    TRY(judge_offer_read(j, span_str(j->zone), p->offer, judge_now(j, in), &b->m, &b->facts,
                         &b->performed, b->hash));
    if (!span_eq_str(b->m.src, j->zone) || memcmp(b->m.transfer, in->transfer, 16) != 0 ||
        !span_eq(b->m.agreement, p->agreement) || !span_eq(b->m.dataset, p->name) ||
        b->m.dst.len >= sizeof(((struct judge_case *)NULL)->peer))
        return ERR_CONFLICT;
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c != NULL && c->has_offer && memcmp(c->offer_hash, b->hash, 32) == 0)
        return ERR_OK;
    const struct agreement *a = register_agreement(&j->book->reg, b->m.agreement);
    if (a == NULL && !j->floor_met)
        return ERR_OK; /* it may be among what is still missing */
    if (a != NULL) {
        const enum err err = judge_spec_make(j, false, a, b->performed, &spec, spec_hash);
        if (err != ERR_OK && !judge_spec_is_changed(err))
            return err;
    }
    if (c == NULL || memcmp(c->offer_hash, b->hash, 32) != 0)
        c = judge_case_new(j, in->transfer);
    const struct judge_inputs inputs = {.agreement = b->m.agreement,
                                        .sender = b->m.sender,
                                        .name = b->m.dataset,
                                        .facts = b->facts,
                                        .performed = b->performed};
    TRY(judge_case_inputs(c, &inputs));
    memcpy(c->offer_hash, b->hash, 32);
    memcpy(c->spec_hash, spec_hash, 32);
    if (a != NULL)
        memcpy(c->agreement_sha256, a->sha256, 32);
    memcpy(c->peer, b->m.dst.ptr, b->m.dst.len);
    memcpy(c->recipients, b->m.recipient, sizeof(c->recipients));
    c->recipient_count = b->m.recipient_count;
    c->direction = DIRECTION_EXPORT;
    c->suite = b->m.suite;
    c->created = b->m.created;
    c->has_offer = true;
    return ERR_OK;
}

enum err
judge_evidence_brought(struct judge *j, const struct judge_in *in)
{
    struct p_evidence p;
    struct judge_brought b;
    uint8_t hash[32];
    TRY(payload_evidence_get(in->body, &p));
    if (p.direction != DIRECTION_EXPORT)
        return ERR_STATE;
    TRY(digest_sha256(in->file, hash));
    if (memcmp(hash, p.findings_hash, 32) != 0)
        return ERR_CONFLICT;
    TRY(judge_evidence_adopt(j, &p, in, &b));
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL || !c->has_offer || c->report_direct || memcmp(c->offer_hash, b.hash, 32) != 0)
        return ERR_OK;
    TRY(judge_blob_set(&c->report, in->file));
    memcpy(c->report_hash, hash, 32);
    return ERR_OK;
}
