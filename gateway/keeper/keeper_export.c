/* SPDX-License-Identifier: Apache-2.0 */
/* The export side of keeper's rules: no preflight, no sealing key (invariant 1); no final allow of
 * this seal with its leaf proved in the log, no SEAL signature and no wrap (invariant 2). */
#include <assert.h>

#include "crypto/mac.h"
#include "crypto/offer.h"
#include "crypto/release.h"
#include "crypto/seal.h"
#include "gateway/core/attest.h"
#include "gateway/keeper/keeper.h"
#include "gateway/keeper/permit.h"
#include "schemas/wire.h"

enum { DAY_S = 86400, UTC8_S = 8 * 3600 };

static uint32_t
keeper_day(uint64_t now_s)
{
    return (uint32_t)(now_s / DAY_S);
}

/* The calendar year in UTC+8 that counters belong to. */
static uint32_t
keeper_year(uint64_t now_s)
{
    uint64_t days = (now_s + UTC8_S) / DAY_S;
    uint32_t year = 1970;
    for (;;) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const uint64_t length = leap ? 366 : 365;
        if (days < length)
            return year;
        days -= length;
        year++;
    }
}

static enum err
keeper_copy_text(char *out, size_t cap, struct span text)
{
    if (text.len >= cap || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL))
        return ERR_RANGE;
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return ERR_OK;
}

/* Every recipient of the offer must be a key encapsulation key its zone has active now. */
static enum err
keeper_recipients(const struct keeper *k, struct span zone, struct span keyids, uint64_t now_s,
                  const struct keyring_key *ret_keys[static CASES_RECIPIENTS_MAX],
                  size_t *ret_count)
{
    if (keyids.len == 0 || keyids.len % 32 != 0 || keyids.len / 32 > CASES_RECIPIENTS_MAX)
        return ERR_RANGE;
    const size_t count = keyids.len / 32;
    for (size_t i = 0; i < count; i++) {
        ret_keys[i] = keyring_find(&k->ring, zone, KEYRING_KEM, keyids.ptr + 32 * i, now_s, true);
        if (ret_keys[i] == NULL)
            return ERR_KEY_UNKNOWN;
    }
    *ret_count = count;
    return ERR_OK;
}

/* OFFER over the manifest, signed by the gateway key; a fresh data key, wrapped; the salt stays
 * here until the sealer gets it. */
static enum err
keeper_make_offer(struct keeper *k, const struct keeper_in *in, const struct p_pre *p, uint8_t *buf,
                  size_t cap, struct span *ret_offer, uint8_t ret_hash[static 32],
                  uint8_t ret_wrap[static SPOOLKEYS_WRAP_BYTES])
{
    const struct keyring_key *keys[CASES_RECIPIENTS_MAX];
    size_t key_count = 0;
    enum suite suite;
    struct offer offer = {.manifest = p->manifest};
    struct secret32 dek SECRET32_CLEAN;
    TRY(suite_from_u8(p->suite, &suite));
    TRY(keeper_recipients(k, p->to_zone, p->recipients, in->now_s, keys, &key_count));
    TRY(offer_hash(p->manifest, ret_hash));
    struct keeper_case *c = cases_touch(k->cases, in->transfer, ret_hash);
    if (c->key_given)
        return ERR_EXISTS;
    TRY(offer_sign(&offer, suite, &k->secrets->gateway));
    TRY(offer_encode(&offer, buf, cap, ret_offer));
    key_random(dek.bytes, sizeof(dek.bytes));
    key_random(c->salt, sizeof(c->salt));
    TRY(spoolkeys_wrap(k->spool, keeper_day(in->now_s), SPOOLKEYS_SPOOL, in->transfer, ret_hash,
                       &dek, ret_wrap));
    TRY(keeper_copy_text(c->peer, sizeof(c->peer), p->to_zone));
    TRY(keeper_copy_text(c->exporter, sizeof(c->exporter), p->exporter));
    TRY(keeper_copy_text(c->agreement, sizeof(c->agreement), p->agreement));
    c->direction = DIRECTION_EXPORT;
    c->suite = p->suite;
    c->has_offer = true;
    return ERR_OK;
}

static enum err
keeper_pre(struct keeper *k, const struct keeper_in *in)
{
    struct p_pre p;
    struct p_offered answer = {0};
    uint8_t wrap[SPOOLKEYS_WRAP_BYTES];
    uint8_t record[MSG_PAYLOAD_MAX - 1024];
    struct span offer = {NULL, 0};
    struct span body;
    TRY(payload_pre_get(in->body, &p));
    if (p.verdict != VERDICT_HOLD && p.verdict != VERDICT_ALLOW)
        return ERR_DENIED;
    const enum err err =
        keeper_make_offer(k, in, &p, record, sizeof(record), &offer, answer.offer_hash, wrap);
    answer.err = (uint16_t)-err;
    answer.epoch = p.epoch;
    if (err == ERR_OK) {
        answer.offer = offer;
        answer.wrapped = span_of(wrap, sizeof(wrap));
    }
    TRY(payload_offered_put(&answer, k->scratch, sizeof(k->scratch), &body));
    const enum err sent =
        k->out.send(k->out.ctx, ROLE_CLERK, 0, 0, MSG_OFFERED, in->transfer, body);
    return sent == ERR_ROLE_LOST ? ERR_OK : sent;
}

enum err
keeper_export_inspect_keys(struct keeper *k, const struct keeper_in *in,
                           const struct keeper_case *c, unsigned inspector, uint32_t generation)
{
    struct p_inspect_keys p = {0};
    struct secret32 evidence SECRET32_CLEAN;
    uint8_t buf[256];
    uint8_t year[4];
    struct span body;
    struct wire_writer w;
    wire_writer_init(&w, year, sizeof(year));
    wire_put_u32(&w, keeper_year(in->now_s));
    const struct span counting[4] = {SPAN_LIT("tdz/v1/counting\0"), span_str(c->exporter),
                                     SPAN_LIT("\0"), span_of(year, sizeof(year))};
    const struct span token[2] = {SPAN_LIT("tdz/v1/token\0"), span_str(c->agreement)};
    TRY(mac_sha256(span_of(k->secrets->counting.bytes, 32), counting, 4, p.counting_key));
    TRY(mac_sha256(span_of(k->secrets->token.bytes, 32), token, 2, p.token_key));
    TRY(keeper_evidence_key(k, in->transfer, c->offer_hash, &evidence));
    memcpy(p.evidence_key, evidence.bytes, sizeof(p.evidence_key));
    memcpy(p.offer_hash, c->offer_hash, sizeof(p.offer_hash));
    enum err err = payload_inspect_keys_put(&p, buf, sizeof(buf), &body);
    if (err == ERR_OK)
        err = k->out.send(k->out.ctx, ROLE_INSPECTOR, inspector, generation, MSG_INSPECT_KEYS,
                          in->transfer, body);
    key_wipe(&p, sizeof(p));
    key_wipe(buf, sizeof(buf));
    return err;
}

static enum err
keeper_give_seal(struct keeper *k, const struct keeper_in *in, const struct p_key_give *p)
{
    struct keeper_case *c = cases_find(k->cases, in->transfer, p->offer_hash);
    if (c == NULL || !c->has_offer)
        return ERR_NOT_FOUND;
    /* One sealer from start to end: a container in doubt is made anew, never given twice. */
    if (c->key_given && (c->sealer != p->sealer || c->sealer_gen != p->sealer_gen))
        return ERR_CONFLICT;
    struct secret32 dek SECRET32_CLEAN;
    struct secret32 evidence SECRET32_CLEAN;
    struct p_seal_key key = {.suite = c->suite, .salt = span_of(c->salt, sizeof(c->salt))};
    uint8_t buf[256];
    struct span body;
    TRY(spoolkeys_unwrap(k->spool, p->wrapped, SPOOLKEYS_SPOOL, in->transfer, p->offer_hash, &dek));
    TRY(keeper_evidence_key(k, in->transfer, p->offer_hash, &evidence));
    memcpy(key.offer_hash, p->offer_hash, sizeof(key.offer_hash));
    memcpy(key.dek, dek.bytes, sizeof(key.dek));
    memcpy(key.evidence_key, evidence.bytes, sizeof(key.evidence_key));
    enum err err = payload_seal_key_put(&key, buf, sizeof(buf), &body);
    if (err == ERR_OK)
        err = k->out.send(k->out.ctx, ROLE_SEALER, p->sealer, p->sealer_gen, MSG_SEAL_KEY,
                          in->transfer, body);
    key_wipe(&key, sizeof(key));
    key_wipe(buf, sizeof(buf));
    TRY(err);
    c->key_given = true;
    c->sealer = p->sealer;
    c->sealer_gen = p->sealer_gen;
    return keeper_export_inspect_keys(k, in, c, p->inspector, p->inspector_gen);
}

static enum err
keeper_key_give(struct keeper *k, const struct keeper_in *in)
{
    struct p_key_give p;
    struct p_key_given answer = {0};
    struct span body;
    TRY(payload_key_give_get(in->body, &p));
    enum err err = ERR_UNSUPPORTED;
    if (p.purpose == KEY_SEAL)
        err = keeper_give_seal(k, in, &p);
    else if (p.purpose == KEY_INBOX)
        err = keeper_import_give_inbox(k, in, &p);
    answer.err = (uint16_t)-err;
    memcpy(answer.offer_hash, p.offer_hash, sizeof(answer.offer_hash));
    const enum err put = payload_key_given_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_KEY_GIVEN, put, body);
}

/* The seal a SEALED payload describes, if its mac is that of this container. */
static enum err
keeper_seal_of(struct keeper *k, const uint8_t transfer[static 16], struct span payload,
               struct seal *ret)
{
    struct p_sealed p;
    struct seal seal = {0};
    struct secret32 evidence SECRET32_CLEAN;
    TRY(payload_sealed_get(payload, &p));
    TRY(keeper_evidence_key(k, transfer, p.offer_hash, &evidence));
    TRY(attest_sealed_check(&evidence, &p));
    TRY(suite_from_u8(p.suite, &seal.suite));
    assert(p.salt_commit.len == sizeof(seal.prefix));
    memcpy(seal.offer_hash, p.offer_hash, sizeof(seal.offer_hash));
    memcpy(seal.prefix, p.salt_commit.ptr, sizeof(seal.prefix));
    memcpy(seal.root, p.root, sizeof(seal.root));
    seal.chunk_count = p.chunks;
    seal.plain_len = p.plaintext_len;
    seal.sealed_at = p.sealed_at;
    *ret = seal;
    return ERR_OK;
}

/* Only the sealer that got the key can make the mac; nothing has to be remembered. */
static enum err
keeper_sealed(struct keeper *k, const struct keeper_in *in)
{
    struct seal seal;
    return keeper_seal_of(k, in->transfer, in->body, &seal);
}

static enum err
keeper_vouch_check(struct keeper *k, const struct keeper_in *in, const struct p_vouch *p)
{
    struct secret32 dek SECRET32_CLEAN;
    struct secret32 evidence SECRET32_CLEAN;
    uint8_t mac[32];
    struct seal seal;
    /* That the wrap opens shows that a preflight let this container be. */
    TRY(spoolkeys_unwrap(k->spool, p->wrapped, SPOOLKEYS_SPOOL, in->transfer, p->offer_hash, &dek));
    TRY(keeper_evidence_key(k, in->transfer, p->offer_hash, &evidence));
    TRY(attest_findings(&evidence, p->findings_hash, mac));
    if (!key_equal(span_of(mac, sizeof(mac)), span_of(p->findings_mac, 32)))
        return ERR_AUTH;
    TRY(keeper_seal_of(k, in->transfer, p->sealed, &seal));
    return span_eq(span_of(seal.offer_hash, 32), span_of(p->offer_hash, 32)) ? ERR_OK : ERR_AUTH;
}

static enum err
keeper_vouch(struct keeper *k, const struct keeper_in *in)
{
    struct p_vouch p;
    struct p_vouched vouched = {0};
    struct span body;
    TRY(payload_vouch_get(in->body, &p));
    enum err err = keeper_vouch_check(k, in, &p);
    if (err == ERR_OK) {
        memcpy(vouched.offer_hash, p.offer_hash, sizeof(vouched.offer_hash));
        memcpy(vouched.findings_hash, p.findings_hash, sizeof(vouched.findings_hash));
        vouched.sealed = p.sealed;
        TRY(payload_vouched_put(&vouched, k->scratch, sizeof(k->scratch), &body));
        err = k->out.send(k->out.ctx, ROLE_JUDGE, 0, 0, MSG_VOUCHED, in->transfer, body);
    }
    const struct p_vouch_done answer = {.err = (uint16_t)-err};
    const enum err put = payload_vouch_done_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_VOUCH_DONE, put, body);
}

static enum err
keeper_permit(struct keeper *k, const struct keeper_in *in)
{
    struct p_permit p;
    struct secret32 key SECRET32_CLEAN;
    uint8_t token[PERMIT_BYTES_MAX];
    struct p_permitted told = {0};
    struct span body;
    TRY(payload_permit_get(in->body, &p));
    if (p.verdict > VERDICT_ALLOW || p.direction > DIRECTION_IMPORT)
        return ERR_RANGE;
    struct keeper_case *c = cases_touch(k->cases, in->transfer, p.offer_hash);
    c->n_highest = p.n > c->n_highest ? p.n : c->n_highest;
    TRY(keeper_permit_key(k, &key));
    TRY(permit_make(&key, in->transfer, &p, token, sizeof(token), &told.permit));
    told.n = p.n;
    memcpy(told.offer_hash, p.offer_hash, sizeof(told.offer_hash));
    memcpy(told.leaf, p.leaf, sizeof(told.leaf));
    TRY(payload_permitted_put(&told, k->scratch, sizeof(k->scratch), &body));
    const enum err sent =
        k->out.send(k->out.ctx, ROLE_CLERK, 0, 0, MSG_PERMITTED, in->transfer, body);
    return sent == ERR_ROLE_LOST ? ERR_OK : sent;
}

/* A permit that allows this very export and whose entry is proved to be in our log. */
static enum err
keeper_allowed(struct keeper *k, const struct keeper_in *in, struct span token, uint16_t n,
               const uint8_t offer_hash[static 32], struct p_permit *ret)
{
    struct secret32 key SECRET32_CLEAN;
    struct p_permit p;
    TRY(keeper_permit_key(k, &key));
    TRY(permit_open(&key, in->transfer, token, &p));
    if (p.direction != DIRECTION_EXPORT || p.verdict != VERDICT_ALLOW || p.n != n)
        return ERR_DENIED;
    if (!span_eq(span_of(p.offer_hash, 32), span_of(offer_hash, 32)))
        return ERR_DENIED;
    if (cases_logged_leaf(keeper_log_case(k, in->transfer), p.leaf) == NULL)
        return ERR_PROOF;
    *ret = p;
    return ERR_OK;
}

static enum err
keeper_seal_make(struct keeper *k, const struct keeper_in *in, const struct p_seal_sign *p,
                 uint8_t *buf, size_t cap, struct p_seal_signed *ret)
{
    struct p_permit permit;
    struct seal seal;
    TRY(keeper_allowed(k, in, p->permit, p->n, p->offer_hash, &permit));
    TRY(keeper_seal_of(k, in->transfer, p->sealed, &seal));
    TRY(seal_hash(&seal, ret->seal_hash));
    if (!span_eq(span_of(ret->seal_hash, 32), span_of(permit.seal_hash, 32)) ||
        !span_eq(span_of(seal.offer_hash, 32), span_of(p->offer_hash, 32)))
        return ERR_DENIED;
    TRY(seal_sign(&seal, &k->secrets->gateway));
    return seal_encode(&seal, buf, cap, &ret->seal);
}

static enum err
keeper_seal_sign(struct keeper *k, const struct keeper_in *in)
{
    struct p_seal_sign p;
    struct p_seal_signed answer = {0};
    uint8_t record[SEAL_BYTES_MAX];
    struct span body;
    TRY(payload_seal_sign_get(in->body, &p));
    const enum err err = keeper_seal_make(k, in, &p, record, sizeof(record), &answer);
    answer.err = (uint16_t)-err;
    memcpy(answer.offer_hash, p.offer_hash, sizeof(answer.offer_hash));
    if (err != ERR_OK)
        answer.seal = (struct span){NULL, 0};
    const enum err put = payload_seal_signed_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_SEAL_SIGNED, put, body);
}

static enum err
keeper_wrap_fresh(const struct keeper *k, const struct keeper_in *in, const struct p_permit *p)
{
    const struct keeper_case *c = cases_find(k->cases, in->transfer, p->offer_hash);
    if (c != NULL && p->n < c->n_highest)
        return ERR_EXPIRED;
    if (p->policy_epoch != k->policy_epoch || in->now_s >= p->expires)
        return ERR_EXPIRED;
    /* A clock that went back before the decision makes it as untrusted as one that is too old. */
    if (in->now_s < p->decided_at || in->now_s - p->decided_at > k->verdict_max_age_s)
        return ERR_EXPIRED;
    return ERR_OK;
}

static enum err
keeper_wrap_make(struct keeper *k, const struct keeper_in *in, const struct p_wrap *p,
                 struct release *release, uint8_t ret_hash[static 32])
{
    const struct keyring_key *keys[CASES_RECIPIENTS_MAX];
    size_t key_count = 0;
    size_t signer = 0;
    struct p_permit permit;
    struct seal seal;
    struct secret32 dek SECRET32_CLEAN;
    TRY(keeper_allowed(k, in, p->permit, p->n, p->offer_hash, &permit));
    TRY(keeper_wrap_fresh(k, in, &permit));
    TRY(seal_decode(p->seal, &seal));
    TRY(seal_verify(&seal, &k->secrets->gateway.pub, 1, &signer));
    TRY(keeper_recipients(k, permit.to_zone, permit.recipients, in->now_s, keys, &key_count));
    TRY(spoolkeys_unwrap(k->spool, p->wrapped, SPOOLKEYS_SPOOL, in->transfer, p->offer_hash, &dek));
    *release = (struct release){.suite = seal.suite, .verdict = permit.verdict_json};
    TRY(seal_hash(&seal, release->seal_hash));
    if (!span_eq(span_of(release->seal_hash, 32), span_of(permit.seal_hash, 32)))
        return ERR_DENIED;
    for (size_t i = 0; i < key_count; i++)
        TRY(release_wrap(release, &seal, &dek, keys[i]->pub, NULL));
    TRY(release_sign(release, &k->secrets->release));
    return release_hash(release, ret_hash);
}

static enum err
keeper_wrap(struct keeper *k, const struct keeper_in *in)
{
    struct p_wrap p;
    struct p_wrapped answer = {0};
    struct release release;
    uint8_t record[PERMIT_BYTES_MAX + RELEASE_WRAPS_MAX * RELEASE_WRAP_BYTES + 1024];
    struct span body;
    TRY(payload_wrap_get(in->body, &p));
    enum err err = keeper_wrap_make(k, in, &p, &release, answer.release_hash);
    if (err == ERR_OK)
        err = release_encode(&release, record, sizeof(record), &answer.release);
    answer.err = (uint16_t)-err;
    if (err != ERR_OK)
        answer.release = (struct span){NULL, 0};
    const enum err put = payload_wrapped_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_WRAPPED, put, body);
}

enum err
keeper_export_handle(struct keeper *k, const struct keeper_in *in)
{
    static const struct {
        enum msg_type type;
        enum err (*handle)(struct keeper *k, const struct keeper_in *in);
    } table[] = {
        {MSG_PRE, keeper_pre},       {MSG_KEY_GIVE, keeper_key_give},
        {MSG_SEALED, keeper_sealed}, {MSG_VOUCH, keeper_vouch},
        {MSG_PERMIT, keeper_permit}, {MSG_SEAL_SIGN, keeper_seal_sign},
        {MSG_WRAP, keeper_wrap},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].type == in->type)
            return table[i].handle(k, in);
    return ERR_PROTOCOL;
}
