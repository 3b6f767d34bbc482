/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of vocabulary tdz-core/4 as a bit set. A label implies its parents: health implies
 * sensitive_personal implies personal. Joins are unions, so that what is known of a stream only
 * rises. Spec: formats.md Labels, classification.md 2.1. */
#ifndef TDZ_INSPECT_LABEL_H
#define TDZ_INSPECT_LABEL_H

#include "schemas/error.h"
#include "schemas/span.h"

/* In byte order of their names, so that a walk over the bits is a sorted list. */
enum label {
    LABEL_AI_PROMPT,
    LABEL_AI_TRAINING_SET,
    LABEL_AI_WEIGHTS,
    LABEL_BIOMETRIC,
    LABEL_BUSINESS,
    LABEL_CORE,
    LABEL_CREDENTIAL,
    LABEL_EXPORT_CONTROLLED,
    LABEL_FINANCIAL_ACCOUNT,
    LABEL_GENETIC,
    LABEL_GOVERNMENT,
    LABEL_HEALTH,
    LABEL_IMPORTANT,
    LABEL_LOCATION_TRACK,
    LABEL_MINOR,
    LABEL_OPAQUE,
    LABEL_PERSONAL,
    LABEL_QUASI,
    LABEL_RELIGION,
    LABEL_SENSITIVE_PERSONAL,
    LABEL_STATE_SECRET,
    LABEL_COUNT,
};

#define LABEL_BIT(label) (UINT32_C(1) << (unsigned)(label))

/* The name of a label, static text. */
const char *label_name(enum label label);

/* ERR_NOT_FOUND when name is no label of the vocabulary. */
MUST_USE enum err label_find(struct span name, enum label *ret);

/* The set with every implied parent added. */
uint32_t label_close(uint32_t set);

/* True if data declared as declared may hold observed: observed is declared or implied by it, is
 * business, or is quasi under a declared personal class. */
bool label_covers(enum label declared, uint32_t observed);

/* The one label of set that is named for a column: the highest, and among equals the first in byte
 * order; LABEL_BUSINESS for the empty set. */
enum label label_top(uint32_t set);

#endif
