/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS connection without a socket: the owner moves ciphertext in and out of its two buffers
 * (one recv and one send a turn, many records each) and reads and writes plaintext. Single
 * threaded; never blocks, except in the signer. */
#ifndef TDZ_GATEWAY_NET_TLS_H
#define TDZ_GATEWAY_NET_TLS_H

#include "gateway/net/identity.h"
#include "gateway/net/tlsctx.h"
#include "schemas/error.h"
#include "schemas/span.h"

enum { TLS_IN_BYTES = 128 * 1024, TLS_OUT_BYTES = 256 * 1024, TLS_NO_ALERT = -1 };

struct tls;

/* ctx outlives the connection. expect_zone: for a client, the zone whose peer must answer (its
 * authority is among those trusted by ctx); NULL for a server. server_name: for a client, SNI; may
 * be NULL. ERR_NOMEM. */
MUST_USE enum err tls_new(struct tlsctx *ctx, const char *expect_zone, const char *server_name,
                          struct tls **ret_tls);
void tls_free(struct tls *t);

/* Room for ciphertext from the network; *ret_cap is 0 when the buffer is full (read first). */
void tls_in_room(struct tls *t, uint8_t **ret_ptr, size_t *ret_cap);
void tls_in_filled(struct tls *t, size_t len);
/* The transport ended: what was sent is still read, then tls_read gives ERR_SHORT unless a
 * close_notify came first. */
void tls_in_eof(struct tls *t);
size_t tls_in_pending(const struct tls *t);

/* Ciphertext to send, valid until the next call on t; after sending say how much was taken. */
struct span tls_out(const struct tls *t);
void tls_out_taken(struct tls *t, size_t len);

/* Goes on with the handshake. ERR_OK: complete; ERR_AGAIN: send tls_out, bring more; ERR_PROTOCOL:
 * it failed (an alert may be in tls_out; see tls_alert); ERR_SHORT: the transport ended;
 * ERR_DENIED: client only, the server is not a peer of expect_zone. */
MUST_USE enum err tls_handshake(struct tls *t);

/* Plaintext into buf. ERR_AGAIN: none now; ERR_CLOSED: the peer closed cleanly; ERR_SHORT: the
 * transport ended without a close_notify, so the stream may be cut; ERR_PROTOCOL: broken record,
 * alert, or too many KeyUpdates. Errors other than ERR_AGAIN are final. */
MUST_USE enum err tls_read(struct tls *t, uint8_t *buf, size_t cap, size_t *ret_len);

/* Takes what fits of bytes (whole 16 KiB records while there is room). ERR_AGAIN: nothing now;
 * ERR_PROTOCOL: the connection is broken; ERR_CLOSED: after tls_close. */
MUST_USE enum err tls_write(struct tls *t, struct span bytes, size_t *ret_len);
/* True when tls_write would take at least one record. */
bool tls_can_write(const struct tls *t);

/* Puts close_notify into tls_out; reading goes on. */
void tls_close(struct tls *t);

/* After the handshake. The fingerprint is set in either case. ERR_DENIED: the certificate does not
 * name exactly one identity of the zone whose authority signed it. */
MUST_USE enum err tls_identity(const struct tls *t, struct identity *ret_identity);

/* Verifies the peer's certificate again under the trust in force now. ERR_DENIED: it would no
 * longer be accepted (expired, revoked, authority gone); ERR_NOMEM. */
MUST_USE enum err tls_recheck(struct tls *t);

bool tls_is_h2(const struct tls *t);
/* Number (RFC 8446 6) of the fatal alert sent or received, or TLS_NO_ALERT; for the log line. */
int tls_alert_sent(const struct tls *t);
int tls_alert_received(const struct tls *t);
/* Static name of an alert ("certificate_required"); "none" for TLS_NO_ALERT. */
const char *tls_alert_text(int alert);
/* Negotiated group and cipher, static text, after the handshake. */
const char *tls_group(const struct tls *t);
const char *tls_cipher(const struct tls *t);
/* KeyUpdates sent so far. */
uint32_t tls_rekeys(const struct tls *t);

#endif
