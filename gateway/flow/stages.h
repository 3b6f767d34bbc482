/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of the path, in order: what each does when its state is driven, and when something
 * comes in. Handlers return an error only when the sender broke the rules. */
#ifndef TDZ_GATEWAY_FLOW_STAGES_H
#define TDZ_GATEWAY_FLOW_STAGES_H

#include "gateway/flow/flow_run.h"
#include "schemas/entry.h"
#include "schemas/json.h"

/* 1 accept, authenticate, preflight */
enum err s1_accept_open(struct flow *f, unsigned edge, const struct chan_ticket *t, struct msg *m);
enum err s1_accept_preflighted(struct flow *f, struct flow_run *run, const struct msg *m);
enum err s1_accept_offered(struct flow *f, struct flow_run *run, const struct msg *m);
/* The code with which an upload of that name, facts and length (STORE_NONE: not told) is refused
 * whatever judge would say; NULL: none. */
const char *s1_accept_refusal(struct flow *f, struct span name, struct span facts, uint64_t length);
/* No row yet and a question failed, or time is up. */
void s1_accept_drop(struct flow *f, struct flow_run *run, const char *code);

/* 2 receive while inspector and sealer work */
void s2_receive_open(struct flow *f, struct flow_run *run);
enum err s2_receive_keyed(struct flow *f, struct flow_run *run, const struct msg *m);
enum err s2_receive_end(struct flow *f, unsigned edge, const struct chan_ticket *t, struct msg *m);
enum err s2_receive_inspected(struct flow *f, unsigned index, struct msg *m);
enum err s2_receive_failed(struct flow *f, unsigned index, const struct msg *m);
/* Ends a transfer that was not sealed: keys and files go, nothing was logged. */
void s2_receive_fail(struct flow *f, struct flow_run *run, const char *code, struct span detail);
/* Nobody sends any more, or what must follow the last byte does not come. */
void s2_receive_late(struct flow *f, struct flow_run *run);

/* 3 sealed */
enum err s3_seal_sealed(struct flow *f, unsigned index, const struct msg *m);
void s3_seal_join(struct flow *f, struct flow_run *run);

/* 4 reserve, 5 decide */
void s4_reserve_drive(struct flow *f, struct flow_run *run);
/* A transfer held for others' reservations: decides again once none is left. */
void s4_reserve_retry(struct flow *f, struct flow_run *run);
void s5_decide_drive(struct flow *f, struct flow_run *run);
enum err s5_decide_decided(struct flow *f, struct flow_run *run, const struct msg *m);
enum err s5_decide_permitted(struct flow *f, const struct msg *m);
enum err s5_decide_vouched(struct flow *f, struct flow_run *run, const struct msg *m);
/* Decide again under the next n (old or stale permit, counters). */
void s5_decide_again(struct flow *f, struct flow_run *run);
/* What must be stored for it; a flow_run_fill. */
enum err s5_decide_reopen(struct flow *f, struct flow_run *run, const void *arg);

/* 6 log */
void s6_log_preflight(struct flow *f, struct flow_run *run);
void s6_log_append(struct flow *f, struct flow_run *run);
void s6_log_appended(struct flow *f, struct flow_run *run, const struct p_appended *p);
void s6_log_seal(struct flow *f, struct flow_run *run);
enum err s6_log_signed(struct flow *f, struct flow_run *run, const struct msg *m);
/* APPEND of the entry (kind, n) of the run. */
void s6_log_entry(struct flow *f, struct flow_run *run, uint8_t kind, uint64_t n);
/* PROVE for the entry (kind, n) of the run. */
void s6_log_prove(struct flow *f, struct flow_run *run, uint8_t kind, uint64_t n);
/* Reads APPENDED and keeps the head. ERR_AGAIN: not logged, ask again; ERR_CONFLICT: the log has
 * another entry in its place. Other: a violation. */
enum err s6_log_read(struct flow *f, const struct msg *m, struct p_appended *ret);
/* The same for an entry of the run. Not logged: the run asks again, or doubts what it has when the
 * log has another entry. Errors are violations. */
enum err s6_log_heard(struct flow *f, struct flow_run *run, const struct msg *m,
                      struct p_appended *ret, bool *ret_logged);

/* 6 held: operators' words */
struct s6_hold_words {
    bool complete;    /* nobody's word is missing */
    uint8_t held[32]; /* digest of the record they are about */
    struct span notes;
};
struct s6_hold_word {
    uint64_t n; /* of its entry */
    struct span note;
    const struct p_note_answer *answer;
};
/* True if the row waits for operators. */
bool s6_hold_is(const struct store_row *row);
/* The words stored for the row's next decision, in the room. */
enum err s6_hold_words(struct flow *f, const struct store_row *row, struct s6_hold_words *ret);
/* The record whose digest is held, in the room. ERR_NOT_FOUND. */
enum err s6_hold_record(struct flow *f, const struct store_row *row, const uint8_t held[static 32],
                        struct span *ret);
enum err s6_hold_count(struct flow *f, const struct store_row *row, uint64_t *ret_n,
                       bool *ret_pending);
/* Stores a word that judge checked; it is appended and acted on from there. */
enum err s6_hold_word(struct flow *f, struct flow_run *run, const struct s6_hold_word *word);
void s6_hold_append(struct flow *f, struct flow_run *run);
void s6_hold_appended(struct flow *f, struct flow_run *run, const struct p_appended *p);
/* Within a transaction: the words that the last decision rested on, for the next one. */
enum err s6_hold_carry(struct flow *f, const struct flow_run *run);

/* 7 forward, 8 release */
void s7_forward_drive(struct flow *f, struct flow_run *run);
/* True while link is to carry the body of the run. */
bool s7_forward_runs(const struct flow_run *run);
/* Released, but the peer lost part of the body before it was durable: carries it again. */
void s7_forward_resend(struct flow *f, struct flow_run *run);
enum err s7_forward_told(struct flow *f, struct flow_run *run, const struct msg *m);
enum err s7_forward_state(struct flow *f, const struct msg *m);
enum err s8_release_wrapped(struct flow *f, struct flow_run *run, const struct msg *m);
void s8_release_send(struct flow *f, struct flow_run *run);
enum err s8_release_proof(struct flow *f, struct flow_run *run, const struct msg *m);
enum err s8_release_sent(struct flow *f, struct flow_run *run, const struct msg *m);

/* 9 receipt, settled, refused */
enum err s9_receipt_in(struct flow *f, const struct chan_ticket *t, struct span peer,
                       const uint8_t id[static 16], struct span body);
enum err s9_receipt_verified(struct flow *f, struct flow_job *job, const struct msg *m);
void s9_receipt_append(struct flow *f, struct flow_run *run);
void s9_receipt_appended(struct flow *f, struct flow_run *run, const struct p_appended *p);
/* Gives a transfer up that was logged or left (export): entry `refused`. */
void s9_receipt_refuse(struct flow *f, struct flow_run *run, const char *by, const char *reason,
                       enum flow_state outcome);

/* Import. */
enum err i1_offer_in(struct flow *f, const struct chan_ticket *t, struct msg *m);
/* The same about an offer that is stored, before its SEAL. */
enum err i1_offer_rechecked(struct flow *f, struct flow_run *run, const struct p_import_checked *p);
enum err i1_offer_checked(struct flow *f, struct flow_run *run, const struct msg *m);
void i1_offer_drop(struct flow *f, struct flow_run *run);
void i1_offer_expire(struct flow *f, struct flow_run *run);
enum err i2_body_seal(struct flow *f, const struct chan_ticket *t, struct flow_run *run,
                      struct span body);
enum err i2_body_checked(struct flow *f, struct flow_run *run, const struct msg *m);
/* Answers the SEAL request that waits, if one does. */
void i2_body_stop(struct flow *f, struct flow_run *run, uint16_t status);
enum err i2_body_state(struct flow *f, const struct msg *m);
enum err i4_release_in(struct flow *f, const struct chan_ticket *t, struct flow_run *run,
                       struct span body);
/* Destroys RELEASE, which wraps the data key for us; the exporter's entry and proof stay. */
MUST_USE enum err i4_release_forget(struct flow *f, const struct store_row *row);
enum err i4_release_verified(struct flow *f, struct flow_job *job, const struct msg *m);
void i5_open_drive(struct flow *f, struct flow_run *run);
enum err i5_open_unwrapped(struct flow *f, struct flow_run *run, const struct msg *m);
enum err i5_open_opened(struct flow *f, unsigned index, const struct msg *m);
/* Forget the attempt and start it again. */
void i5_open_again(struct flow *f, struct flow_run *run);
/* The same after judge or keeper forgot what they must know of it: they are told first. */
void i5_open_forgotten(struct flow *f, struct flow_run *run);
/* It does not open; after a few attempts it is given up. */
void i5_open_damaged(struct flow *f, struct flow_run *run);
/* The attempt ended with its inspector or its time: after many of them it is given up. */
void i5_open_failed(struct flow *f, struct flow_run *run);
/* A process that worked on it died. */
void i5_open_orphaned(struct flow *f, struct flow_run *run, bool inspector);
/* Its inspector says why it did not come to an end. */
void i5_open_uninspected(struct flow *f, struct flow_run *run, uint16_t err);
/* It is never opened or decided on, for that reason (err: what was said): given up at once. */
void i5_open_never(struct flow *f, struct flow_run *run, uint16_t err, const char *reason);
/* Its body does not open or is not there: it is asked for again, once, then given up. */
void i5_open_lost(struct flow *f, struct flow_run *run, const char *reason);
void i5_open_join(struct flow *f, struct flow_run *run);
/* What another role's error means for an import (flow_never.c): may the question be answered
 * otherwise later; what its end is called; was it said, or the attempt lost, or what it rests on
 * forgotten, often enough. */
bool flow_never_passes(uint16_t err);
const char *flow_never_reason(uint16_t err, const char *other);
bool flow_never_said(struct flow_run *run);
bool flow_never_lost(struct flow_run *run);
bool flow_never_forgotten(struct flow_run *run);
/* Judge is asked about the offer again, so that a keeper that forgot hears of it. */
void i5_open_reoffer(struct flow *f, struct flow_run *run);
enum err i5_open_rechecked(struct flow *f, struct flow_run *run, const struct msg *m);
void i6_decide_drive(struct flow *f, struct flow_run *run);
/* Gives an import up: entry `refused`, no key stays. */
void i6_decide_refuse(struct flow *f, struct flow_run *run, const char *by, const char *reason,
                      enum flow_state outcome);
/* What such an end stands on, for a transaction that is open: the entry, and no key. */
MUST_USE enum err i6_decide_note(struct flow *f, struct flow_run *run, const char *by,
                                 const char *reason, enum flow_state outcome);
void i6_decide_append(struct flow *f, struct flow_run *run);
void i6_decide_appended(struct flow *f, struct flow_run *run, const struct p_appended *p);
/* A receipt that can never be signed: the import ends without it. */
void i7_settle_unsigned(struct flow *f, struct flow_run *run, uint16_t err);
void i7_settle_drive(struct flow *f, struct flow_run *run);
/* The receipt that ended the import, as what is to be carried. False: there is none. */
bool i7_settle_errand(const struct store_row *row, struct store_errand *ret);
enum err i7_settle_signed(struct flow *f, struct flow_run *run, const struct msg *m);
enum err i8_pull_open(struct flow *f, unsigned edge, const struct chan_ticket *t, struct msg *m);
void i8_pull_drive(struct flow *f, struct flow_job *job);
enum err i8_pull_answer(struct flow *f, struct flow_job *job, const struct msg *m);
void i8_pull_end(struct flow *f, uint32_t pull);
/* A stored part that is a JSON object, in the room. ERR_NOT_FOUND: it is not there, or empty;
 * ERR_TYPE: no object; those of json_read. */
MUST_USE enum err flow_part_json(struct flow *f, const struct store_row *row, enum store_part what,
                                 uint64_t n, struct json_doc *ret);
/* Tells the operators when row, which is about to be settled, obliges them to notify someone. */
void flow_duty_tell(struct flow *f, const struct store_row *row);
/* For the detail of a refusal: what in the data contradicts the declaration; empty when nothing
 * does. A view into the room. */
MUST_USE enum err flow_columns(struct flow *f, const struct store_row *row, struct span *ret);
/* The exporter's entry that RELEASE came with; ret views row and leaf[32]. Errors of the store and
 * of the parcel. */
MUST_USE enum err i9_erase_peer(struct flow *f, const struct store_row *row,
                                uint8_t leaf[static 32], struct entry_peer *ret);
/* Erases an import that the log says was received, as entry n, and that cannot be kept. */
void i9_erase_received(struct flow *f, struct flow_run *run, uint64_t n, const char *reason);
bool i9_erase_ack(struct flow *f, struct flow_run *run);
void i9_erase_due(struct flow *f, struct flow_run *run);
void i9_erase_append(struct flow *f, struct flow_run *run);
void i9_erase_appended(struct flow *f, struct flow_run *run, const struct p_appended *p);

/* A log that follows a lost one. */

/* This database is of the log before: it comes over. ERR_RANGE: ledger broke the rules. */
MUST_USE enum err flow_succeed(struct flow *f, const struct p_ledger_state *p);
/* Takes up what is still to be said again. */
void flow_succeed_resume(struct flow *f);
void flow_succeed_drive(struct flow *f, struct flow_job *job);
MUST_USE enum err flow_succeed_answer(struct flow *f, struct flow_job *job, const struct msg *m);

#endif
