/* SPDX-License-Identifier: Apache-2.0 */
/* Keeper: holds every private key, and signs, wraps and unwraps only typed statements it built
 * itself, each against facts that other roles stated to it directly. This is the engine without
 * process, loop or clock, so that every rule is a unit test; keeper_role.c joins it to channels.
 * It parses no JSON. Spec: design.md 4 (invariants 1-4, 7), docs/PROCESSES.md. */
#ifndef TDZ_GATEWAY_KEEPER_KEEPER_H
#define TDZ_GATEWAY_KEEPER_KEEPER_H

#include "crypto/note.h"
#include "crypto/sign.h"
#include "crypto/tlog.h"
#include "crypto/tlssign.h"
#include "gateway/core/msg.h"
#include "gateway/core/payload.h"
#include "gateway/keeper/cases.h"
#include "gateway/keeper/keyring.h"
#include "gateway/keeper/spoolkeys.h"

/* Roots of our own log that were signed lately: a LOGGED proof must be under one of them. */
enum { KEEPER_ROOTS_MAX = 64, KEEPER_ORIGINS_MAX = 64 };

struct keeper_root {
    uint64_t size;
    struct tlog_hash root;
};

struct keeper_origin {
    char name[NOTE_NAME_MAX + 1];
    uint64_t size;
    struct tlog_hash root;
};

/* Long-lived secrets; lives in locked memory. */
struct keeper_secrets {
    struct sign_key gateway;
    struct sign_key release;
    struct sign_key log;
    struct sign_key witness;
    struct secret32 kem;
    uint8_t kem_pub[32];
    uint8_t kem_keyid[32];
    struct secret32 storage;
    struct secret32 counting;
    struct secret32 token;
};

/* What keeper says. send: to an instance of a role (generation 0 = whoever is there now); an error
 * means that it is not there. answer: to the question being handled, once. */
struct keeper_out {
    void *ctx;
    enum err (*send)(void *ctx, enum role_id role, unsigned index, uint32_t generation,
                     enum msg_type type, const uint8_t transfer[static 16], struct span body);
    enum err (*answer)(void *ctx, enum msg_type type, struct span body);
};

struct keeper_in {
    enum msg_type type;
    enum role_id from;
    unsigned from_index;
    uint8_t transfer[16];
    struct span body;
    uint64_t now_s; /* Unix seconds */
};

struct keeper {
    struct keeper_secrets *secrets;
    struct tlssign_key *tls;
    struct keyring ring;
    struct spoolkeys *spool;
    struct cases *cases;
    struct keeper_out out;
    char zone[64];
    struct note_key log_vkey;
    struct note_key witness_vkey;
    uint32_t policy_epoch;
    uint32_t verdict_max_age_s;
    bool has_signed;
    struct keeper_root roots[KEEPER_ROOTS_MAX]; /* newest last */
    size_t root_count;
    struct keeper_origin origins[KEEPER_ORIGINS_MAX];
    size_t origin_count;
    uint8_t scratch[MSG_PAYLOAD_MAX];
};

/* Handles one message. Any error is a violation by its sender. Never asserts on input. */
MUST_USE enum err keeper_handle(struct keeper *k, const struct keeper_in *in);

/* Sends the payload of the last payload_x_put into k->scratch as the answer. */
MUST_USE enum err keeper_reply(struct keeper *k, enum msg_type type, enum err put,
                               struct span body);

/* The evidence key of a container: what authenticates findings and sealed bodies to a judge that
 * lost them. ERR_CRYPTO. */
MUST_USE enum err keeper_evidence_key(const struct keeper *k, const uint8_t transfer[static 16],
                                      const uint8_t offer_hash[static 32],
                                      struct secret32 *ret_key);
/* The key under which permits are authenticated. */
MUST_USE enum err keeper_permit_key(const struct keeper *k, struct secret32 *ret_key);

/* Facts about log entries are kept per transfer, not per container. */
struct keeper_case *keeper_log_case(struct keeper *k, const uint8_t transfer[static 16]);

/* INSPECT_KEYS of a case to an inspector. ERR_ROLE_LOST, ERR_CRYPTO. */
MUST_USE enum err keeper_export_inspect_keys(struct keeper *k, const struct keeper_in *in,
                                             const struct keeper_case *c, unsigned inspector,
                                             uint32_t generation);
/* KEY_GIVE with purpose KEY_INBOX: OPEN_KEY for a pull. ERR_PROOF (no `opened` logged), ERR_AUTH.
 */
MUST_USE enum err keeper_import_give_inbox(struct keeper *k, const struct keeper_in *in,
                                           const struct p_key_give *p);

/* Handlers, by file. */
MUST_USE enum err keeper_log_handle(struct keeper *k, const struct keeper_in *in);
MUST_USE enum err keeper_export_handle(struct keeper *k, const struct keeper_in *in);
MUST_USE enum err keeper_import_handle(struct keeper *k, const struct keeper_in *in);

#endif
