/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/keeper.h"

#include "crypto/mac.h"

enum err
keeper_reply(struct keeper *k, enum msg_type type, enum err put, struct span body)
{
    TRY(put);
    /* Nobody waits any more when the asker died: that is no fault of anybody here. */
    const enum err err = k->out.answer(k->out.ctx, type, body);
    return err == ERR_ROLE_LOST ? ERR_OK : err;
}

enum err
keeper_evidence_key(const struct keeper *k, const uint8_t transfer[static 16],
                    const uint8_t offer_hash[static 32], struct secret32 *ret_key)
{
    const struct span parts[3] = {SPAN_LIT("tdz/v1/evidence\0"), span_of(transfer, 16),
                                  span_of(offer_hash, 32)};
    return mac_sha256(span_of(k->secrets->storage.bytes, 32), parts, 3, ret_key->bytes);
}

enum err
keeper_permit_key(const struct keeper *k, struct secret32 *ret_key)
{
    const struct span parts[1] = {SPAN_LIT("tdz/v1/permit-key\0")};
    return mac_sha256(span_of(k->secrets->storage.bytes, 32), parts, 1, ret_key->bytes);
}

struct keeper_case *
keeper_log_case(struct keeper *k, const uint8_t transfer[static 16])
{
    static const uint8_t no_container[32];
    return cases_touch(k->cases, transfer, no_container);
}

static enum err
keeper_tls_sign(struct keeper *k, const struct keeper_in *in)
{
    struct p_tls_sign p;
    struct span body;
    uint8_t sig[TLSSIGN_SIG_MAX];
    size_t len = 0;
    TRY(payload_tls_sign_get(in->body, &p));
    /* Only link opens connections; edge and desk never speak for a client. */
    const unsigned sides = in->from == ROLE_LINK ? TLSSIGN_SERVER | TLSSIGN_CLIENT : TLSSIGN_SERVER;
    const enum err err = tlssign_sign(k->tls, sides, p.tbs, sig, sizeof(sig), &len);
    /* What is no handshake is an attempt to have something else signed. */
    if (err == ERR_DENIED)
        return err;
    const struct p_tls_signed answer = {.err = (uint16_t)-err,
                                        .signature = span_of(sig, err == ERR_OK ? len : 0)};
    const enum err put = payload_tls_signed_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_TLS_SIGNED, put, body);
}

static enum err
keeper_policy_epoch(struct keeper *k, const struct keeper_in *in)
{
    struct p_policy_epoch p;
    TRY(payload_policy_epoch_get(in->body, &p));
    k->policy_epoch = p.policy_epoch;
    return ERR_OK;
}

enum err
keeper_handle(struct keeper *k, const struct keeper_in *in)
{
    if (in->type == MSG_TLS_SIGN)
        return keeper_tls_sign(k, in);
    if (in->type == MSG_POLICY_EPOCH)
        return keeper_policy_epoch(k, in);
    enum err err = keeper_log_handle(k, in);
    if (err == ERR_PROTOCOL)
        err = keeper_export_handle(k, in);
    if (err == ERR_PROTOCOL)
        err = keeper_import_handle(k, in);
    return err;
}
