/* SPDX-License-Identifier: Apache-2.0 */
/* Keeper as the signer of TLS handshakes, for every role with a TLS listener or client: a question
 * on the pair's blocking channel with a deadline (timeouts.sign_ms). The private key is keeper's
 * alone; what is signed is the CertificateVerify input, which keeper checks to be one. */
#ifndef TDZ_GATEWAY_WEB_KEYSIGN_H
#define TDZ_GATEWAY_WEB_KEYSIGN_H

#include "gateway/core/chan.h"
#include "gateway/core/payload.h"
#include "gateway/net/tlskey.h"

struct keysign {
    struct chan *chan; /* to keeper, blocking */
    enum listener listener;
    uint32_t timeout_ms;
    uint8_t tx[MSG_PAYLOAD_MAX];
    uint8_t rx[MSG_BYTES_MAX];
};

/* chan: rolemain_chan_blocking(rm, ROLE_KEEPER, 0), not owned. Set-up only: the struct is large. */
void keysign_init(struct keysign *k, struct chan *chan, enum listener listener,
                  uint32_t timeout_ms);

/* A signer that uses k, which must outlive every key made with it. Its errors: those of
 * chan_call_blocking (ERR_TIMEOUT, ERR_ROLE_LOST), keeper's own, ERR_PROTOCOL (nonsense in the
 * answer), ERR_TOO_LARGE (tbs or signature). */
struct tlskey_signer keysign_signer(struct keysign *k);

#endif
