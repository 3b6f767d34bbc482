/* SPDX-License-Identifier: Apache-2.0 */
/* Typed payloads: for every P_NAME of payload.def a struct p_name, its encoder and its decoder.
 * The decoder reads hostile bytes: lengths are checked, trailing bytes are an error, VEC fields
 * become views into the message (valid as long as the message is). */
#ifndef TDZ_GATEWAY_CORE_PAYLOAD_H
#define TDZ_GATEWAY_CORE_PAYLOAD_H

#include "gateway/core/payload.def"
#include "schemas/error.h"
#include "schemas/span.h"

#define PAYLOAD_DECL_U8(field) uint8_t field;
#define PAYLOAD_DECL_U16(field) uint16_t field;
#define PAYLOAD_DECL_U32(field) uint32_t field;
#define PAYLOAD_DECL_U64(field) uint64_t field;
#define PAYLOAD_DECL_B32(field) uint8_t field[32];
#define PAYLOAD_DECL_VEC(field) struct span field;
#define PAYLOAD_DECL(kind, field) PAYLOAD_DECL_##kind(field)

/* PAYLOAD(NAME, name) for every payload. */
#define PAYLOAD_LIST(PAYLOAD)                     \
    PAYLOAD(UPLOAD_OPEN, upload_open)             \
    PAYLOAD(UPLOAD_GO, upload_go)                 \
    PAYLOAD(UPLOAD_END, upload_end)               \
    PAYLOAD(UPLOAD_STOP, upload_stop)             \
    PAYLOAD(QUERY, query)                         \
    PAYLOAD(ANSWER, answer)                       \
    PAYLOAD(PULL_OPEN, pull_open)                 \
    PAYLOAD(PULL_GO, pull_go)                     \
    PAYLOAD(PULL_END, pull_end)                   \
    PAYLOAD(LOG_READ, log_read)                   \
    PAYLOAD(LOG_DATA, log_data)                   \
    PAYLOAD(TLS_SIGN, tls_sign)                   \
    PAYLOAD(TLS_SIGNED, tls_signed)               \
    PAYLOAD(RING_UPLOAD, ring_upload)             \
    PAYLOAD(RING_SEAL, ring_seal)                 \
    PAYLOAD(RING_OPEN, ring_open)                 \
    PAYLOAD(RING_PULL, ring_pull)                 \
    PAYLOAD(INSPECT_OPEN, inspect_open)           \
    PAYLOAD(INSPECT_KEYS, inspect_keys)           \
    PAYLOAD(INSPECT_ABORT, inspect_abort)         \
    PAYLOAD(INSPECTED, inspected)                 \
    PAYLOAD(FINDINGS, findings)                   \
    PAYLOAD(RETIRE, retire)                       \
    PAYLOAD(SEAL_OPEN, seal_open)                 \
    PAYLOAD(SEAL_KEY, seal_key)                   \
    PAYLOAD(SEALED, sealed)                       \
    PAYLOAD(BODY_OPEN, body_open)                 \
    PAYLOAD(OPEN_KEY, open_key)                   \
    PAYLOAD(OPENED, opened)                       \
    PAYLOAD(SEAL_ABORT, seal_abort)               \
    PAYLOAD(SEAL_FAILED, seal_failed)             \
    PAYLOAD(PREFLIGHT, preflight)                 \
    PAYLOAD(PREFLIGHTED, preflighted)             \
    PAYLOAD(PRE, pre)                             \
    PAYLOAD(DECIDE, decide)                       \
    PAYLOAD(DECIDED, decided)                     \
    PAYLOAD(PERMIT, permit)                       \
    PAYLOAD(PERMITTED, permitted)                 \
    PAYLOAD(EVIDENCE, evidence)                   \
    PAYLOAD(HELD, held)                           \
    PAYLOAD(VOUCHED, vouched)                     \
    PAYLOAD(IMPORT_OFFER, import_offer)           \
    PAYLOAD(IMPORT_CHECKED, import_checked)       \
    PAYLOAD(PRE_IMPORT, pre_import)               \
    PAYLOAD(POLICY_EPOCH, policy_epoch)           \
    PAYLOAD(POLICIES, policies)                   \
    PAYLOAD(NOTE_ASK, note_ask)                   \
    PAYLOAD(NOTE_ANSWER, note_answer)             \
    PAYLOAD(OFFERED, offered)                     \
    PAYLOAD(KEY_GIVE, key_give)                   \
    PAYLOAD(KEY_GIVEN, key_given)                 \
    PAYLOAD(VOUCH, vouch)                         \
    PAYLOAD(VOUCH_DONE, vouch_done)               \
    PAYLOAD(SEAL_SIGN, seal_sign)                 \
    PAYLOAD(SEAL_SIGNED, seal_signed)             \
    PAYLOAD(WRAP, wrap)                           \
    PAYLOAD(WRAPPED, wrapped)                     \
    PAYLOAD(SEAL_CHECK, seal_check)               \
    PAYLOAD(SEAL_CHECKED, seal_checked)           \
    PAYLOAD(UNWRAP, unwrap)                       \
    PAYLOAD(UNWRAPPED, unwrapped)                 \
    PAYLOAD(RECEIPT_SIGN, receipt_sign)           \
    PAYLOAD(RECEIPT_SIGNED, receipt_signed)       \
    PAYLOAD(APPEND, append)                       \
    PAYLOAD(APPENDED, appended)                   \
    PAYLOAD(PROVE, prove)                         \
    PAYLOAD(PROVED, proved)                       \
    PAYLOAD(LOGGED, logged)                       \
    PAYLOAD(CHECKPOINT_SIGN, checkpoint_sign)     \
    PAYLOAD(CHECKPOINT_SIGNED, checkpoint_signed) \
    PAYLOAD(COSIGN, cosign)                       \
    PAYLOAD(COSIGNED, cosigned)                   \
    PAYLOAD(GO_ASK, go_ask)                       \
    PAYLOAD(GO_TOLD, go_told)                     \
    PAYLOAD(GO, go)                               \
    PAYLOAD(PROOF_ASK, proof_ask)                 \
    PAYLOAD(PROOF, proof)                         \
    PAYLOAD(STORY_ASK, story_ask)                 \
    PAYLOAD(STORY, story)                         \
    PAYLOAD(PEER_VERIFY, peer_verify)             \
    PAYLOAD(PEER_VERIFIED, peer_verified)         \
    PAYLOAD(PEER_LOGGED, peer_logged)             \
    PAYLOAD(LEDGER_STATE, ledger_state)           \
    PAYLOAD(LEDGER_PEER, ledger_peer)             \
    PAYLOAD(HEAD_SEEN, head_seen)                 \
    PAYLOAD(CLOCK_TOLD, clock_told)               \
    PAYLOAD(POLICY_FLOOR, policy_floor)           \
    PAYLOAD(FORWARD, forward)                     \
    PAYLOAD(FORWARD_STATE, forward_state)         \
    PAYLOAD(FORWARD_STOP, forward_stop)           \
    PAYLOAD(PARCEL_SEND, parcel_send)             \
    PAYLOAD(PARCEL_SENT, parcel_sent)             \
    PAYLOAD(CORRIDOR_IN, corridor_in)             \
    PAYLOAD(CORRIDOR_ANSWER, corridor_answer)     \
    PAYLOAD(BODY_STATE, body_state)               \
    PAYLOAD(PEER_STATE, peer_state)               \
    PAYLOAD(WITNESS_CALL, witness_call)           \
    PAYLOAD(WITNESS_RESULT, witness_result)       \
    PAYLOAD(WITNESS_ASK, witness_ask)             \
    PAYLOAD(WITNESS_ANSWER, witness_answer)

#define PAYLOAD_STRUCT(NAME, name) \
    struct p_##name {              \
        P_##NAME(PAYLOAD_DECL)     \
    };
PAYLOAD_LIST(PAYLOAD_STRUCT)

/* payload_name_put writes into buf[cap] and sets *ret to what was written (ERR_FULL).
 * payload_name_get reads exactly in (ERR_SHORT, ERR_TRAILING, ERR_TOO_LARGE). */
#define PAYLOAD_PROTO(NAME, name)                                                              \
    MUST_USE enum err payload_##name##_put(const struct p_##name *p, uint8_t *buf, size_t cap, \
                                           struct span *ret);                                  \
    MUST_USE enum err payload_##name##_get(struct span in, struct p_##name *ret);
PAYLOAD_LIST(PAYLOAD_PROTO)

/* Values of the small numbers in payloads. Every one read from a message goes through a check. */
enum verdict { VERDICT_DENY = 0, VERDICT_HOLD = 1, VERDICT_ALLOW = 2 };
enum direction { DIRECTION_EXPORT = 0, DIRECTION_IMPORT = 1 };
enum upload_outcome {
    UPLOAD_COMPLETE = 0,
    UPLOAD_ABORTED = 1,
    UPLOAD_DIGEST_MISMATCH = 2,
    UPLOAD_TOO_LARGE = 3,
    UPLOAD_TOO_SLOW = 4,
    UPLOAD_MALFORMED = 5,
};
enum query_kind {
    QUERY_TRANSFER = 1,
    QUERY_TRANSFERS = 2,
    QUERY_RECEIPT = 3,
    QUERY_INBOX = 4,
    QUERY_INBOX_ITEM = 5,
    QUERY_ACK = 6,
    QUERY_DECISION = 7,
    QUERY_HOLDS = 8,
    QUERY_APPROVAL = 9,
    QUERY_HEALTH = 10,
    QUERY_AUDIT = 11,
    QUERY_HOLD = 12,
    QUERY_COUNTERS = 13,
    QUERY_ADJUST = 14,
};
enum note_what { NOTE_APPROVAL = 1, NOTE_COUNTER = 2 };
enum answer_flag {
    ANSWER_TRANSFER = 1, /* name header.transfer in Tdz-Transfer */
    ANSWER_LOCATION = 2, /* and in Location: /v1/transfers/<id> */
    ANSWER_REPLAYED = 4, /* Idempotency-Replayed: true */
};
enum listener { LISTENER_PARTNER = 0, LISTENER_PEER = 1, LISTENER_DESK = 2 };
enum open_purpose { OPEN_INSPECT = 1, OPEN_PULL = 2 };
enum key_purpose { KEY_SEAL = 1, KEY_INBOX = 2 };
enum log_state { LOG_UNCONFIRMED = 0, LOG_CONFIRMED = 1, LOG_QUARANTINED = 2 };
enum forward_stage {
    FORWARD_UNREACHABLE = 0,
    FORWARD_OFFERED = 1,
    FORWARD_SEALED = 2,
    FORWARD_SENDING = 3,
    FORWARD_READY = 4,
    FORWARD_REFUSED = 5,
    FORWARD_TAKEN = 6,
};
enum parcel_kind { PARCEL_RELEASE = 1, PARCEL_RECEIPT = 2, PARCEL_STATE = 3 };
/* What a peer holds of a transfer; STAND_RECEIVING and below: more is to be sent. */
enum corridor_stand {
    STAND_NONE,
    STAND_OFFERED,
    STAND_RECEIVING,
    STAND_COMPLETE,
    STAND_RELEASED,
    STAND_DONE,
};
enum corridor_kind {
    CORRIDOR_OFFER = 1,
    CORRIDOR_SEAL = 2,
    CORRIDOR_RELEASE = 3,
    CORRIDOR_RECEIPT = 4,
    CORRIDOR_STATE = 5,
};
enum witness_call { WITNESS_LATEST = 1, WITNESS_ADD = 2 };

#endif
