/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the ledger's engine only. */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_PART_H
#define TDZ_GATEWAY_LEDGER_LEDGER_PART_H

#include "gateway/ledger/ledger.h"

/* What HEAD_SEEN of clerk means for a log that began after another. */
enum ledger_succeeds {
    LEDGER_SUCCEEDS_NOT,
    LEDGER_SUCCEEDS_WHOLE, /* a database of the log before that saw all its genesis names */
    LEDGER_SUCCEEDS_OLDER, /* one that did not */
};

/* -- ledger.c ----------------------------------------------------------------------------------*/
/* ERR_IO ends the ledger; err is passed through. */
enum err ledger_check(struct ledger *l, enum err err);
/* Answers with what payload_x_put wrote; nobody waiting is no fault. */
MUST_USE enum err ledger_reply(struct ledger *l, const struct chan_ticket *ticket,
                               enum msg_type type, enum err put, struct span body);
void ledger_tell_state(struct ledger *l, enum role_id role);
void ledger_tell_peer(struct ledger *l, enum role_id role, const struct ledger_peer *peer);
void ledger_quarantine(struct ledger *l, struct span why, uint64_t size);
/* Tells a clerk whose database is of the log before to come over, once a peer was asked. */
void ledger_succeed(struct ledger *l);
/* Becomes confirmed when everything that is needed for it was heard. */
void ledger_confirm(struct ledger *l);
/* True when (size, root) is a prefix of our log. */
bool ledger_holds(struct ledger *l, const struct logstore_head *head);

/* -- ledger_trust.c ----------------------------------------------------------------------------*/
/* Errors of trust_load; ERR_CONFLICT: another zone claims our origin; ERR_NOMEM; of the keys. */
MUST_USE enum err ledger_trust_load(struct span input, const char *own_zone, const char *origin,
                                    struct ledger_trust **ret);
/* NULL if unknown. */
const struct ledger_zone *ledger_trust_zone(const struct ledger_trust *trust, struct span name);
/* The log key of that name in zone. ERR_KEY_UNKNOWN. */
MUST_USE enum err ledger_trust_log(const struct ledger_zone *zone, struct span origin,
                                   struct note_key *ret);

/* -- ledger_append.c ---------------------------------------------------------------------------*/
MUST_USE enum err ledger_append(struct ledger *l, const struct ledger_in *in);
/* Writes the batch that was collected and answers. */
void ledger_append_flush(struct ledger *l);
/* An entry of our own. transfer may be NULL. */
void ledger_append_incident(struct ledger *l, const uint8_t *transfer, uint32_t n, struct span code,
                            struct span detail);
/* prev and note: of entry_write_genesis. */
MUST_USE enum err ledger_append_genesis(struct ledger *l, const struct entry_peer *prev,
                                        const uint8_t *note);

/* -- ledger_story.c ----------------------------------------------------------------------------*/
MUST_USE enum err ledger_story(struct ledger *l, const struct ledger_in *in);

/* -- ledger_sign.c -----------------------------------------------------------------------------*/
MUST_USE enum err ledger_sign_load(struct ledger *l);
/* Asks keeper for the next checkpoint, if one is due. */
void ledger_sign_next(struct ledger *l);
MUST_USE enum err ledger_sign_answer(struct ledger *l, enum err err, enum msg_type type,
                                     struct span body);

/* -- ledger_prove.c ----------------------------------------------------------------------------*/
MUST_USE enum err ledger_prove(struct ledger *l, const struct ledger_in *in);
/* Answers what waits and is under a checkpoint of this keeper now. */
void ledger_prove_ready(struct ledger *l);
MUST_USE enum err ledger_prove_go(struct ledger *l, const struct ledger_in *in);
MUST_USE enum err ledger_prove_file(struct ledger *l, const struct ledger_in *in);
MUST_USE enum err ledger_prove_read(struct ledger *l, const struct ledger_in *in);
/* What an entry says that a key holder must know; zeros where it says nothing. */
struct ledger_facts {
    uint8_t verdict;
    uint8_t offer_hash[32];
    uint8_t seal_hash[32];
};
MUST_USE enum err ledger_prove_facts(const struct entry *entry, struct ledger_facts *ret);

#endif
