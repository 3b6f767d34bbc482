/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators of one zone have signed: partners, agreements, policies and lists, found by
 * name, and the documents in force at a point in time. Filled at set-up, read-only afterwards; a
 * change is a new register that replaces the old one whole. Spec: formats.md "Policy", "Agreement
 * and partner"; policy.md 3.5.10. */
#ifndef TDZ_POLICY_REGISTER_H
#define TDZ_POLICY_REGISTER_H

#include "crypto/filenote.h"
#include "policy/activation.h"
#include "policy/agreement.h"
#include "policy/compiled.h"
#include "policy/party.h"

enum { REGISTER_PARTNERS_MAX = 1024, REGISTER_AGREEMENTS_MAX = 4096 };
enum { REGISTER_POLICIES_MAX = 64, REGISTER_LISTS_MAX = 64 };

/* Kinds of files that one operator's note makes count; a policy needs an activation. */
enum register_kind { REGISTER_PARTNER, REGISTER_AGREEMENT, REGISTER_LIST };

struct register_set {
    const struct vocab *vocab;
    struct span zone; /* whose register it is */
    struct party *partners[REGISTER_PARTNERS_MAX];
    size_t partner_count;
    struct agreement *agreements[REGISTER_AGREEMENTS_MAX];
    size_t agreement_count;
    struct source *policies[REGISTER_POLICIES_MAX];
    struct compiled *compiled[REGISTER_POLICIES_MAX]; /* of policies; NULL before compiling */
    int64_t activate_ms[REGISTER_POLICIES_MAX];       /* of the policy of the same index */
    bool emergency[REGISTER_POLICIES_MAX];
    uint8_t activation[REGISTER_POLICIES_MAX][32];   /* SHA-256 of its note */
    struct span policy_bytes[REGISTER_POLICIES_MAX]; /* as given: for lineage_check at set-up */
    size_t policy_count;
    struct list *lists[REGISTER_LISTS_MAX];
    size_t list_count;
};

/* One signed file: its name in the folder, its exact bytes, the note beside it. */
struct register_file {
    struct span name;
    struct span bytes;
    struct span note;
};

/* The documents of one direction in force, ready for ruling_run. */
struct register_active {
    const struct compiled *docs[DECIDE_DOCS_MAX];
    size_t doc_count;
};

/* An empty register of zone (a zone of v, or ERR_NOT_FOUND). v must outlive it. */
MUST_USE enum err register_init(struct register_set *r, const struct vocab *v, struct span zone);
void register_finish(struct register_set *r);

/* "tdz.partner/1" and so on: the format of that kind, static text. */
const char *register_format(enum register_kind kind);

/* Adds a file after checking that its note is about it and is signed by one of keys (operators of
 * the zone). ERR_EXISTS: a partner of that zone and name or with one of its SPIFFE ids, an
 * agreement of that id, a list of that hash is there; ERR_FULL; ERR_NOMEM; the errors of
 * filenote_check, and with ret_fault those of the file's reader. */
MUST_USE enum err register_add(struct register_set *r, enum register_kind kind,
                               const struct register_file *file, const struct note_key *keys,
                               size_t key_count, struct fault *ret_fault);

/* Adds a policy whose note is its activation; keys are those of activation_keys. *ret_in_note: the
 * fault is in the note, not in the file. lineage_check has to follow when all are added.
 * ERR_EXISTS: that id and revision is there; ERR_DENIED: it is of another zone or names a list
 * without a hash; ERR_FULL; ERR_NOMEM; the errors of source_read, activation_read and
 * activation_check. A file without a note is ERR_DENIED. */
MUST_USE enum err register_add_policy(struct register_set *r, const struct register_file *file,
                                      const struct activation_key *keys, size_t key_count,
                                      bool *ret_in_note, struct fault *ret_fault);

/* Compiles every policy with the lists that it names and that are there: once, after the last
 * register_add and register_add_policy. ERR_FULL: a document is too large, see compiled_make, and
 * ret_fault; ERR_NOMEM. */
MUST_USE enum err register_compile(struct register_set *r, struct fault *ret_fault);

/* NULL when there is none. */
const struct party *register_partner(const struct register_set *r, struct span zone,
                                     struct span name);
const struct party *register_by_spiffe(const struct register_set *r, struct span id);
const struct agreement *register_agreement(const struct register_set *r, struct span id);

/* The newest revision of each document of that direction that is activated by now and has
 * effective.from <= now < until. ERR_NOT_FOUND: none of them is closed, so nothing may cross;
 * ERR_FULL; ERR_STATE: they are not compiled. */
MUST_USE enum err register_active(const struct register_set *r, bool is_import, int64_t now_ms,
                                  struct register_active *ret);

/* The next time after now at which another document may be in force; INT64_MAX when never. */
int64_t register_next_change(const struct register_set *r, int64_t now_ms);
/* True if policies[policy] is one of register_active at now. */
bool register_is_active(const struct register_set *r, size_t policy, int64_t now_ms);

/* Fills f (initialised by the caller) with what the register says of a transfer under a: `to`,
 * declared labels, facts and evidence of the agreement, of the sender as exporter.*, of the
 * recipient as recipient.*. margin_ms: how long evidence and agreement must last beyond now.
 * ERR_NOT_FOUND: sender or recipient is not registered in its zone;
 * ERR_NOT_YET, ERR_EXPIRED: the agreement is not valid at now; ERR_FULL. */
MUST_USE enum err register_facts(const struct register_set *r, const struct agreement *a,
                                 int64_t now_ms, int64_t margin_ms, struct facts *f);

#endif
