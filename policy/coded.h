/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of one request as the codes of one compiled document: made once a dataset, then decided
 * on as often as the clock asks. Spec: background/policy.md 4. */
#ifndef TDZ_POLICY_CODED_H
#define TDZ_POLICY_CODED_H

#include "policy/compiled.h"

struct coded {
    const struct compiled *doc;
    /* By column, its code times its stride: the lowest and the highest that open attributes allow,
     * alike unless some are open. */
    uint32_t low[CODES_COLUMNS_MAX];
    uint32_t high[CODES_COLUMNS_MAX];
    bool has_open;
    uint64_t unknown[COMPILED_ATTR_WORDS]; /* attributes of the document without a value */
    uint64_t scope[COMPILED_WORDS_MAX];    /* rows that the destination and some label are in */
    struct vocab_set labels;
};

/* Codes f for doc, which must outlive ret. With preflight, attributes of source gateway that f does
 * not name are open. */
void coded_make(struct coded *ret, const struct compiled *doc, const struct facts *f,
                bool preflight);

#endif
