/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of an inspection: what was seen, how much could be read, which columns are what,
 * how many persons, where it contradicts the declaration. It never holds a value of the data, nor a
 * header that the agreement does not declare.
 * Spec: classification.md 4, 5; http-api.md (observed); design.md 4 invariant 6. */
#ifndef TDZ_INSPECT_FINDINGS_H
#define TDZ_INSPECT_FINDINGS_H

#include "inspect/inspection.h"
#include "schemas/canon.h"

enum findings_coverage { FINDINGS_FULL, FINDINGS_PARTIAL, FINDINGS_OPAQUE };

/* In byte order of their names. */
enum findings_reason {
    FINDINGS_BINARY,
    FINDINGS_CONTROL_BYTES,
    FINDINGS_FIELD_TOO_LONG,
    FINDINGS_FORMAT_NOT_READ,
    FINDINGS_HEADER_TOO_LONG,
    FINDINGS_IRREGULAR_QUOTING,
    FINDINGS_NUMBER_UNDECIDED, /* resident numbers among so many others that chance explains them */
    FINDINGS_TOO_MANY_COLUMNS,
    FINDINGS_UNTERMINATED_QUOTE,
    FINDINGS_UTF8_INVALID,
    FINDINGS_REASON_COUNT,
};

/* Why the data contradicts the declaration; (a) to (f) of classification.md 4. */
enum findings_rule {
    FINDINGS_UNDECLARED = 1,     /* a: a column that is not declared, and none may be added */
    FINDINGS_CLASS = 2,          /* b: observed above the declared class */
    FINDINGS_IDENTIFIER = 4,     /* c: the declared identifier fails in more than 2 % */
    FINDINGS_PSEUDONYMISED = 8,  /* d: declared pseudonymised, holds identifiers */
    FINDINGS_CEILING_BYTES = 16, /* f */
    FINDINGS_CEILING_PERSONS = 32,
    FINDINGS_CEILING_ROWS = 64,
};
enum { FINDINGS_RULE_COUNT = 7 };

struct findings_column {
    uint16_t ordinal; /* from 1 */
    uint16_t field;   /* in the fieldset, FIELDSET_MAX: undeclared */
    uint8_t declared; /* enum label; LABEL_COUNT: nothing is declared */
    uint8_t observed; /* enum label, the highest; LABEL_BUSINESS when nothing was found */
    uint8_t ident;    /* the winning enum ident, IDENT_NONE */
    uint8_t action;   /* enum transform performed (in) or expected (out) */
    uint8_t rules;    /* findings_rule bits */
    uint8_t need[IDENT_FOUND_COUNT]; /* the token strength that counts, by type */
    uint32_t labels;                 /* observed */
    uint64_t cells;                  /* not empty */
    uint64_t passes;                 /* of the winning type, that count */
    int64_t llr_mnat;                /* of the winning type; 0 without */
};

struct findings {
    enum inspection_stage stage;
    const struct fieldset *fields;
    enum findings_kind {
        FINDINGS_TABLE,
        FINDINGS_TEXT,
        FINDINGS_UNREAD,
    } kind;
    const char *opaque; /* static name of a format that is not read, or NULL */
    enum findings_coverage coverage;
    uint32_t reasons; /* 1 << findings_reason */
    uint64_t bytes;
    uint64_t rows;
    uint32_t labels; /* observed, LABEL_BITs */
    uint8_t rules;   /* of all columns and of the dataset */
    bool performed;  /* every action was performed (in) or is visible (out) */
    uint64_t persons_lower;
    uint64_t persons_upper;
    uint64_t sensitive_upper; /* of persons_upper: with sensitive data */
    uint64_t unidentified;    /* of persons_upper: counted one a row, without an identifier */
    size_t column_count;      /* at most INSPECTION_COLUMNS_MAX + 1 */
    const struct findings_column *columns; /* the inspection's */
};

/* The evidence of a finished stream, valid until the next start; NULL before. */
const struct findings *findings_of(const struct inspection *i);

/* The evidence OUT of a stream that left as it came (inspection_is_identity), without inspecting it
 * again: *ret is what an INSPECTION_OUT of the same bytes under the same declaration would find,
 * valid as long as findings_of. ERR_STATE: not finished, or something was transformed. */
MUST_USE enum err findings_as_out(const struct inspection *i, struct findings *ret);

/* The keyed hashes of the persons counted, sorted and distinct, all or those with sensitive data; a
 * view, valid until the next call for this inspection. persons_upper = *ret_len of all, plus
 * unidentified. ERR_STATE before the end of the stream. */
MUST_USE enum err findings_persons(struct inspection *i, bool sensitive, const uint64_t **ret,
                                   size_t *ret_len);

/* The canonical JSON of the evidence, in buf. It names the ruleset, so that equal bytes mean equal
 * findings under equal rules. ERR_FULL when cap is too small (FINDINGS_JSON_MAX always does). */
enum { FINDINGS_JSON_MAX = 1024 * 1024 };
MUST_USE enum err findings_json(const struct findings *f, char *buf, size_t cap,
                                struct span *ret_json);

/* SHA-256 of findings_json, made in buf. ERR_FULL, ERR_STATE, ERR_CRYPTO. */
MUST_USE enum err findings_digest(const struct findings *f, char *buf, size_t cap,
                                  uint8_t ret_digest[static 32]);

/* The object "observed" of a transfer, as a value of w. */
void findings_observed(const struct findings *f, struct canon *w);

const char *findings_coverage_name(enum findings_coverage coverage);
/* The name of reason i (an index), static text. */
const char *findings_reason_name(unsigned reason);
/* The name of rule bit i (an index below FINDINGS_RULE_COUNT), static text. */
const char *findings_rule_name(unsigned rule);
/* The declared name of column, or "#ordinal" in scratch. */
struct span findings_column_name(const struct findings *f, const struct findings_column *column,
                                 char scratch[static 8]);

#endif
