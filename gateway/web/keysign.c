/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/keysign.h"

void
keysign_init(struct keysign *k, struct chan *chan, enum listener listener, uint32_t timeout_ms)
{
    k->chan = chan;
    k->listener = listener;
    k->timeout_ms = timeout_ms;
}

static enum err
keysign_sign(void *ctx, struct span tbs, uint8_t *sig, size_t cap, size_t *ret_len)
{
    struct keysign *k = ctx;
    const struct p_tls_sign ask = {.listener = (uint8_t)k->listener, .tbs = tbs};
    struct msg question = {.type = MSG_TLS_SIGN};
    struct msg answer;
    struct p_tls_signed signature;
    const enum err put = payload_tls_sign_put(&ask, k->tx, sizeof(k->tx), &question.body);
    if (put != ERR_OK)
        return ERR_TOO_LARGE;
    if (k->chan == NULL)
        return ERR_ROLE_LOST;
    TRY(chan_call_blocking(k->chan, &question, k->timeout_ms, k->rx, sizeof(k->rx), &answer));
    if (answer.type != MSG_TLS_SIGNED || payload_tls_signed_get(answer.body, &signature) != ERR_OK)
        return ERR_PROTOCOL;
    if (signature.err != 0)
        return ERR_CRYPTO;
    if (signature.signature.len == 0)
        return ERR_PROTOCOL;
    if (signature.signature.len > cap)
        return ERR_TOO_LARGE;
    memcpy(sig, signature.signature.ptr, signature.signature.len);
    *ret_len = signature.signature.len;
    return ERR_OK;
}

struct tlskey_signer
keysign_signer(struct keysign *k)
{
    return (struct tlskey_signer){keysign_sign, k};
}
