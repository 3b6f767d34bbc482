/* SPDX-License-Identifier: Apache-2.0 */
/* Obligations: what a rule may ask for (formats.md "Policy", obligations of v1), and the merge of
 * what all fired rules ask. Spec: background/policy.md 3.5.8. */
#ifndef TDZ_POLICY_OBLIGATION_H
#define TDZ_POLICY_OBLIGATION_H

#include "policy/vocab.h"
#include "schemas/canon.h"

/* A kind has at most four parameters, a merged list at most 64 values; merging beyond that makes
 * the set unsupported, so a larger document tightens instead of overflowing. */
enum { OBLIGATION_PARAMS_MAX = 4, OBLIGATION_LIST_MAX = 64, OBLIGATION_KINDS_MAX = 16 };

enum obligation_value {
    OBLIGATION_INT,
    OBLIGATION_BOOL,
    OBLIGATION_TEXT,
    OBLIGATION_LIST,
};

/* One parameter of one obligation as a document wrote it; a list is sorted and unique. */
struct obligation_param {
    struct span name;
    enum obligation_value type;
    int64_t number; /* also a bool */
    struct span text;
    const struct span *list;
    size_t list_count;
};

struct obligation {
    struct span kind;
    bool supported; /* this build performs the kind, in its phase, with these parameters */
    struct obligation_param *params;
    size_t param_count;
};

struct obligation_field {
    struct span name;
    enum obligation_value type;
    int64_t number;
    struct span text;
    struct span list[OBLIGATION_LIST_MAX];
    size_t list_count;
};

struct obligation_merged {
    struct span kind;
    struct obligation_field field[OBLIGATION_PARAMS_MAX];
    size_t field_count;
};

/* The merge so far, kinds sorted. Spans point into the documents it was merged from. */
struct obligation_set {
    struct obligation_merged kind[OBLIGATION_KINDS_MAX];
    size_t kind_count;
    bool conflict;
    bool unsupported;
};

/* Reads {"kind": {parameters}} at node. Memory is taken from arena. ERR_TYPE, ERR_RANGE,
 * ERR_MISSING, ERR_DUPLICATE, ERR_SYNTAX; ERR_NOT_FOUND: a kind or zone the vocabulary does not
 * declare; ERR_FULL; ERR_NOMEM. A kind or parameter that is declared but that this build does not
 * know is no error: it makes the obligation unsupported. */
MUST_USE enum err obligation_read(const struct vocab *v, struct arena *arena,
                                  const struct json_doc *doc, const struct json_node *node,
                                  struct obligation *ret, struct fault *ret_fault);

void obligation_set_init(struct obligation_set *set);
/* Adds one obligation: max_*, within_* take the smaller, min_* the larger, suites the intersection,
 * other lists the union; scalars must be equal. Sets conflict or unsupported when it cannot. */
void obligation_set_add(struct obligation_set *set, const struct obligation *o);
/* After the last add: also unsupported if no suite asked for is one this build seals with. */
void obligation_set_close(struct obligation_set *set);

/* {"kind":{…},…} in canonical form. */
void obligation_set_write(const struct obligation_set *set, struct canon *w);

/* The same, only the kinds that v performs in phase. */
void obligation_write_phase(const struct obligation_set *set, const struct vocab *v,
                            enum vocab_phase phase, struct canon *w);

/* The merged kind or field of that name, or NULL. */
const struct obligation_merged *obligation_find(const struct obligation_set *set, const char *kind);
const struct obligation_field *obligation_field(const struct obligation_merged *m,
                                                const char *name);

/* The suite to seal with: the lowest id allowed (1 aes-256-gcm, 2 chacha20-poly1305); 1 when
 * nothing restricts it, 0 when none is left. */
uint8_t obligation_suite(const struct obligation_set *set);

#endif
