/* SPDX-License-Identifier: Apache-2.0 */
/* A contract under which a partner sends one kind of dataset to one recipient (tdz.agreement/1).
 * Spec: formats.md "Agreement and partner". */
#ifndef TDZ_POLICY_AGREEMENT_H
#define TDZ_POLICY_AGREEMENT_H

#include "policy/envelope.h"
#include "policy/facts.h"

enum { AGREEMENT_FIELDS_MAX = 1024, AGREEMENT_EVIDENCE_MAX = 32, AGREEMENT_TEXT_MAX = 256 };
/* Evidence and agreements must stay valid this long beyond now: the default of crossing_margin
 * (design.md 5, Time). */
#define AGREEMENT_MARGIN_MS INT64_C(3600000)
#define AGREEMENT_NO_CEILING INT64_MAX

enum agreement_format {
    AGREEMENT_CSV,
    AGREEMENT_NDJSON,
    AGREEMENT_JSON,
    AGREEMENT_PLAIN,
    AGREEMENT_OPAQUE,
};

struct agreement_field {
    struct span name;
    struct span type;
    struct span class;      /* a class of the vocabulary */
    struct span identifier; /* empty without one */
    bool pseudonymised;
};

struct agreement_evidence {
    struct span kind;
    struct span ref;
    struct span scope;
    uint8_t sha256[32];
    int64_t issued_ms;
    int64_t expires_ms;
    bool has_envelope;
    struct envelope envelope;
    struct span age_name;  /* evidence.<kind>.age_days */
    struct span left_name; /* evidence.<kind>.days_left */
};

struct agreement {
    struct span id;
    struct span from; /* zones */
    struct span to;
    struct span sender; /* partners */
    struct span recipient;
    struct span purpose;
    struct span basis;
    bool key_last;
    int64_t valid_from_ms;
    int64_t valid_to_ms;
    struct facts_entry *facts;
    size_t fact_count;
    struct agreement_evidence *evidence;
    size_t evidence_count;
    int64_t bytes_max; /* AGREEMENT_NO_CEILING when none */
    int64_t rows_max;
    int64_t persons_max;
    enum agreement_format format;
    struct agreement_field *fields;
    size_t field_count;
    bool additional; /* undeclared columns may come; they count as declared business */
    uint8_t sha256[32];
    struct span bytes; /* the file, for readers of its schema */
    const struct vocab *vocab;
    struct arena arena;
};

/* Reads the exact bytes of an agreement file whose SHA-256 is sha256[32]; v gives types and must
 * outlive a. agreement_finish gives the memory back. Errors with line and column: those of
 * json_read and facts_load; ERR_VERSION, ERR_MISSING, ERR_TYPE, ERR_RANGE, ERR_UNKNOWN_FIELD,
 * ERR_SYNTAX (id, time, hash), ERR_NOT_FOUND (zone, class, format, release mode, a purpose or basis
 * that is no value of its attribute), ERR_DUPLICATE (a field), those of envelope_read, ERR_CONFLICT
 * (one zone on both sides, an end before its beginning), ERR_FULL, ERR_NOMEM. */
MUST_USE enum err agreement_read(struct agreement *a, const struct vocab *v, struct span input,
                                 const uint8_t sha256[static 32], struct fault *ret_fault);
void agreement_finish(struct agreement *a);

/* ERR_NOT_YET before valid_from; ERR_EXPIRED when valid_to is not margin_ms (0 or more) beyond now.
 */
MUST_USE enum err agreement_check_valid(const struct agreement *a, int64_t now_ms,
                                        int64_t margin_ms);

/* Adds what it states to the facts of a request, as far as the vocabulary knows the attribute:
 * `to`, the ids of agreement, exporter and recipient, purpose, basis, its register facts, and for
 * each evidence kind evidence.<kind>.age_days and .days_left. days_left counts whole days that
 * remain after the margin: 0 or more is valid, negative is expired. Of several of a kind the one
 * valid longest counts; one that is not yet issued does not. envelope.within tells whether purpose,
 * recipient and every column that may come lie inside every envelope that counts and is valid (true
 * without any); envelope.persons_left is the highest integer when none of these has a ceiling, and
 * is left out for the gateway to state when one has. ERR_FULL. */
MUST_USE enum err agreement_facts(const struct agreement *a, int64_t now_ms, int64_t margin_ms,
                                  struct facts *f);

/* The evidence at index as far as its envelope is to be debited: NULL when it does not count now,
 * has expired or has no ceiling of persons. */
const struct agreement_evidence *agreement_debit(const struct agreement *a, size_t index,
                                                 int64_t now_ms, int64_t margin_ms);

/* Adds the declared classes as labels: each field's, business when undeclared columns may come or
 * nothing is declared, opaque when the format is opaque. ERR_FULL. */
MUST_USE enum err agreement_labels(const struct agreement *a, struct facts *f);

#endif
