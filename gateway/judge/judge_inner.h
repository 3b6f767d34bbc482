/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of judge's engine share: what is known of a container, room for one decision, and
 * the steps that preflight, import and final decision have in common. */
#ifndef TDZ_GATEWAY_JUDGE_JUDGE_INNER_H
#define TDZ_GATEWAY_JUDGE_JUDGE_INNER_H

#include "crypto/offer.h"
#include "crypto/seal.h"
#include "gateway/judge/judge.h"
#include "gateway/judge/judge_approval.h"
#include "inspect/inspectspec.h"
#include "inspect/report.h"
#include "policy/manifest.h"
#include "policy/record.h"
#include "policy/ruling.h"
#include "schemas/entry.h"

enum { JUDGE_FACTS_BYTES_MAX = 49152, JUDGE_FACTS_NODES_MAX = 4096 };
enum { JUDGE_HOLD_BYTES_MAX = 16384 };
enum { JUDGE_RECIPIENTS_MAX = MANIFEST_RECIPIENTS_MAX, JUDGE_SALTS_BYTES_MAX = 4096 };

/* Bytes on the heap, owned. */
struct judge_blob {
    uint8_t *ptr;
    size_t len;
};

/* One container of one transfer. */
struct judge_case {
    bool used;
    uint64_t touched;
    uint8_t transfer[16];
    enum direction direction;
    uint8_t offer_hash[32];
    bool has_offer;           /* false: only keeper's word is there so far */
    struct judge_blob inputs; /* agreement, partner, name, facts, performed; spans below */
    struct span agreement;
    struct span sender;
    struct span name;
    struct span facts;                       /* JSON object of the sender, as evaluated */
    struct span performed;                   /* canonical: stream obligations fixed at preflight */
    struct span labels[MANIFEST_LABELS_MAX]; /* import: what the manifest declares */
    size_t label_count;
    char peer[64]; /* the other zone */
    uint8_t suite;
    uint8_t recipients[JUDGE_RECIPIENTS_MAX][32];
    size_t recipient_count;
    uint8_t spec_hash[32];
    uint8_t agreement_sha256[32]; /* of the document it was let in by; zero: none is known */
    uint8_t peer_ruleset[32];
    int64_t created;
    /* questions that were answered, to answer them alike */
    uint8_t pre_question[32];
    struct judge_blob pre_answer;
    struct judge_blob pre_told; /* PRE or PRE_IMPORT to keeper */
    bool has_decided;
    uint16_t n;
    uint8_t decide_question[32];
    struct judge_blob decide_answer;
    struct judge_blob permit;
    uint8_t record_hash[32];
    bool is_held; /* decision n was a hold; approvals must name it */
    /* the record that operators speak about, as clerk brought it */
    bool has_held;
    uint8_t held[32];             /* its digest, which their notes name */
    struct judge_blob held_rules; /* those that hold in it: "document/rule" NUL ... */
    /* evidence */
    struct judge_blob report;
    uint8_t report_hash[32];
    bool report_direct; /* from the inspector itself */
    bool has_vouch;
    uint8_t vouch_hash[32];
    bool has_seal;
    struct seal seal;
    uint8_t seal_hash[32];
    bool has_opened;
    uint8_t opened_root[32];
};

/* What one decision needs; too large for a stack. */
struct judge_work {
    struct facts facts;
    struct ruling ruling;
    struct decision decision;
    struct json_node fact_nodes[JUDGE_FACTS_NODES_MAX];
    uint8_t fact_text[JUDGE_FACTS_BYTES_MAX];
    struct json_node duty_nodes[JUDGE_FACTS_NODES_MAX];
    uint8_t duty_text[JUDGE_FACTS_BYTES_MAX];
    struct offer_scratch offer;
    struct inspectspec_scratch spec_scratch;
    struct inspectspec spec;
    struct report_scratch report_scratch;
    struct report report;
    char record[RECORD_BYTES_MAX];
    char answer[MSG_PAYLOAD_MAX];
    char entry[ENTRY_BYTES_MAX + 1];
    char salts[JUDGE_SALTS_BYTES_MAX];
    char manifest[MANIFEST_BYTES_MAX];
    char performed[JUDGE_FACTS_BYTES_MAX];
    char facts_json[JUDGE_FACTS_BYTES_MAX];
    char spec_json[INSPECTSPEC_BYTES_MAX];
    char observed[REPORT_OBSERVED_MAX];
    char verdict[MSG_PAYLOAD_MAX];
    char duties[JUDGE_FACTS_BYTES_MAX];
    char hold[JUDGE_HOLD_BYTES_MAX];
    struct judge_votes votes;
};

/* max(wall, time of the last entry). */
int64_t judge_now(const struct judge *j, const struct judge_in *in);

struct judge_case *judge_case_find(struct judge *j, const uint8_t transfer[static 16]);
/* Emptied for a new container; never NULL. */
struct judge_case *judge_case_new(struct judge *j, const uint8_t transfer[static 16]);
/* ERR_NOMEM; the old bytes are freed. */
MUST_USE enum err judge_blob_set(struct judge_blob *blob, struct span bytes);
static inline struct span
judge_blob_span(const struct judge_blob *blob)
{
    return span_of(blob->ptr, blob->len);
}

/* True while the agreement of the case reads as it did when it was let in. */
bool judge_case_is_current(const struct judge *j, const struct judge_case *c);

/* Copies what a decision is about into the case. ERR_NOMEM. */
struct judge_inputs {
    struct span agreement;
    struct span sender;
    struct span name;
    struct span facts;
    struct span performed;
    const struct span *labels;
    size_t label_count;
};
MUST_USE enum err judge_case_inputs(struct judge_case *c, const struct judge_inputs *inputs);

/* What a request is decided on. */
struct judge_asked {
    bool is_import;
    bool preflight;
    const struct agreement *agreement;
    struct span facts; /* JSON of the sender; empty: none */
    const struct span *labels;
    size_t label_count;
    bool counters;
    uint64_t pi;
    uint64_t spi;
    struct span debits;             /* (sha256[32], U64 after) of each envelope, from clerk */
    bool no_debits;                 /* as if nothing had crossed under any envelope */
    const struct report_side *seen; /* NULL at preflight */
    bool contradicted;              /* besides what seen says */
    int64_t now_ms;
};
/* Fills work->facts and runs work->decision. ERR_TYPE, ERR_SYNTAX and others of json_read: facts
 * are no object; ERR_NOT_FOUND: a party is not registered, or no closed policy is in force;
 * ERR_NOT_YET, ERR_EXPIRED: the agreement. */
MUST_USE enum err judge_evaluate(struct judge *j, const struct judge_asked *q);

/* The part of it after work->facts is filled: the documents in force decide. ERR_NOT_FOUND: none of
 * them is closed. */
MUST_USE enum err judge_rule(struct judge *j, bool is_import, bool preflight, int64_t now_ms);

/* Record, API answer, both in work; the record's digest. */
struct judge_words {
    struct span record;
    struct span decision;
    uint8_t record_hash[32];
};
MUST_USE enum err judge_words_make(struct judge *j, struct judge_words *ret);

/* Entry, salts and leaf of a decision, in work. */
struct judge_entry {
    enum entry_kind kind; /* ENTRY_DECISION, ENTRY_RECEIVED */
    const char *phase;
    uint16_t n;
    const uint8_t *transfer;
    struct span agreement;
    struct span sender;
    struct span recipient;
    struct span name;
    const uint8_t *record_hash;
    struct span from;
    struct span to;
    uint8_t suite;
    uint64_t bytes;
    bool counters;
    uint64_t pi;
    uint64_t spi;
    const uint8_t *offer;
    const uint8_t *seal;
    const uint8_t *root;
    const uint8_t *release;
    struct entry_peer peer;
    int64_t now_ms;
};
struct judge_leaf {
    struct span entry;
    struct span salts;
    uint8_t leaf[32];
};
MUST_USE enum err judge_entry_make(struct judge *j, const struct judge_entry *e,
                                   struct judge_leaf *ret);

/* The specification for the inspector from an agreement and performed obligations, in work; read
 * back into work->spec. ERR_UNSUPPORTED, ERR_NOT_FOUND: this build cannot do them on that schema.
 */
MUST_USE enum err judge_spec_make(struct judge *j, bool is_import, const struct agreement *a,
                                  struct span performed, struct span *ret_spec,
                                  uint8_t ret_hash[static 32]);

/* An error of judge_spec_make that says: the agreement does not have what is to be performed. */
bool judge_spec_is_changed(enum err err);

/* Sends body as the answer; put is the result of encoding it. */
MUST_USE enum err judge_reply(struct judge *j, enum msg_type type, enum err put, struct span body);

/* Handlers, by file. */
MUST_USE enum err judge_preflight_handle(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_import_handle(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_evidence_findings(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_evidence_sealed(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_evidence_opened(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_evidence_vouched(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_evidence_brought(struct judge *j, const struct judge_in *in);
MUST_USE enum err judge_decide_handle(struct judge *j, const struct judge_in *in);

/* ERR_SHORT, ERR_RANGE: no list of documents; ERR_NOMEM. */
MUST_USE enum err judge_floor_handle(struct judge *j, const struct judge_in *in);
/* ERR_CONFLICT: the record is not the one named; errors of the JSON reader: it is none. */
MUST_USE enum err judge_held_handle(struct judge *j, const struct judge_in *in);
/* True if the rule holds in the record that HELD brought. */
bool judge_held_names(const struct judge_case *c, const struct decide_fired *fired);

MUST_USE enum err judge_note_handle(struct judge *j, const struct judge_in *in);

/* The OFFER of a container: framing, signature by a gateway key of zone, canonical manifest with
 * every field. Views into work->offer. */
MUST_USE enum err judge_offer_read(struct judge *j, struct span zone, struct span bytes,
                                   int64_t now_ms, struct manifest *ret, struct span *ret_facts,
                                   struct span *ret_performed, uint8_t ret_hash[static 32]);

#endif
