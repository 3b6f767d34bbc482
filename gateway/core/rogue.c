/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/rogue.h"

#if TDZ_FAULTS

#include <string.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "gateway/core/fault.h"
#include "gateway/core/oplog.h"
#include "gateway/core/payload.h"
#include "schemas/wire.h"

enum { ROGUE_KEPT_MAX = 16 * 1024, ROGUE_DEADLINE_MS = 5000 };

/* What a captured clerk remembers of the transfer at hand. */
struct rogue_kept {
    uint8_t bytes[ROGUE_KEPT_MAX];
    size_t len;
};

static struct {
    struct chan *chans[2][ROLE_COUNT]; /* by blocking; instance 0 */
    struct chan *second;               /* to the second sealer, if there is one */
    enum role_id self;                 /* as of the last message */
    struct oplog log;
    bool has_log;
    uint8_t body[MSG_PAYLOAD_MAX];
    uint8_t answer[MSG_BYTES_MAX];
    struct rogue_kept sealed;  /* payload of SEALED */
    struct rogue_kept wrapped; /* spool wrap of OFFERED */
    struct rogue_kept seal;    /* SEAL record, of a peer or signed by our keeper */
    struct rogue_kept inbox;   /* inbox wrap of RECEIPT_SIGNED */
    struct rogue_kept permit;  /* the first PERMITTED, of whatever transfer */
    struct rogue_kept give;    /* the last KEY_GIVE of a sealing key */
} rogue;

static void
rogue_keep(struct rogue_kept *kept, struct span bytes)
{
    if (bytes.len > sizeof(kept->bytes))
        return;
    if (bytes.len > 0)
        memcpy(kept->bytes, bytes.ptr, bytes.len);
    kept->len = bytes.len;
}

static struct span
rogue_kept(const struct rogue_kept *kept)
{
    return span_of(kept->bytes, kept->len);
}

static void
rogue_tell(enum role_id self, const char *act, enum msg_type type, const char *result, size_t bytes)
{
    if (!rogue.has_log)
        oplog_init(&rogue.log, STDERR_FILENO, self, 0);
    rogue.has_log = true;
    OPLOG(&rogue.log, EVENT_ROGUE, OPLOG_STR("act", act), OPLOG_STR("says", msg_name(type)),
          OPLOG_STR("result", result), OPLOG_INT("bytes", bytes));
}

void
rogue_meet(struct chan *chan)
{
    if (chan_index(chan) == 0)
        rogue.chans[chan_is_blocking(chan) ? 1 : 0][chan_role(chan)] = chan;
    else if (chan_role(chan) == ROLE_SEALER && chan_index(chan) == 1)
        rogue.second = chan;
}

bool
rogue_acts(enum fault_id point)
{
    if (fault_hit(point) == ERR_OK)
        return false;
    rogue_tell(rogue.self, fault_name(point), MSG_NONE, "done", 0);
    return true;
}

/* -- changed on the way out ---------------------------------------------------------------------*/

/* Each gives the payload with one thing changed. */
#define ROGUE_CHANGE(fn, name, change)                                             \
    static enum err fn(struct msg *m)                                              \
    {                                                                              \
        struct p_##name p;                                                         \
        TRY(payload_##name##_get(m->body, &p));                                    \
        change;                                                                    \
        return payload_##name##_put(&p, rogue.body, sizeof(rogue.body), &m->body); \
    }

/* A copy of a span with one bit of its middle changed. */
static struct span
rogue_flipped(struct span in)
{
    static uint8_t copy[ROGUE_KEPT_MAX];
    if (in.len == 0 || in.len > sizeof(copy))
        return in;
    memcpy(copy, in.ptr, in.len);
    copy[in.len / 2] ^= 1;
    return span_of(copy, in.len);
}

ROGUE_CHANGE(rogue_ring_offer, ring_upload, p.offer_hash[0] ^= 1)
ROGUE_CHANGE(rogue_findings_bytes, findings, p.bytes_out++)
ROGUE_CHANGE(rogue_sealed_root, sealed, p.root[0] ^= 1)
ROGUE_CHANGE(rogue_logged_proof, logged, p.proof = rogue_flipped(p.proof))
ROGUE_CHANGE(rogue_logged_leaf, logged, p.leaf[0] ^= 1)
ROGUE_CHANGE(rogue_checkpoint_root, checkpoint_sign, p.root[0] ^= 1)
ROGUE_CHANGE(rogue_key_offer, key_give, p.offer_hash[0] ^= 1)
ROGUE_CHANGE(rogue_key_wrapped, key_give, p.wrapped = rogue_flipped(p.wrapped))
ROGUE_CHANGE(rogue_wrap_permit, wrap, p.permit = rogue_flipped(p.permit))
ROGUE_CHANGE(rogue_wrap_seal, wrap, p.seal = rogue_flipped(p.seal))
ROGUE_CHANGE(rogue_go_offer, go_ask, p.offer_hash[0] ^= 1)
ROGUE_CHANGE(rogue_unwrap_release, unwrap, p.release = rogue_flipped(p.release))
ROGUE_CHANGE(rogue_peer_proof, peer_verify, p.proof = rogue_flipped(p.proof))

static enum err
rogue_transfer(struct msg *m)
{
    m->transfer[0] ^= 1;
    return ERR_OK;
}

static enum err
rogue_hold_back(struct msg *m)
{
    (void)m;
    return ERR_AGAIN;
}

static const struct {
    enum fault_id fault;
    const char *act;
    enum role_id self;
    enum role_id peer;
    enum msg_type type;
    enum err (*change)(struct msg *m); /* ERR_AGAIN: hold it back */
} rogue_sends[] = {
#define SENDS(act, self, peer, type, change)                                    \
    {                                                                           \
        FAULT_rogue_##act, #act, ROLE_##self, ROLE_##peer, MSG_##type, (change) \
    }
    SENDS(edge_transfer, EDGE, CLERK, UPLOAD_END, rogue_transfer),
    SENDS(edge_ring, EDGE, INSPECTOR, RING_UPLOAD, rogue_ring_offer),
    SENDS(inspector_bytes, INSPECTOR, JUDGE, FINDINGS, rogue_findings_bytes),
    SENDS(sealer_root, SEALER, KEEPER, SEALED, rogue_sealed_root),
    SENDS(ledger_proof, LEDGER, KEEPER, LOGGED, rogue_logged_proof),
    SENDS(ledger_leaf, LEDGER, KEEPER, LOGGED, rogue_logged_leaf),
    SENDS(ledger_fork, LEDGER, KEEPER, CHECKPOINT_SIGN, rogue_checkpoint_root),
    SENDS(ledger_no_go, LEDGER, LINK, GO, rogue_hold_back),
    SENDS(clerk_key_offer, CLERK, KEEPER, KEY_GIVE, rogue_key_offer),
    SENDS(clerk_key_wrapped, CLERK, KEEPER, KEY_GIVE, rogue_key_wrapped),
    SENDS(clerk_permit, CLERK, KEEPER, WRAP, rogue_wrap_permit),
    SENDS(clerk_seal, CLERK, KEEPER, WRAP, rogue_wrap_seal),
    SENDS(clerk_go, CLERK, LEDGER, GO_ASK, rogue_go_offer),
    SENDS(clerk_release, CLERK, KEEPER, UNWRAP, rogue_unwrap_release),
    SENDS(clerk_peer_proof, CLERK, LEDGER, PEER_VERIFY, rogue_peer_proof),
#undef SENDS
};

bool
rogue_may_send(enum role_id self, struct chan *chan, struct msg *m)
{
    struct p_key_give give;
    rogue.self = self;
    if (self == ROLE_CLERK && m->type == MSG_KEY_GIVE &&
        payload_key_give_get(m->body, &give) == ERR_OK && give.purpose == KEY_SEAL)
        rogue_keep(&rogue.give, m->body);
    for (size_t i = 0; i < sizeof(rogue_sends) / sizeof(rogue_sends[0]); i++) {
        if (rogue_sends[i].self != self || rogue_sends[i].peer != chan_role(chan) ||
            rogue_sends[i].type != m->type || fault_hit(rogue_sends[i].fault) == ERR_OK)
            continue;
        const enum err err = rogue_sends[i].change(m);
        rogue_tell(self, rogue_sends[i].act, m->type,
                   err == ERR_AGAIN ? "held-back"
                   : err == ERR_OK  ? "changed"
                                    : error_name(err),
                   0);
        return err != ERR_AGAIN;
    }
    return true;
}

/* -- said on top --------------------------------------------------------------------------------*/

/* The answers' error and what of value came with it. */
static enum err
rogue_result(const struct msg *m, size_t *ret_bytes)
{
    struct p_seal_signed signed_seal;
    struct p_wrapped wrapped;
    struct p_unwrapped unwrapped;
    struct p_receipt_signed receipt;
    struct p_key_given given;
    struct p_tls_signed tls;
    uint16_t code = 0;
    *ret_bytes = 0;
    switch ((unsigned)m->type) {
    case MSG_SEAL_SIGNED:
        TRY(payload_seal_signed_get(m->body, &signed_seal));
        code = signed_seal.err;
        *ret_bytes = signed_seal.seal.len;
        break;
    case MSG_WRAPPED:
        TRY(payload_wrapped_get(m->body, &wrapped));
        code = wrapped.err;
        *ret_bytes = wrapped.release.len;
        break;
    case MSG_UNWRAPPED:
        TRY(payload_unwrapped_get(m->body, &unwrapped));
        code = unwrapped.err;
        *ret_bytes = unwrapped.held.len;
        break;
    case MSG_RECEIPT_SIGNED:
        TRY(payload_receipt_signed_get(m->body, &receipt));
        code = receipt.err;
        *ret_bytes = receipt.inbox.len + receipt.receipt.len;
        break;
    case MSG_TLS_SIGNED:
        TRY(payload_tls_signed_get(m->body, &tls));
        code = tls.err;
        *ret_bytes = tls.signature.len;
        break;
    default:
        TRY(payload_key_given_get(m->body, &given));
        code = given.err;
        break;
    }
    return (enum err) - (int)code;
}

static enum err
rogue_on_answer(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    size_t bytes = 0;
    (void)chan;
    const bool came = err == ERR_OK;
    if (came)
        err = rogue_result(answer, &bytes);
    rogue_tell(ROLE_CLERK, ctx, came ? answer->type : MSG_NONE,
               err == ERR_OK ? "granted" : error_name(err), bytes);
    return ERR_OK;
}

static void
rogue_ask(char *act, enum msg_type type, const uint8_t transfer[static MSG_TRANSFER_BYTES],
          enum err put, struct span body)
{
    struct chan *keeper = rogue.chans[0][ROLE_KEEPER];
    struct msg m = {.type = type, .body = body};
    memcpy(m.transfer, transfer, sizeof(m.transfer));
    enum err err = keeper == NULL ? ERR_ROLE_LOST : put;
    if (err == ERR_OK)
        err = chan_ask(keeper, &m, ROGUE_DEADLINE_MS, rogue_on_answer, act, NULL);
    rogue_tell(ROLE_CLERK, act, type, err == ERR_OK ? "asked" : error_name(err), 0);
}

/* SEAL signature and wrap before the decision is in the log; and with another transfer's permit. */
static void
rogue_clerk_early(const struct msg *m)
{
    static char act[] = "clerk_early";
    static char other[] = "clerk_other_permit";
    struct p_permitted permitted;
    struct span body = {NULL, 0};
    if (payload_permitted_get(m->body, &permitted) != ERR_OK)
        return;
    struct p_seal_sign sign = {
        .n = permitted.n, .permit = permitted.permit, .sealed = rogue_kept(&rogue.sealed)};
    struct p_wrap wrap = {.n = permitted.n,
                          .permit = permitted.permit,
                          .seal = rogue_kept(&rogue.seal),
                          .wrapped = rogue_kept(&rogue.wrapped)};
    memcpy(sign.offer_hash, permitted.offer_hash, sizeof(sign.offer_hash));
    memcpy(wrap.offer_hash, permitted.offer_hash, sizeof(wrap.offer_hash));
    enum err err = payload_seal_sign_put(&sign, rogue.body, sizeof(rogue.body), &body);
    rogue_ask(act, MSG_SEAL_SIGN, m->transfer, err, body);
    err = payload_wrap_put(&wrap, rogue.body, sizeof(rogue.body), &body);
    rogue_ask(act, MSG_WRAP, m->transfer, err, body);
    if (rogue.permit.len > 0) {
        sign.permit = rogue_kept(&rogue.permit);
        wrap.permit = rogue_kept(&rogue.permit);
        err = payload_seal_sign_put(&sign, rogue.body, sizeof(rogue.body), &body);
        rogue_ask(other, MSG_SEAL_SIGN, m->transfer, err, body);
        err = payload_wrap_put(&wrap, rogue.body, sizeof(rogue.body), &body);
        rogue_ask(other, MSG_WRAP, m->transfer, err, body);
    }
}

/* The offer of the SEAL kept. */
static void
rogue_seal_offer(uint8_t ret_hash[static 32])
{
    struct seal seal;
    memset(ret_hash, 0, 32);
    if (seal_decode(rogue_kept(&rogue.seal), &seal) == ERR_OK)
        memcpy(ret_hash, seal.offer_hash, 32);
}

/* The key of a released body before ledger saw the exporter's proof. */
static void
rogue_clerk_unwrap(const struct msg *m)
{
    static char act[] = "clerk_unwrap";
    struct p_corridor_in in;
    struct wire_reader r;
    struct span body = {NULL, 0};
    if (payload_corridor_in_get(m->body, &in) != ERR_OK || in.what != CORRIDOR_RELEASE)
        return;
    wire_reader_init(&r, in.body);
    (void)wire_get_u16(&r);
    (void)wire_get_u8(&r);
    struct p_unwrap p = {.peer = in.peer, .seal = rogue_kept(&rogue.seal)};
    p.release = wire_get_vec32(&r, ROGUE_KEPT_MAX);
    rogue_seal_offer(p.offer_hash);
    if (rogue.chans[0][ROLE_SEALER] != NULL)
        p.sealer_gen = chan_incarnation(rogue.chans[0][ROLE_SEALER]);
    if (rogue.chans[0][ROLE_INSPECTOR] != NULL)
        p.inspector_gen = chan_incarnation(rogue.chans[0][ROLE_INSPECTOR]);
    const enum err err = payload_unwrap_put(&p, rogue.body, sizeof(rogue.body), &body);
    rogue_ask(act, MSG_UNWRAP, m->transfer, err, body);
}

/* A receipt that says "received" and the inbox key, before anything was decided. */
static void
rogue_clerk_receipt(const struct msg *m)
{
    static char act[] = "clerk_receipt";
    struct p_opened opened;
    struct span body = {NULL, 0};
    if (payload_opened_get(m->body, &opened) != ERR_OK)
        return;
    struct p_receipt_sign p = {
        .status = 3, .permit = rogue_kept(&rogue.permit), .held = rogue_kept(&rogue.wrapped)};
    memcpy(p.offer_hash, opened.offer_hash, sizeof(p.offer_hash));
    const enum err err = payload_receipt_sign_put(&p, rogue.body, sizeof(rogue.body), &body);
    rogue_ask(act, MSG_RECEIPT_SIGN, m->transfer, err, body);
}

/* The data key of a container for another sealer than the one that has it. */
static void
rogue_clerk_second(const struct msg *m)
{
    static char act[] = "clerk_second";
    struct p_key_give p;
    struct span body = {NULL, 0};
    if (payload_key_give_get(rogue_kept(&rogue.give), &p) != ERR_OK || rogue.second == NULL)
        return;
    struct chan *other = p.sealer == 1 ? rogue.chans[0][ROLE_SEALER] : rogue.second;
    p.sealer = (uint8_t)chan_index(other);
    p.sealer_gen = chan_incarnation(other);
    const enum err err = payload_key_give_put(&p, rogue.body, sizeof(rogue.body), &body);
    rogue_ask(act, MSG_KEY_GIVE, m->transfer, err, body);
}

/* The inbox key before `opened` is in the log. */
static void
rogue_clerk_pull(const struct msg *m)
{
    static char act[] = "clerk_pull";
    struct span body = {NULL, 0};
    struct p_key_give p = {.purpose = KEY_INBOX,
                           .wrapped = rogue_kept(&rogue.inbox),
                           .seal = rogue_kept(&rogue.seal),
                           .pull = 1};
    rogue_seal_offer(p.offer_hash);
    if (rogue.chans[0][ROLE_SEALER] != NULL)
        p.sealer_gen = chan_incarnation(rogue.chans[0][ROLE_SEALER]);
    const enum err err = payload_key_give_put(&p, rogue.body, sizeof(rogue.body), &body);
    rogue_ask(act, MSG_KEY_GIVE, m->transfer, err, body);
}

/* A signature under the TLS key on something that is no handshake: a checkpoint of a log. */
static void
rogue_sign(const struct msg *m)
{
    static const char note[] = "my-cyberjaya/gw1/2026h2\n1000000\n"
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n";
    struct chan *keeper = rogue.chans[1][ROLE_KEEPER];
    struct p_tls_sign p = {.listener = LISTENER_PARTNER,
                           .tbs = span_of((const uint8_t *)note, sizeof(note) - 1)};
    struct msg ask = {.type = MSG_TLS_SIGN};
    struct msg answer = {.type = MSG_NONE};
    size_t bytes = 0;
    (void)m;
    rogue_tell(ROLE_EDGE, "sign", MSG_TLS_SIGN, "asked", 0);
    enum err err = keeper == NULL ? ERR_ROLE_LOST : ERR_OK;
    if (err == ERR_OK)
        err = payload_tls_sign_put(&p, rogue.body, sizeof(rogue.body), &ask.body);
    if (err == ERR_OK)
        err = chan_call_blocking(keeper, &ask, ROGUE_DEADLINE_MS, rogue.answer,
                                 sizeof(rogue.answer), &answer);
    if (err == ERR_OK)
        err = rogue_result(&answer, &bytes);
    rogue_tell(ROLE_EDGE, "sign", answer.type, err == ERR_OK ? "granted" : error_name(err), bytes);
}

/* A question that is clerk's alone, from whoever this is. */
static void
rogue_outside(const struct msg *m)
{
    struct chan *keeper = rogue.chans[1][ROLE_KEEPER];
    (void)m;
    if (keeper == NULL || !chan_is_open(keeper))
        keeper = rogue.chans[0][ROLE_KEEPER];
    if (keeper == NULL || !chan_is_open(keeper))
        return;
    rogue_tell(rogue.self, "outside", MSG_KEY_GIVE, "asked", 0);
    chan_send_rogue(keeper, MSG_KEY_GIVE);
}

static const struct {
    enum fault_id fault;
    enum role_id self;
    enum msg_type type;
    void (*say)(const struct msg *m);
} rogue_says[] = {
    {FAULT_rogue_clerk_early, ROLE_CLERK, MSG_PERMITTED, rogue_clerk_early},
    {FAULT_rogue_clerk_second, ROLE_CLERK, MSG_KEY_GIVEN, rogue_clerk_second},
    {FAULT_rogue_clerk_unwrap, ROLE_CLERK, MSG_CORRIDOR_IN, rogue_clerk_unwrap},
    {FAULT_rogue_clerk_receipt, ROLE_CLERK, MSG_OPENED, rogue_clerk_receipt},
    {FAULT_rogue_clerk_pull, ROLE_CLERK, MSG_PULL_OPEN, rogue_clerk_pull},
    {FAULT_rogue_sign, ROLE_EDGE, MSG_UPLOAD_GO, rogue_sign},
    {FAULT_rogue_outside, ROLE_EDGE, MSG_UPLOAD_GO, rogue_outside},
    {FAULT_rogue_outside, ROLE_INSPECTOR, MSG_INSPECT_OPEN, rogue_outside},
    {FAULT_rogue_outside, ROLE_LINK, MSG_FORWARD, rogue_outside},
    {FAULT_rogue_outside, ROLE_SEALER, MSG_SEAL_OPEN, rogue_outside},
    {FAULT_rogue_outside, ROLE_LEDGER, MSG_PROVE, rogue_outside},
    {FAULT_rogue_outside, ROLE_JUDGE, MSG_PREFLIGHT, rogue_outside},
};

/* What a captured clerk has in its rows anyway. */
static void
rogue_listen(const struct msg *m)
{
    struct p_offered offered;
    struct p_corridor_in in;
    struct p_seal_signed signed_seal;
    struct p_receipt_signed receipt;
    struct wire_reader r;
    if (m->type == MSG_SEALED)
        rogue_keep(&rogue.sealed, m->body);
    else if (m->type == MSG_OFFERED && payload_offered_get(m->body, &offered) == ERR_OK)
        rogue_keep(&rogue.wrapped, offered.wrapped);
    else if (m->type == MSG_SEAL_SIGNED && payload_seal_signed_get(m->body, &signed_seal) == ERR_OK)
        rogue_keep(&rogue.seal, signed_seal.seal);
    else if (m->type == MSG_RECEIPT_SIGNED &&
             payload_receipt_signed_get(m->body, &receipt) == ERR_OK)
        rogue_keep(&rogue.inbox, receipt.inbox);
    else if (m->type == MSG_CORRIDOR_IN && payload_corridor_in_get(m->body, &in) == ERR_OK &&
             in.what == CORRIDOR_SEAL) {
        wire_reader_init(&r, in.body);
        rogue_keep(&rogue.seal, wire_get_vec32(&r, ROGUE_KEPT_MAX));
    }
}

void
rogue_heard(enum role_id self, struct chan *chan, const struct msg *m)
{
    struct p_permitted permitted;
    (void)chan;
    rogue.self = self;
    if (self == ROLE_CLERK)
        rogue_listen(m);
    for (size_t i = 0; i < sizeof(rogue_says) / sizeof(rogue_says[0]); i++) {
        if (rogue_says[i].self == self && rogue_says[i].type == m->type &&
            fault_hit(rogue_says[i].fault) != ERR_OK)
            rogue_says[i].say(m);
    }
    if (self == ROLE_CLERK && m->type == MSG_PERMITTED && rogue.permit.len == 0 &&
        payload_permitted_get(m->body, &permitted) == ERR_OK)
        rogue_keep(&rogue.permit, permitted.permit);
}

#endif
